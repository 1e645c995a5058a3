/** Others edit in spaces of their own while one space is attacked: what they notice of it. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { AttackerMessage, AttackWish } from '../attacker.js'
import { ATTACKS } from '../load/attacks.js'
import { Latencies } from '../load/latencies.js'
import { atPace } from '../load/pace.js'
import { Room } from '../load/room.js'
import { untilQuiet, warmUpSeconds } from '../load/stretch.js'
import type { RunningServer } from '../targets/target.js'
import { type Figure, lower, noted, type Workload } from '../workload.js'

const SEED = 10
const ROOMS = 25
const DELIVERY_TIME_MS = 60_000
const ATTACKER = join(import.meta.dirname, '../attacker.js')

export const attacks: Workload = async ({ target, parameters, progress }) => {
  const { rate, seconds } = parameters
  const options = { flags: ['--workers', '1'], isOnAllCores: true }
  const server = await target.start(options)
  // Attacked as well, while nobody else is on it: what an attack takes from the whole machine, however well spaces are
  // kept apart, shows beside that.
  const other = await target.start(options)
  const rooms: Room[] = []
  try {
    for (let number = 0; number < ROOMS; number++) {
      rooms.push(
        await Room.open({ server, space: `others-${number}`, clients: 2, writers: 1, seed: SEED + number }),
      )
    }
    await p99While(rooms, rate, warmUpSeconds(seconds))
    const figures: Record<string, Figure> = {}
    for (const attack of Object.keys(ATTACKS)) {
      progress(attack)
      // Each beside its own quiet stretch: the machine is not the same all the time.
      await untilQuiet(server)
      const before = await p99While(rooms, rate, seconds)
      const elsewhere = await duringAttack({
        attack,
        server: other,
        work: () => p99While(rooms, rate, seconds),
      })
      const here = await duringAttack({ attack, server, work: () => p99While(rooms, rate, seconds) })
      figures[`p99 of the others: ${attack}`] = lower(here.result, 'ms')
      figures[`times before: ${attack}`] = lower(here.result / before, '×')
      figures[`times with another server attacked: ${attack}`] = lower(here.result / elsewhere.result, '×')
      figures[`frames sent: ${attack}`] = noted(here.frames, '')
    }
    for (const room of rooms) room.expectConverged()
    return figures
  } finally {
    for (const room of rooms) room.close()
    await other.dispose()
    await server.dispose()
  }
}

interface AttackedWork<Result> {
  readonly attack: string
  readonly server: RunningServer
  readonly work: () => Promise<Result>
}

const duringAttack = async <Result>({ attack, server, work }: AttackedWork<Result>) => {
  const space = `victim-${attack}`.replaceAll(' ', '-')
  const attacker = await Attacker.prepare({ attack, space, address: await server.address(space, 'attacker') })
  attacker.begin()
  const result = await work()
  return { result, frames: await attacker.end() }
}

const p99While = async (rooms: readonly Room[], perSecond: number, seconds: number): Promise<number> => {
  const latencies = new Latencies()
  for (const room of rooms) room.latencies = latencies
  const act = (number: number, dueMs: number): void => rooms[number]!.type(0, dueMs)
  await atPace({ actors: rooms.length, perSecond, seconds, act })
  for (const room of rooms) await room.whenDelivered(DELIVERY_TIME_MS)
  return latencies.quantile(0.99)
}

/** One attack in a process of its own. */
class Attacker {
  readonly #child

  private constructor(wish: AttackWish) {
    this.#child = fork(ATTACKER, [JSON.stringify(wish)])
  }

  /** Resolves when all that takes long to make has been made. */
  static async prepare(wish: AttackWish): Promise<Attacker> {
    const attacker = new Attacker(wish)
    await attacker.#answer()
    return attacker
  }

  begin(): void {
    this.#child.send('begin')
  }

  /** @returns how many frames it sent */
  async end(): Promise<number> {
    this.#child.send('end')
    const answer = await this.#answer()
    return answer.type === 'sent' ? answer.frames : 0
  }

  async #answer(): Promise<AttackerMessage> {
    const failed = once(this.#child, 'exit').then(([code]) => {
      throw new Error(`the attacker ended with ${code}`)
    })
    // It ends after its last answer as well.
    failed.catch(() => {})
    const [answer] = await Promise.race([once(this.#child, 'message'), failed])
    return answer as AttackerMessage
  }
}
