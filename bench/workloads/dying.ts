/**
 * Members die without a close: their connections stay open, as those of a stopped process do, and nothing comes of
 * them any more. How long the others go on showing them, by the server's heartbeat, which is the scenario's seconds.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { cursorState } from '../load/cursors.js'
import { Room } from '../load/room.js'
import { lower, noted, type Workload } from '../workload.js'

const SEED = 12
/** After this many it would be another cause that removed them. */
const MAX_HEARTBEATS = 5

export const dying: Workload = async ({ target, parameters, progress }) => {
  const { clients, seconds } = parameters
  const dead = parameters.writers
  const heartbeatMs = seconds * 1000
  const server = await target.start({ env: { PLENUM_HEARTBEAT: `${heartbeatMs}ms` } })
  try {
    progress(`${clients} members join`)
    const stateOf = (member: number): string => cursorState(member, 0)
    const room = await Room.open({ server, space: 'dying', clients, writers: 0, seed: SEED, stateOf })
    const waitMs = MAX_HEARTBEATS * heartbeatMs
    await room.until('everybody knows everybody', () => room.fewestKnown === clients - 1, waitMs)
    // Until each has been asked once, and has answered.
    await pause(heartbeatMs * 1.5)
    progress(`${dead} of them die within a heartbeat`)
    for (let member = 0; member < dead; member++) {
      room.leave(member, 'falls silent')
      // Each at another time of its heartbeat.
      await pause(heartbeatMs / dead)
    }
    await room.until('nobody shows the dead', () => room.departures.ghosts === 0, waitMs)
    room.close()
    const { latencies, longestMs } = room.departures
    return {
      'dead → gone for each other, longest': lower(longestMs / heartbeatMs, 'heartbeats'),
      'dead → gone for each other, median': lower(latencies.quantile(0.5) / heartbeatMs, 'heartbeats'),
      heartbeat: noted(seconds, 's'),
    }
  } finally {
    await server.dispose()
  }
}
