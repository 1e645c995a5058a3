/**
 * A crowd in one room, some of whom move a cursor: what it costs, how often everybody sees each cursor move, what
 * the server holds for it, and that nothing of it is left, in memory or on anybody's screen, when all have gone.
 */
import { cursorState, moveCursors } from '../load/cursors.js'
import { Room } from '../load/room.js'
import { Sightings } from '../load/sightings.js'
import { measure, untilQuiet, warmUpSeconds } from '../load/stretch.js'
import type { Memory, RunningServer } from '../targets/target.js'
import { higher, lower, noted, type Workload } from '../workload.js'

const SEED = 13
const SPACE = 'crowd'
const WARM_UP_CLIENTS = 20
const WARM_UP_RATE = 10
const JOINING_AT_ONCE = 50
const SETTLE_TIME_MS = 120_000
const NOTICE_TIME_MS = 30_000

export const crowd: Workload = async ({ target, parameters, progress }) => {
  const { clients, rate, seconds } = parameters
  const movers = parameters.writers
  const server = await target.start()
  try {
    const before = await memoryOfEmpty(server)
    progress(`${clients} members join`)
    const room = await openRoom(server, { space: SPACE, clients, seed: SEED })
    await moveCursors(room, { movers, perSecond: rate, seconds: warmUpSeconds(seconds) })
    await untilQuiet(server)
    room.sightings = new Sightings()
    const bytesBefore = room.receivedBytes
    progress(`${movers} of them move a cursor ${rate} times a second for ${seconds} s`)
    const { result: moved, ...stretch } = await measure(server, () =>
      moveCursors(room, { movers, perSecond: rate, seconds }),
    )
    const bytes = room.receivedBytes - bytesBefore
    await untilQuiet(server)
    const full = await server.memory()
    progress('all leave')
    await leaveNoGhost(room, server)
    await untilQuiet(server)
    const after = await server.memory()
    const mebibytes = (of: keyof Memory): number => (after[of] - before[of]) / 2 ** 20
    return {
      'server CPU per move': lower((stretch.cpuSeconds * 1e6) / moved.moves, 'µs'),
      'refresh rate seen': higher(moved.seenPerSecond, '/s'),
      'move → seen, median': lower(room.sightings.latencies.quantile(0.5), 'ms'),
      'move → seen, p99': lower(room.sightings.latencies.quantile(0.99), 'ms'),
      'wire per update seen': lower(bytes / room.sightings.count, 'bytes'),
      // A slow server has less of both for each second.
      'wire per client': noted(bytes / clients / stretch.seconds / 1024, 'KiB/s'),
      'server CPU, of a core': noted((stretch.cpuSeconds / stretch.seconds) * 100, '%'),
      'memory per member': lower((full.heldBytes - before.heldBytes) / clients / 1024, 'KiB'),
      'memory kept when all have left': noted(mebibytes('heldBytes'), 'MiB'),
      'resident memory kept when all have left': noted(mebibytes('rssBytes'), 'MiB'),
      'moved until the server was 2 s behind': noted(moved.movedSeconds, 's'),
      'load generator busy': noted(stretch.loadBusyPercent, '%'),
    }
  } finally {
    await server.dispose()
  }
}

const openRoom = async (
  server: RunningServer,
  options: { readonly space: string; readonly clients: number; readonly seed: number },
): Promise<Room> => {
  const stateOf = (member: number): string => cursorState(member, 0)
  const joiningAtOnce = JOINING_AT_ONCE
  const room = await Room.open({ server, writers: 0, stateOf, joiningAtOnce, laterClients: 1, ...options })
  const isEverybodyKnown = (): boolean => room.fewestKnown === options.clients - 1
  await room.until('everybody knows everybody', isEverybodyKnown, SETTLE_TIME_MS)
  return room
}

/** What the first clients bring into being, code above all, is not what a crowd costs. */
const memoryOfEmpty = async (server: RunningServer): Promise<Memory> => {
  const room = await openRoom(server, { space: 'warm-up', clients: WARM_UP_CLIENTS, seed: SEED })
  await moveCursors(room, { movers: WARM_UP_CLIENTS, perSecond: WARM_UP_RATE, seconds: 1 })
  room.close()
  await untilQuiet(server)
  return server.memory()
}

/** All but the last leave, who has to notice; and who comes then is told of nobody else. @throws Error where one is left */
const leaveNoGhost = async (room: Room, server: RunningServer): Promise<void> => {
  const last = room.members.length - 1
  for (let member = 0; member < last; member++) room.leave(member, 'closes')
  await room.until(
    'who is left shows nobody',
    () => room.departures.ghosts === 0 && room.fewestKnown === 0,
    NOTICE_TIME_MS,
  )
  await room.join()
  await room.until('the two who are left know each other', () => room.fewestKnown >= 1, NOTICE_TIME_MS)
  await untilQuiet(server)
  const shown = room.mostKnown
  if (shown > 1) throw new Error(`${shown - 1} of those who left are still shown`)
  room.close()
}
