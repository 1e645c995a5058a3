/**
 * Providers, stock ones and ours, that come, go, break, reload and move at random: in the end each sees exactly who
 * is there.
 */
import '../support/virtual-time.js'

import { createRng, int, pick, type Rng, seedFrom } from '../support/rng.js'
import { ROOM_VERSIONS, type RoomTab, StockRoom } from '../support/stock-room.js'
import { assert, isLongRun, note, suite } from '../support/suite.js'

const test = suite('presence fuzz')

const RUNS = isLongRun ? 400 : 30
const STEPS = 60
const MAX_TABS = 6
const SPACE = 'space'
/** Stock clients that came back see others when these renew their state, after 18 s at most. */
const CALM_MS = 40_000

interface Seat {
  tab: RoomTab
  isConnected: boolean
}

class Run {
  readonly #rng: Rng
  readonly #room = new StockRoom()
  readonly #seats: Seat[] = []
  /** Servers' ends that have not been told yet. */
  #halfOpen: (() => void)[] = []
  #turn = 0
  readonly journal: string[] = []

  constructor(seed: number) {
    this.#rng = createRng(seed)
  }

  async run(): Promise<void> {
    for (let step = 0; step < STEPS; step++) await this.#step()
    for (const tell of this.#halfOpen.splice(0)) tell()
    await this.#room.advance(CALM_MS)
    this.#check()
  }

  close(): Promise<void> {
    return this.#room.close()
  }

  async #step(): Promise<void> {
    const rng = this.#rng
    if (this.#seats.length < 2 || (this.#seats.length < MAX_TABS && int(rng, 0, 9) === 0)) return this.#sit()
    const seat = pick(rng, this.#seats)
    const { tab } = seat
    const act = int(rng, 0, 9)
    this.journal.push(`${tab.clientId}: ${act}`)
    if (act < 3) tab.awareness.setLocalState(this.#state())
    else if (act === 3) tab.awareness.setLocalState(null)
    else if (act === 4) {
      if (seat.isConnected) tab.provider.disconnect()
      else tab.provider.connect()
      seat.isConnected = !seat.isConnected
    } else if (act === 5) this.#halfOpen.push(this.#room.cut(tab))
    else if (act === 6) this.#halfOpen.shift()?.()
    else if (act === 7) await this.#reload(seat)
    if (int(rng, 0, 1) === 0) await this.#room.deliver()
    if (act > 7) await this.#room.advance(int(rng, 0, 1) === 0 ? int(rng, 10, 900) : int(rng, 1, 20) * 1_000)
  }

  async #sit(): Promise<void> {
    const tab = await this.#room.open({
      version: pick(this.#rng, ROOM_VERSIONS),
      space: SPACE,
      state: this.#state(),
      clientId: this.#room.tabs.length + 1,
    })
    this.#seats.push({ tab, isConnected: true })
  }

  /** The page again, with the same clientID and a clock that begins anew; it may have had time to say goodbye. */
  async #reload(seat: Seat): Promise<void> {
    const { tab } = seat
    if (int(this.#rng, 0, 1) === 0) this.#halfOpen.push(this.#room.cut(tab))
    tab.provider.destroy()
    tab.awareness.doc.destroy()
    const { version, clientId } = tab
    seat.tab = await this.#room.open({ version, space: SPACE, state: this.#state(), clientId })
    seat.isConnected = true
  }

  #state(): Record<string, unknown> {
    return { turn: ++this.#turn }
  }

  #check(): void {
    const present = this.#seats.filter(
      ({ tab, isConnected }) => isConnected && tab.awareness.getLocalState() !== null,
    )
    const told = ({ turn, plenum }: Record<string, unknown>) => ({
      turn,
      user: (plenum as Named | undefined)?.user,
    })
    for (const { tab, isConnected } of this.#seats) {
      if (!isConnected) continue
      const seen = [...tab.awareness.getStates()].filter(([id]) => id !== tab.clientId)
      const wanted = present
        .filter(other => other.tab !== tab)
        .map(other => [
          other.tab.clientId,
          { turn: other.tab.awareness.getLocalState()?.turn, user: other.tab.user },
        ])
      assert.equal(
        Object.fromEntries(seen.map(([id, state]) => [id, told(state)])),
        Object.fromEntries(wanted),
        `as ${tab.clientId} (${tab.version}) sees it`,
      )
    }
  }
}

interface Named {
  readonly user: string
}

test(`[A20] ${RUNS} times at random: stock clients and ours see exactly who is there`, {
  timeoutMs: isLongRun ? 900_000 : 60_000,
}, async () => {
  const first = seedFrom()
  for (let at = 0; at < RUNS; at++) {
    const run = new Run((first + at) % 2 ** 32)
    try {
      await run.run()
    } catch (error) {
      note(`PLENUM_SEED=${(first + at) % 2 ** 32} fails in its first run`)
      note(run.journal.join(', '))
      throw error
    } finally {
      await run.close()
    }
  }
})
