/** A provider and a server that the test plays, frame by frame. */
import * as Y from 'yjs'
import { ConnectionClosed } from '../../client/channel/connection-closed.js'
import type { SpaceProviderOptions } from '../../client/provider/provider-options.js'
import { SpaceProvider } from '../../client/space-provider.js'
import type { ClientMessage, DocumentMessage, ServerMessage } from '../../shared/protocol/index.js'
import { FakeClock } from './fake-clock.js'
import { ScriptedServer, WELCOME } from './scripted-server.js'
import { assert } from './suite.js'
import { until } from './until.js'

export const EMPTY_UPDATE = Y.encodeStateAsUpdate(new Y.Doc())
export const step1: ServerMessage = { type: 'step1', stateVector: Y.encodeStateVector(new Y.Doc()) }
export const emptyStep2: ServerMessage = { type: 'step2', update: EMPTY_UPDATE }
export const saved = (count: number): ServerMessage => ({ type: 'saved', count, position: count })
export const text = (doc: Y.Doc): Y.Text => doc.getText('text')
export const docWith = (content: string): Y.Doc => {
  const doc = new Y.Doc()
  text(doc).insert(0, content)
  return doc
}
export const types = (messages: readonly ClientMessage[]): string[] => messages.map(({ type }) => type)
export const contentOf = (message: ClientMessage | undefined): string => {
  const doc = new Y.Doc()
  Y.applyUpdate(doc, (message as DocumentMessage).update)
  return text(doc).toString()
}

const providers: SpaceProvider[] = []

/** One that a test came by in another way than `create`: it is destroyed with the others. */
export const keep = (provider: SpaceProvider): void => {
  providers.push(provider)
}

/** After each test. */
export const destroyProviders = (): void => {
  for (const provider of providers.splice(0)) provider.destroy()
}

export const create = (options: SpaceProviderOptions = {}, doc = new Y.Doc()) => {
  const clock = new FakeClock()
  const server = new ScriptedServer()
  const provider = new SpaceProvider('http://host/sync/', 'demo', doc, {
    doors: ['websocket'],
    token: 't.o.k',
    WebSocketPolyfill: server.WebSocket,
    clock,
    hints: () => () => {},
    disableBc: true,
    ...options,
  })
  providers.push(provider)
  const states: string[] = []
  provider.on('saveState', state => states.push(state))
  return { provider, server, doc, clock, states }
}

export type SetUp = ReturnType<typeof create>

/** The handshake of the present attempt, once it has come to that. */
export const accept = async ({ server }: SetUp, before: unknown = null): Promise<void> => {
  await until('a socket is made', () => server.hasPair && server.pair !== before)
  server.pair.accept()
}

export const open = async (options: SpaceProviderOptions = {}, doc?: Y.Doc): Promise<SetUp> => {
  const setUp = create(options, doc)
  await accept(setUp)
  return setUp
}

/** Welcomed, and both step 1 answered. */
export const synced = async (
  options: SpaceProviderOptions = {},
  doc?: Y.Doc,
  welcome: Partial<typeof WELCOME> = {},
): Promise<SetUp> => {
  const setUp = await open(options, doc)
  setUp.server.say({ ...WELCOME, ...welcome }, step1, emptyStep2)
  return setUp
}

/** Loses the connection, and comes back with a new one that is open and not welcomed. */
export const reconnect = async (setUp: SetUp): Promise<void> => {
  const { server, clock, provider } = setUp
  const before = server.pair
  before.cut()
  await until('it comes back', () => provider.ws !== null)
  clock.advance(10_000)
  await accept(setUp, before)
}

/** What it is refused with when a connection was closed for good. */
export const rejectionOf = async (promise: Promise<unknown>): Promise<ConnectionClosed> => {
  const error = await promise.then(
    () => null,
    reason => reason,
  )
  assert.instance(error, ConnectionClosed)
  return error
}
