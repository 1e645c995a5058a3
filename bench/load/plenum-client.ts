/** Plenum's own client with a real document, for what only it can tell: what is saved. */
import { WebSocket } from 'ws'
import type * as Y from 'yjs'
import { connectSpace, type SocketClass, type SpaceConnection } from '../../client/index.js'
import { plenumToken } from '../targets/plenum.js'
import type { RunningServer } from '../targets/target.js'

/** Bytes of WebSocket messages that a client was sent. */
export interface Traffic {
  receivedBytes: number
}

export interface PlenumClientOptions {
  readonly server: RunningServer
  readonly space: string
  readonly doc: Y.Doc
  readonly traffic?: Traffic
}

/** Resolves when it has what the server has. */
export const connectPlenum = async ({
  server,
  space,
  doc,
  traffic,
}: PlenumClientOptions): Promise<SpaceConnection> => {
  const user = `user-${doc.clientID}`
  const { origin } = new URL((await server.address(space, user)).url)
  const connection = connectSpace({
    url: origin,
    space,
    token: await plenumToken(user),
    doc,
    WebSocket: (traffic === undefined ? WebSocket : counting(traffic)) as unknown as SocketClass,
  })
  await connection.whenSynced()
  return connection
}

const counting = (traffic: Traffic): typeof WebSocket =>
  class extends WebSocket {
    constructor(...args: ConstructorParameters<typeof WebSocket>) {
      super(...args)
      this.on('message', data => {
        // The client asks for ArrayBuffers.
        traffic.receivedBytes += (data as ArrayBuffer).byteLength
      })
    }
  } as typeof WebSocket
