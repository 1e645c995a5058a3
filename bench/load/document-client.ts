/** A client with a real document, on any server: what it edits is sent, what it is sent is applied. */
import { once } from 'node:events'
import * as Y from 'yjs'
import type { RunningServer } from '../targets/target.js'
import { EMPTY_STATE, LoadClient } from './load-client.js'
import { updateMessage } from './messages.js'
import { AwarenessFrames, PresenceEcho } from './presence-echo.js'

export interface DocumentClientOptions {
  readonly server: RunningServer
  readonly space: string
  readonly doc: Y.Doc
}

export interface DocumentClient {
  readonly client: LoadClient
  close(): void
}

/** Resolves when it has what the server has. */
export const connectDocument = async (options: DocumentClientOptions): Promise<DocumentClient> => {
  const { server, space, doc } = options
  const client = new LoadClient({
    address: await server.address(space, `user-${doc.clientID}`),
    dialect: server.dialect,
    space,
    clientId: doc.clientID,
    state: EMPTY_STATE,
    presence: new PresenceEcho(0, 1),
    frames: new AwarenessFrames(new Map([[doc.clientID, 0]])),
    isDeflating: false,
    stateVector: () => Y.encodeStateVector(doc),
    ownUpdate: stateVector => Y.encodeStateAsUpdate(doc, stateVector),
    onUpdate: update => Y.applyUpdate(doc, update, client),
  })
  const send = (update: Uint8Array, origin: unknown): void => {
    if (origin !== client) client.send(updateMessage(update))
  }
  doc.on('update', send)
  await client.synced
  return {
    client,
    close: () => {
      doc.off('update', send)
      client.terminate()
    },
  }
}

/** Resolves when a document is as it should be; asked at each of its updates. */
export const until = async (doc: Y.Doc, isReached: () => boolean, timeoutMs = 60_000): Promise<void> => {
  const signal = AbortSignal.timeout(timeoutMs)
  while (!isReached()) {
    await Promise.race([
      new Promise(resolve => doc.once('update', resolve)),
      once(signal, 'abort').then(() =>
        Promise.reject(new Error(`not within ${timeoutMs} ms: the text is there`)),
      ),
    ])
  }
}
