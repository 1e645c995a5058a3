/**
 * Everybody in a room moves a cursor, an awareness state each, and sees all others move. A server may leave out
 * states that newer ones have replaced; it is done when everybody knows everybody's last one.
 */
import { atPace } from '../load/pace.js'
import { Room } from '../load/room.js'
import { measure, untilQuiet, WARM_UP_SECONDS } from '../load/stretch.js'
import { lower, noted, type Workload } from '../workload.js'

const SEED = 2
const SETTLE_TIME_MS = 120_000

const cursorState = (member: number, position: number): string =>
  JSON.stringify({
    user: { name: `Member ${member}`, color: `hsl(${(member * 37) % 360} 70% 45%)` },
    cursor: { anchor: position, head: position },
  })

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
      let position = 0
      const moveFor = async (seconds: number): Promise<void> => {
        const act = (member: number): void => room.announce(member, cursorState(member, ++position))
        await atPace({ actors: clients, perSecond: rate, seconds, act })
        const isKnown = (): boolean => room.isEverybodyKnown
        await room.until('everybody knows the last position of everybody', isKnown, SETTLE_TIME_MS)
        await untilQuiet(server)
      }
      await moveFor(WARM_UP_SECONDS)
      const bytesBefore = room.receivedBytes
      progress(`${clients} cursors move ${rate} times a second for ${seconds} s`)
      const stretch = await measure(server, () => moveFor(seconds))
      const bytes = room.receivedBytes - bytesBefore
      const isDeflated = room.members.every(member => member.isDeflated)
      room.close()
      const moves = Math.round(clients * rate * seconds)
      return {
        'server CPU per move': lower((stretch.cpuSeconds * 1e6) / moves, 'µs'),
        'wire per client': lower(bytes / clients / moves, 'bytes/move'),
        ...(isDeflating ? { 'deflate was negotiated': noted(Number(isDeflated), '1 = yes') } : {}),
        'load generator busy': noted(stretch.loadBusyPercent, '%'),
      }
    } finally {
      await server.dispose()
    }
  }
