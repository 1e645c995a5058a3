/** The paper is on disk, the server has just started: one client opens it. */
import * as Y from 'yjs'
import { applyPatch } from '../../test/support/trace.js'
import { MeasuredServer, type Traffic } from '../measured-server.js'
import { paper } from '../typing.js'
import type { Workload } from '../workload.js'

export const coldJoin: Workload = async ({ progress }) => {
  const { patches, endContent, source } = paper()
  const server = await MeasuredServer.start()
  try {
    progress(`uploading the ${source}`)
    const writing = new Y.Doc()
    for (const patch of patches) applyPatch(writing.getText('text'), patch)
    const writer = await server.connect('paper', writing)
    await writer.whenSaved()
    writer.close()
    await server.process.stop()
    await server.process.start()
    const before = server.usage()
    const traffic: Traffic = { receivedBytes: 0, receivedMessages: 0 }
    const startMs = performance.now()
    const doc = new Y.Doc()
    const reader = await server.connect('paper', doc, traffic)
    const ms = performance.now() - startMs
    const after = server.usage()
    if (doc.getText('text').toString() !== endContent) throw new Error('the text came out wrong')
    reader.close()
    return {
      'connect to synced': { value: ms, unit: 'ms' },
      'server CPU': { value: (after.cpuSeconds - before.cpuSeconds) * 1000, unit: 'ms' },
      'wire to the client': { value: traffic.receivedBytes / 1024, unit: 'KiB' },
    }
  } finally {
    await server.dispose()
  }
}
