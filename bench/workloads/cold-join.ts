/** The paper is on disk, the server has just started: one client opens it. */
import * as Y from 'yjs'
import { connectDocument } from '../load/document-client.js'
import { paperDocument, upload } from '../load/paper-document.js'
import { measure, untilQuiet } from '../load/stretch.js'
import { TEXT_NAME } from '../load/typist.js'
import { lower, type Workload } from '../workload.js'

const SPACE = 'paper'

export const coldJoin: Workload = async ({ target, progress }) => {
  const document = paperDocument()
  const server = await target.start()
  try {
    progress('uploading the paper')
    await upload(server, SPACE, document)
    await untilQuiet(server)
    await server.restart()
    await untilQuiet(server)
    progress('joining')
    const copy = new Y.Doc()
    let [joinedMs, bytes] = [Number.NaN, 0]
    const stretch = await measure(server, async () => {
      const startMs = performance.now()
      const reader = await connectDocument({ server, space: SPACE, doc: copy })
      joinedMs = performance.now() - startMs
      bytes = reader.client.receivedBytes
      await untilQuiet(server)
      reader.close()
    })
    const text = copy.getText(TEXT_NAME).toString()
    if (text !== document.getText(TEXT_NAME).toString()) throw new Error('the text came out wrong')
    return {
      'server CPU': lower(stretch.cpuSeconds * 1000, 'ms'),
      'connect to synced': lower(joinedMs, 'ms'),
      'wire to the client': lower(bytes / 1024, 'KiB'),
    }
  } finally {
    await server.dispose()
  }
}
