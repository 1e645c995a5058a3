/** Who delivered which clocks in one flush; what one user typed in one go is one range. */
import type { EngineOutcome } from './engine.js'
import type { Inbound } from './session.js'
import type { Delivery } from './update-store.js'

/** @param outcomes one per message */
export const deliveriesOf = (
  messages: readonly Pick<Inbound, 'user'>[],
  outcomes: readonly EngineOutcome[],
): Delivery[] => {
  const deliveries: { user: string; client: number; clock: number; length: number }[] = []
  /** Of each client the last one. */
  const lastOf = new Map<number, (typeof deliveries)[number]>()
  for (let i = 0; i < messages.length; i++) {
    const { user } = messages[i]!
    const outcome = outcomes[i]!
    if (!('ranges' in outcome)) continue
    for (const { client, clock, length } of outcome.ranges) {
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
