/**
 * Somebody who has the paper is away while another makes edits, and comes back: what that takes on the wire, both
 * ways, the upgrade included. Plenum's own provider comes back by its position, all others by state vectors.
 */
import { WebSocket } from 'ws'
import * as Y from 'yjs'
import { SpaceProvider } from '../../client/index.js'
import { connectDocument, until } from '../load/document-client.js'
import { paperDocument, upload } from '../load/paper-document.js'
import { measure, untilQuiet } from '../load/stretch.js'
import { TEXT_NAME } from '../load/typist.js'
import { plenumToken } from '../targets/plenum.js'
import type { RunningServer } from '../targets/target.js'
import { lower, type Workload } from '../workload.js'

const SPACE = 'paper'

export const resume: Workload = async ({ target, parameters, progress }) => {
  const { rate: missed } = parameters
  const server = await target.start()
  try {
    progress('uploading the paper')
    await upload(server, SPACE, paperDocument())
    const copy = new Y.Doc()
    const reader =
      target.name === 'plenum.v1' ? await openProvider(server, copy) : await openPlain(server, copy)
    await untilQuiet(server)
    reader.leave()
    progress(`${missed} edits, then back`)
    const writing = new Y.Doc()
    const writer = await connectDocument({ server, space: SPACE, doc: writing })
    const text = writing.getText(TEXT_NAME)
    for (let edit = 0; edit < missed; edit++) text.insert(edit * 50, 'x')
    await untilQuiet(server)
    let bytes = 0
    const stretch = await measure(server, async () => {
      await reader.comeBack()
      await until(copy, () => copy.getText(TEXT_NAME).length === text.length)
      await untilQuiet(server)
      bytes = reader.bytes()
    })
    if (copy.getText(TEXT_NAME).toString() !== text.toString()) throw new Error('the text came out wrong')
    reader.end()
    writer.close()
    return {
      'wire, both ways': lower(bytes / 1024, 'KiB'),
      'server CPU': lower(stretch.cpuSeconds * 1000, 'ms'),
    }
  } finally {
    await server.dispose()
  }
}

interface Reader {
  leave(): void
  comeBack(): Promise<void>
  /** Of the last connection, both ways. */
  bytes(): number
  end(): void
}

const openPlain = async (server: RunningServer, doc: Y.Doc): Promise<Reader> => {
  let connection = await connectDocument({ server, space: SPACE, doc })
  return {
    leave: () => connection.close(),
    comeBack: async () => {
      connection = await connectDocument({ server, space: SPACE, doc })
    },
    bytes: () => connection.client.receivedBytes + connection.client.sentBytes,
    end: () => connection.close(),
  }
}

const openProvider = async (server: RunningServer, doc: Y.Doc): Promise<Reader> => {
  const user = `user-${doc.clientID}`
  let bytes = (): number => 0
  class Counted extends WebSocket {
    constructor(...args: ConstructorParameters<typeof WebSocket>) {
      super(...args)
      this.on('upgrade', ({ socket }) => {
        bytes = () => socket.bytesRead + socket.bytesWritten
      })
    }
  }
  const { origin } = new URL((await server.address(SPACE, user)).url)
  const provider = new SpaceProvider(`${origin}/sync`, SPACE, doc, {
    token: await plenumToken(user),
    WebSocketPolyfill: Counted as unknown as typeof globalThis.WebSocket,
    disableBc: true,
  })
  await provider.whenSaved()
  return {
    leave: () => provider.disconnect(),
    comeBack: async () => {
      provider.connect()
      await provider.whenSaved()
    },
    bytes: () => bytes(),
    end: () => provider.destroy(),
  }
}
