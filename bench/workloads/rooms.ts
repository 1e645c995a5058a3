/** Many rooms with few clients each, edited at an even pace: what a server of ordinary documents costs. */
import { Latencies } from '../load/latencies.js'
import { atPace } from '../load/pace.js'
import { Room } from '../load/room.js'
import { measure, untilQuiet, warmUpSeconds } from '../load/stretch.js'
import { lower, noted, type Workload } from '../workload.js'

export interface RoomShape {
  readonly clientsPerRoom: number
  readonly writersPerRoom: number
}

const ROOMS_AT_ONCE = 20
const DELIVERY_TIME_MS = 60_000

/** Its `clients` are those of all rooms together; its `writers` are given by the shape. */
export const rooms =
  ({ clientsPerRoom, writersPerRoom }: RoomShape): Workload =>
  async ({ target, parameters, progress }) => {
    const { clients, rate, seconds } = parameters
    const count = Math.max(1, Math.floor(clients / clientsPerRoom))
    const server = await target.start()
    const all: Room[] = []
    try {
      progress(`${count} rooms of ${clientsPerRoom} clients open`)
      while (all.length < count) {
        const opening = Array.from({ length: Math.min(ROOMS_AT_ONCE, count - all.length) }, (_, i) => {
          const number = all.length + i
          const space = `rooms-${number}`
          return Room.open({
            server,
            space,
            clients: clientsPerRoom,
            writers: writersPerRoom,
            seed: 100 + number,
          })
        })
        all.push(...(await Promise.all(opening)))
      }
      const typeFor = async (typingSeconds: number): Promise<void> => {
        await atPace({
          actors: count * writersPerRoom,
          perSecond: rate,
          seconds: typingSeconds,
          act: (actor, dueMs) => all[actor % count]!.type(Math.floor(actor / count), dueMs),
        })
        for (const room of all) await room.whenDelivered(DELIVERY_TIME_MS)
      }
      await typeFor(warmUpSeconds(seconds))
      await untilQuiet(server)
      const latencies = new Latencies()
      for (const room of all) room.latencies = latencies
      progress(`${rate} edits/s of each of ${count * writersPerRoom} writers for ${seconds} s`)
      const stretch = await measure(server, () => typeFor(seconds))
      for (const room of all) room.expectConverged()
      const edits = Math.round(count * writersPerRoom * rate * seconds)
      return {
        'server CPU per edit': lower((stretch.cpuSeconds * 1e6) / edits, 'µs'),
        'edit → peer, median': lower(latencies.quantile(0.5), 'ms'),
        'edit → peer, p99': lower(latencies.quantile(0.99), 'ms'),
        'written to disk': noted(stretch.writtenBytes / edits, 'bytes/edit'),
        'load generator busy': noted(stretch.loadBusyPercent, '%'),
      }
    } finally {
      for (const room of all) room.close()
      await server.dispose()
    }
  }
