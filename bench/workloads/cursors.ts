/**
 * Everybody in a room moves a cursor, an awareness state each, and sees all others move. A server may leave out
 * states that newer ones have replaced; it is done when everybody knows everybody's last one.
 */
import { cursorState, moveCursors } from '../load/cursors.js'
import { Room } from '../load/room.js'
import { Sightings } from '../load/sightings.js'
import { measure, untilQuiet, warmUpSeconds } from '../load/stretch.js'
import { higher, lower, noted, type Workload } from '../workload.js'

const SEED = 2

export const cursors =
  (isDeflating: boolean): Workload =>
  async ({ target, parameters, progress }) => {
    const { clients, rate, seconds } = parameters
    // Off by default in Plenum; the peers' defaults have no compression either.
    const server = await target.start(isDeflating ? { flags: ['--compression', 'on'] } : {})
    try {
      progress(`${clients} clients join`)
      const stateOf = (member: number): string => cursorState(member, 0)
      const room = await Room.open({
        server,
        space: 'cursors',
        clients,
        writers: 0,
        seed: SEED,
        stateOf,
        isDeflating,
      })
      await moveCursors(room, { movers: clients, perSecond: rate, seconds: warmUpSeconds(seconds) })
      await untilQuiet(server)
      room.sightings = new Sightings()
      const bytesBefore = room.receivedBytes
      progress(`${clients} cursors move ${rate} times a second for ${seconds} s`)
      const { result: moved, ...stretch } = await measure(server, async () => {
        const moved = await moveCursors(room, { movers: clients, perSecond: rate, seconds })
        await untilQuiet(server)
        return moved
      })
      const bytes = room.receivedBytes - bytesBefore
      const isDeflated = room.members.every(member => member.isDeflated)
      room.close()
      return {
        'server CPU per move': lower((stretch.cpuSeconds * 1e6) / moved.moves, 'µs'),
        'wire per client': lower(bytes / clients / moved.moves, 'bytes/move'),
        'refresh rate seen': higher(moved.seenPerSecond, '/s'),
        'move → seen, p99': lower(room.sightings.latencies.quantile(0.99), 'ms'),
        'moved until the server was 2 s behind': noted(moved.movedSeconds, 's'),
        ...(isDeflating ? { 'deflate was negotiated': noted(Number(isDeflated), '1 = yes') } : {}),
        'load generator busy': noted(stretch.loadBusyPercent, '%'),
      }
    } finally {
      await server.dispose()
    }
  }
