/** Closed loop: each writer edits a space of its own and sends the next edit when the last is saved. */
import * as Y from 'yjs'
import { MeasuredServer } from '../measured-server.js'
import type { Figures, WorkloadContext } from '../workload.js'

export interface SavedRate {
  readonly writers: number
  readonly seconds: number
}

export const savedRate = async (
  { progress }: WorkloadContext,
  { writers, seconds }: SavedRate,
): Promise<Figures> => {
  const server = await MeasuredServer.start()
  try {
    const docs = Array.from({ length: writers }, () => new Y.Doc())
    const connections = await Promise.all(docs.map((doc, i) => server.connect(`saved/${i}`, doc)))
    await Promise.all(connections.map(connection => connection.whenSaved()))
    const before = server.usage()
    progress(`${writers} writers for ${seconds} s`)
    const startMs = performance.now()
    const endMs = startMs + seconds * 1000
    const counts = await Promise.all(
      connections.map(async (connection, i) => {
        const text = docs[i]!.getText('text')
        let count = 0
        for (; performance.now() < endMs; count++) {
          text.insert(text.length, 'x')
          await connection.whenSaved()
        }
        return count
      }),
    )
    const elapsedSeconds = (performance.now() - startMs) / 1000
    const after = server.usage()
    for (const connection of connections) connection.close()
    const edits = counts.reduce((sum, count) => sum + count, 0)
    return {
      'saved edits': { value: edits / elapsedSeconds, unit: 'edits/s' },
      'server CPU': { value: ((after.cpuSeconds - before.cpuSeconds) * 1e6) / edits, unit: 'µs/edit' },
      'written to disk': { value: (after.writtenBytes - before.writtenBytes) / edits, unit: 'bytes/edit' },
    }
  } finally {
    await server.dispose()
  }
}
