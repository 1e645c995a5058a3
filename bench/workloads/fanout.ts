/** One room in which some type at an even pace, and everybody gets every edit: what an edit costs each of them. */
import { Latencies } from '../load/latencies.js'
import { atPace } from '../load/pace.js'
import { Room } from '../load/room.js'
import { measure, untilQuiet, warmUpSeconds } from '../load/stretch.js'
import { type Figures, lower, noted, type Workload, type WorkloadContext } from '../workload.js'

const SEED = 1
const DELIVERY_TIME_MS = 60_000

export const fanout: Workload = async ({
  target,
  parameters,
  progress,
}: WorkloadContext): Promise<Figures> => {
  const { clients, writers, rate, seconds } = parameters
  const server = await target.start()
  try {
    progress(`${clients} clients join`)
    const room = await Room.open({ server, space: 'fanout', clients, writers, seed: SEED })
    const typeFor = async (seconds: number): Promise<void> => {
      const type = (writer: number, dueMs: number): void => room.type(writer, dueMs)
      await atPace({ actors: writers, perSecond: rate, seconds, act: type })
      await room.whenDelivered(DELIVERY_TIME_MS)
    }
    await typeFor(warmUpSeconds(seconds))
    await untilQuiet(server)
    room.latencies = new Latencies()
    const { receivedBytes: bytesBefore, deliveries: deliveriesBefore } = room
    progress(`${writers} of them type ${rate} characters/s each for ${seconds} s`)
    const stretch = await measure(server, () => typeFor(seconds))
    const bytes = room.receivedBytes - bytesBefore
    room.expectConverged()
    room.close()
    const edits = Math.round(writers * rate * seconds)
    return {
      'server CPU per edit delivered': lower(
        (stretch.cpuSeconds * 1e6) / (room.deliveries - deliveriesBefore),
        'µs',
      ),
      'edit → peer, median': lower(room.latencies.quantile(0.5), 'ms'),
      'edit → peer, p99': lower(room.latencies.quantile(0.99), 'ms'),
      'wire per client': lower(bytes / clients / edits, 'bytes/edit'),
      'load generator busy': noted(stretch.loadBusyPercent, '%'),
    }
  } finally {
    await server.dispose()
  }
}
