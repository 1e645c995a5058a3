/** One author types the paper keystroke by keystroke, a transaction each, without waiting; one reader follows. */
import * as Y from 'yjs'
import { applyPatch } from '../../test/support/trace.js'
import { MeasuredServer, type Traffic } from '../measured-server.js'
import { paper } from '../typing.js'
import type { Workload } from '../workload.js'

/** Keystrokes per turn of the author's event loop: a burst, as a paste or a script would make. */
const BURST = 200

export const paperUpload: Workload = async ({ progress }) => {
  const { patches, endContent, source } = paper()
  const server = await MeasuredServer.start()
  try {
    const traffic: Traffic = { receivedBytes: 0, receivedMessages: 0 }
    const reading = new Y.Doc()
    const reader = await server.connect('paper', reading, traffic)
    const writing = new Y.Doc()
    const writer = await server.connect('paper', writing)
    await writer.whenSaved()
    const before = server.usage()
    const storedBefore = server.storedBytes()
    traffic.receivedBytes = 0
    const startMs = performance.now()
    const text = writing.getText('text')
    for (let i = 0; i < patches.length; i += BURST) {
      for (const patch of patches.slice(i, i + BURST)) applyPatch(text, patch)
      await new Promise(resolve => setImmediate(resolve))
      if (i % 50_000 === 0) progress(`${i} of ${patches.length} keystrokes of the ${source}`)
    }
    await writer.whenSaved()
    const seconds = (performance.now() - startMs) / 1000
    const after = server.usage()
    await until(reading, () => reading.getText('text').length === endContent.length)
    for (const doc of [writing, reading]) {
      if (doc.getText('text').toString() !== endContent) throw new Error('the text came out wrong')
    }
    reader.close()
    writer.close()
    const perEdit = (bytes: number) => ({ value: bytes / patches.length, unit: 'bytes/edit' })
    return {
      'edits until all saved': { value: patches.length / seconds, unit: 'edits/s' },
      'server CPU': {
        value: ((after.cpuSeconds - before.cpuSeconds) * 1e6) / patches.length,
        unit: 'µs/edit',
      },
      'wire to the reader': perEdit(traffic.receivedBytes),
      'written to disk': perEdit(after.writtenBytes - before.writtenBytes),
      'data folder grew by': perEdit(server.storedBytes() - storedBefore),
    }
  } finally {
    await server.dispose()
  }
}

export const until = async (doc: Y.Doc, isReached: () => boolean): Promise<void> => {
  while (!isReached()) await new Promise(resolve => doc.once('update', resolve))
}
