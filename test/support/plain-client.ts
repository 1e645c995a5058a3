/** A client that speaks the wire protocol frame by frame over a real WebSocket, and keeps what it hears. */
import { once } from 'node:events'
import { WebSocket } from 'ws'
import {
  type ClientMessage,
  decodeServerMessage,
  encodeMessage,
  type ServerMessage,
} from '../../shared/protocol/index.js'

export interface Closed {
  readonly code: number
  readonly reason: string
}

/** The member of the union that has this type. */
type Message<Type extends ServerMessage['type']> = ServerMessage & { readonly type: Type }

export class PlainClient {
  readonly messages: ServerMessage[] = []
  readonly closed: Promise<Closed>
  readonly #socket: WebSocket
  #onMessage: (() => void)[] = []

  /** For `openPlainClient`. */
  constructor(socket: WebSocket) {
    this.#socket = socket
    socket.on('error', () => {})
    socket.on('message', data => {
      this.messages.push(decodeServerMessage(data as Buffer))
      for (const resolve of this.#onMessage.splice(0)) resolve()
    })
    this.closed = new Promise(resolve => {
      socket.on('close', (code, reason) => {
        resolve({ code, reason: reason.toString() })
        for (const resolveMessage of this.#onMessage.splice(0)) resolveMessage()
      })
    })
  }

  send(message: ClientMessage): void {
    this.#socket.send(encodeMessage(message))
  }

  /** The first message of the type that satisfies the test, also among those heard before. */
  async message<Type extends ServerMessage['type']>(
    type: Type,
    isWanted: (message: Message<Type>) => boolean = () => true,
  ): Promise<Message<Type>> {
    while (true) {
      for (const message of this.messages) {
        if (message.type === type && isWanted(message as Message<Type>)) return message as Message<Type>
      }
      if (this.#socket.readyState === WebSocket.CLOSED) throw new Error(`closed before a ${type} came`)
      await new Promise<void>(resolve => this.#onMessage.push(resolve))
    }
  }

  get isClosed(): boolean {
    return this.#socket.readyState === WebSocket.CLOSED
  }

  terminate(): void {
    this.#socket.terminate()
  }
}

/** Resolves when the handshake is done. @throws the error of a refused upgrade */
export const openPlainClient = async (
  url: string,
  token: string,
  protocols: readonly string[] = ['plenum.v1'],
): Promise<PlainClient> => {
  const socket = new WebSocket(url, [...protocols, `bearer.${token}`])
  const client = new PlainClient(socket)
  await once(socket, 'open')
  return client
}
