/** One author types the paper keystroke by keystroke, a transaction each, without waiting; one reader follows. */
import * as Y from 'yjs'
import { applyPatch } from '../../test/support/trace.js'
import { until } from '../load/document-client.js'
import { connectPlenum, type Traffic } from '../load/plenum-client.js'
import { measure } from '../load/stretch.js'
import { paper } from '../typing.js'
import { higher, lower, type Workload } from '../workload.js'

/** Keystrokes per turn of the author's event loop: a burst, as a paste or a script would make. */
const BURST = 200

export const paperUpload: Workload = async ({ target, progress }) => {
  const { patches, endContent, source } = paper()
  const server = await target.start()
  try {
    const traffic: Traffic = { receivedBytes: 0 }
    const reading = new Y.Doc()
    const reader = await connectPlenum({ server, space: 'paper', doc: reading, traffic })
    const writing = new Y.Doc()
    const writer = await connectPlenum({ server, space: 'paper', doc: writing })
    await writer.whenSaved()
    const storedBefore = server.storedBytes()
    traffic.receivedBytes = 0
    progress(`${patches.length} keystrokes of the ${source}`)
    const stretch = await measure(server, async () => {
      const text = writing.getText('text')
      for (let i = 0; i < patches.length; i += BURST) {
        for (const patch of patches.slice(i, i + BURST)) applyPatch(text, patch)
        await new Promise(resolve => setImmediate(resolve))
      }
      await writer.whenSaved()
    })
    await until(reading, () => reading.getText('text').length === endContent.length)
    for (const doc of [writing, reading]) {
      if (doc.getText('text').toString() !== endContent) throw new Error('the text came out wrong')
    }
    reader.close()
    writer.close()
    const perEdit = (bytes: number) => lower(bytes / patches.length, 'bytes/edit')
    return {
      'edits until all saved': higher(patches.length / stretch.seconds, 'edits/s'),
      'server CPU': lower((stretch.cpuSeconds * 1e6) / patches.length, 'µs/edit'),
      'wire to the reader': perEdit(traffic.receivedBytes),
      'written to disk': perEdit(stretch.writtenBytes),
      'data folder grew by': perEdit(server.storedBytes() - storedBefore),
    }
  } finally {
    await server.dispose()
  }
}
