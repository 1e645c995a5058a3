/** The server's end of a socket pair, played by the test: decodes what the client sends and sends what it is told. */
import {
  type ClientMessage,
  decodeClientMessage,
  encodeMessage,
  type ServerMessage,
  type Welcome,
} from '../../shared/protocol/index.js'
import { pairedSocketClass, type SocketPair } from './socket-pair.js'

export const WELCOME: Welcome = {
  type: 'welcome',
  version: 1,
  session: 's1',
  incarnation: 'i1',
  epoch: 'e1',
  user: 'ann',
  role: 'write',
  serverTimeMs: 1_700_000_000_000,
  limits: { maxFrameBytes: 1_000_000, maxDocumentBytes: 1_000_000, maxAwarenessBytes: 10_000 },
  expiresAtMs: 0,
}

export class ScriptedServer {
  /** What the client has sent and the test has not taken. */
  readonly received: ClientMessage[] = []
  /** The close that the client sent. */
  close: { readonly code: number; readonly reason: string } | null = null
  #pair: SocketPair | null = null

  readonly WebSocket = pairedSocketClass(pair => {
    this.#pair = pair
    pair.server.onFrame = frame => this.received.push(decodeClientMessage(frame))
    pair.server.onClose = (code, reason) => {
      this.close = { code, reason }
    }
  })

  get hasPair(): boolean {
    return this.#pair !== null
  }

  get pair(): SocketPair {
    if (this.#pair === null) throw new Error('nobody has connected')
    return this.#pair
  }

  /** Sends messages, delivers everything both ways, and hands over what the client has answered. */
  say(...messages: (ServerMessage | Uint8Array)[]): ClientMessage[] {
    for (const message of messages) {
      this.pair.server.send(message instanceof Uint8Array ? message : encodeMessage(message))
    }
    this.pair.deliverAll()
    return this.take()
  }

  take(): ClientMessage[] {
    this.pair.deliverAll()
    return this.received.splice(0)
  }
}
