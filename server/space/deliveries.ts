/** Who delivered which clocks in one flush; what one user typed in one go is one range. */
import type { ClockRange, EngineOutcome } from './engine.js'
import type { Inbound } from './session.js'
import type { Delivery } from './update-store.js'

/** @param outcomes one per message */
export const deliveriesOf = (
  messages: readonly Pick<Inbound, 'user'>[],
  outcomes: readonly EngineOutcome[],
): Delivery[] => {
  // One message names each client once: there is nothing to put together.
  if (messages.length === 1)
    return rangesOf(outcomes[0]!).map(range => ({ user: messages[0]!.user, ...range }))
  const deliveries: { user: string; client: number; clock: number; length: number }[] = []
  /** Of each client the last one. */
  const lastOf = new Map<number, (typeof deliveries)[number]>()
  for (let i = 0; i < messages.length; i++) {
    const { user } = messages[i]!
    for (const { client, clock, length } of rangesOf(outcomes[i]!)) {
      const last = lastOf.get(client)
      if (last?.user === user && last.clock + last.length === clock) {
        last.length += length
        continue
      }
      const delivery = { user, client, clock, length }
      lastOf.set(client, delivery)
      deliveries.push(delivery)
    }
  }
  return deliveries
}

const rangesOf = (outcome: EngineOutcome): readonly ClockRange[] =>
  'ranges' in outcome ? outcome.ranges : []
