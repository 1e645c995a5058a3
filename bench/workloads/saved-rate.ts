/** Closed loop: each writer edits a space of its own and sends the next edit when the last is saved. */
import * as Y from 'yjs'
import { connectPlenum } from '../load/plenum-client.js'
import { measure } from '../load/stretch.js'
import { higher, lower, type Workload } from '../workload.js'

/** @param fsyncDelayMs by which each fsync is delayed; null for the disk as it is */
export const savedRate =
  (fsyncDelayMs: number | null): Workload =>
  async ({ target, parameters, progress }) => {
    const { writers, seconds } = parameters
    const server = await target.start(fsyncDelayMs === null ? {} : { fsyncDelayMs })
    try {
      const docs = Array.from({ length: writers }, () => new Y.Doc())
      const connections = await Promise.all(
        docs.map((doc, i) => connectPlenum({ server, space: `saved/${i}`, doc })),
      )
      await Promise.all(connections.map(connection => connection.whenSaved()))
      progress(`${writers} writers for ${seconds} s`)
      let edits = 0
      const stretch = await measure(server, async () => {
        const endMs = performance.now() + seconds * 1000
        await Promise.all(
          connections.map(async (connection, i) => {
            const text = docs[i]!.getText('text')
            for (; performance.now() < endMs; edits++) {
              text.insert(text.length, 'x')
              await connection.whenSaved()
            }
          }),
        )
      })
      for (const connection of connections) connection.close()
      return {
        'saved edits': higher(edits / stretch.seconds, 'edits/s'),
        'server CPU': lower((stretch.cpuSeconds * 1e6) / edits, 'µs/edit'),
        'written to disk': lower(stretch.writtenBytes / edits, 'bytes/edit'),
      }
    } finally {
      await server.dispose()
    }
  }
