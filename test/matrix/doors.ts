/** The doors for frames, each as a connection that sends messages and keeps those that it hears. */
import { WebSocket } from 'ws'
import {
  type ClientMessage,
  decodeServerMessage,
  encodeMessage,
  type ServerMessage,
} from '../../shared/protocol/index.js'
import { StreamClient } from '../support/stream-client.js'
import { until } from '../support/until.js'

export interface Line {
  readonly messages: readonly ServerMessage[]
  /** The close code, or null while it is open. */
  readonly closed: number | null
  send(message: ClientMessage): void
  end(): void
}

export interface DoorKind {
  readonly name: string
  readonly dialect: 'plenum' | 'stock'
  /** A line that is open, or was refused or closed: then `closed` is the code. */
  open(url: string, space: string, token: string | null): Promise<Line>
}

const webSocketLine = async (url: string, protocols: readonly string[]): Promise<Line> => {
  const socket = new WebSocket(url, [...protocols])
  const messages: ServerMessage[] = []
  let closed: number | null = null
  socket.on('error', () => {})
  socket.on('message', data => messages.push(decodeServerMessage(data as Buffer)))
  socket.on('close', code => {
    closed ??= code
  })
  socket.on('unexpected-response', (_request, response) => {
    // A refusal over HTTP; its status is the table's for the code.
    closed = response.statusCode ?? 0
    response.resume()
  })
  const line = {
    messages,
    get closed(): number | null {
      return closed
    },
    send: (message: ClientMessage) => socket.send(encodeMessage(message)),
    end: () => socket.terminate(),
  }
  await until('it is open, or refused', () => messages.length > 0 || closed !== null)
  return line
}

const streamLine = async (
  url: string,
  space: string,
  token: string | null,
  delivery: 'stream' | 'poll',
): Promise<Line> => {
  const { port, pathname } = new URL(addressOf(url, space))
  const client = new StreamClient({ port: Number(port), target: pathname, token, delivery })
  let closed: number | null = null
  void client.ended.then(ending => {
    closed = ending.type === 'refused' ? ending.answer.status : ending.code
  })
  const line = {
    get messages(): readonly ServerMessage[] {
      return client.frames.map(frame => decodeServerMessage(frame))
    },
    get closed(): number | null {
      return closed
    },
    // One that comes too late finds nobody.
    send: (message: ClientMessage) => void client.send(encodeMessage(message)).catch(() => {}),
    end: () => client.terminate(),
  }
  await until('it is open, or refused', () => client.frames.length > 0 || closed !== null)
  return line
}

const bearer = (token: string | null): string[] => (token === null ? [] : [`bearer.${token}`])

const addressOf = (url: string, space: string): string =>
  `${url.replace('http', 'ws')}/sync/${space.split('/').map(encodeURIComponent).join('/')}`

export const DOORS: readonly DoorKind[] = [
  {
    name: 'WebSocket',
    dialect: 'plenum',
    open: (url, space, token) => webSocketLine(addressOf(url, space), ['plenum.v1', ...bearer(token)]),
  },
  {
    name: 'WebSocket of a stock client',
    dialect: 'stock',
    open: (url, space, token) => webSocketLine(addressOf(url, space), ['yjs', ...bearer(token)]),
  },
  {
    name: 'event stream',
    dialect: 'plenum',
    open: (url, space, token) => streamLine(url, space, token, 'stream'),
  },
  {
    name: 'event stream by polls',
    dialect: 'plenum',
    open: (url, space, token) => streamLine(url, space, token, 'poll'),
  },
]
