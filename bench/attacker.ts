/**
 * Attacks a space until it is told to stop, from a process of its own: what is measured beside it is what the server
 * does to others, not what making the attack does to their clients. Answers `{type: 'ready'}` once it can begin, and
 * `{type: 'sent', frames}` at the end.
 */
import { once } from 'node:events'
import { constants, setPriority } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import { stock } from './dialects/stock.js'
import { ATTACKER_ID, ATTACKS } from './load/attacks.js'
import { EMPTY_STATE, LoadClient } from './load/load-client.js'
import { AwarenessFrames, PresenceEcho } from './load/presence-echo.js'
import type { Address } from './targets/target.js'

export interface AttackWish {
  readonly attack: string
  readonly space: string
  readonly address: Address
}

export type AttackerMessage = { readonly type: 'ready' } | { readonly type: 'sent'; readonly frames: number }

const PAUSE_EVERY_FRAMES = 50
/** What the server does not take yet is not made either: making it takes this machine's time, and nobody is attacked. */
const MAX_UNSENT_BYTES = 2 ** 20
const BETWEEN_ROUNDS_MS = 5
const AFTER_REFUSAL_MS = 100

const send = (message: AttackerMessage): void => {
  process.send?.(message)
}

/** @returns how many frames were sent, on a new connection whenever the last was closed */
const attack = async (
  { address, space }: AttackWish,
  frames: (round: number) => Iterable<Uint8Array>,
  isOver: () => boolean,
): Promise<number> => {
  let [sent, round] = [0, 0]
  while (!isOver()) {
    const clientId = ATTACKER_ID + round
    const client = new LoadClient({
      address,
      dialect: stock,
      space,
      clientId,
      state: EMPTY_STATE,
      presence: new PresenceEcho(0, 1),
      frames: new AwarenessFrames(new Map([[clientId, 0]])),
      isDeflating: false,
      onUpdate: () => {},
    })
    const isIn = await client.synced.then(
      () => true,
      () => false,
    )
    while (isIn && client.closedWith === null && !isOver()) {
      for (const frame of frames(round++)) {
        client.send(frame)
        // Whoever only sends never hears that it was closed, or that it is over.
        if (++sent % PAUSE_EVERY_FRAMES === 0) await pause(1)
        while (client.unsentBytes > MAX_UNSENT_BYTES && client.closedWith === null && !isOver())
          await pause(1)
        if (isOver()) break
      }
      await pause(BETWEEN_ROUNDS_MS)
    }
    client.terminate()
    if (!isIn) await pause(AFTER_REFUSAL_MS)
  }
  return sent
}

const wish = JSON.parse(process.argv[2]!) as AttackWish
const frames = ATTACKS[wish.attack]
if (frames === undefined) throw new Error(`no attack is called ${wish.attack}`)
process.on('disconnect', () => process.exit(1))
// What it makes it makes in time that nobody else wants.
setPriority(constants.priority.PRIORITY_LOW)
for (const _frame of frames(0)) break
let isOver = false
send({ type: 'ready' })
// The first message begins it, the second ends it.
await once(process, 'message')
process.once('message', () => {
  isOver = true
})
send({ type: 'sent', frames: await attack(wish, frames, () => isOver) })
process.exit()
