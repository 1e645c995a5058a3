/** The provider as a stock one: what editors rely on, and what of it is off. */
import { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'
import { SpaceProvider } from '../../../client/space-provider.js'
import type { ServerMessage } from '../../../shared/protocol/index.js'
import { throwsCode } from '../../support/expect.js'
import {
  accept,
  contentOf,
  create,
  destroyProviders,
  docWith,
  emptyStep2,
  open,
  step1,
  synced,
  text,
  types,
} from '../../support/scripted-provider.js'
import { WELCOME } from '../../support/scripted-server.js'
import { assert, suite } from '../../support/suite.js'
import { until } from '../../support/until.js'

const test = suite('provider as a stock one')

test.after.each(destroyProviders)

test('[P12] is a stock provider: constructor, URL, events, and `synced`', async () => {
  const events: unknown[] = []
  const { provider, server } = create({ params: { a: 'b' } })
  assert.instance(provider, WebsocketProvider)
  provider.on('status', ({ status }) => events.push(status))
  provider.on('sync', isSynced => events.push(isSynced))
  await until('dialed', () => server.hasPair)
  assert.is(server.pair.url, 'ws://host/sync/demo?a=b&renewals=no')
  assert.equal(server.pair.protocols, ['plenum.v1', 'bearer.t.o.k'])
  server.pair.accept()
  server.say(WELCOME, step1, emptyStep2)
  assert.equal(events, ['connected', true])
  assert.is(provider.synced, true)
  server.pair.cut()
  assert.equal(events, ['connected', true, false, 'disconnected'])
})

test('[P12] refuses a name that no space can have', () => {
  throwsCode('bad_name', () => new SpaceProvider('ws://host/sync', 'a//b', new Y.Doc()))
})

test('[P12] answers step 1, and sends each change once and nothing back', async () => {
  const { server, doc } = await open({}, docWith('offline '))
  assert.equal(types(server.say(WELCOME)), ['step1', 'awareness'])
  text(doc).insert(0, 'early ')
  const [reply, ...rest] = server.say(step1)
  assert.is(contentOf(reply), 'early offline ')
  assert.equal(rest, [])
  text(doc).insert(0, 'a')
  assert.equal(types(server.take()), ['update'])
  assert.equal(server.say({ type: 'update', update: Y.encodeStateAsUpdate(docWith('remote')) }), [])
  assert.match(text(doc).toString(), 'remote')
})

test('[P12] changes have the provider as their origin, and an update that cannot be applied ends it', async () => {
  const { server, doc, provider } = await synced()
  const origins: unknown[] = []
  doc.on('update', (_update, origin) => origins.push(origin))
  server.say({ type: 'update', update: Y.encodeStateAsUpdate(docWith('x')) })
  assert.equal(origins, [provider])
  server.say({ type: 'update', update: Uint8Array.of(9, 9, 9) })
  assert.equal(provider.connection.state, 'closed')
})

test('[P13] a message that leaves the document pending is followed by one step 1', async () => {
  const { server } = await synced()
  const author = docWith('a')
  const updates: Uint8Array[] = []
  author.on('update', (update: Uint8Array) => updates.push(update))
  for (const letter of 'bc') text(author).insert(text(author).length, letter)
  const update = (at: number): ServerMessage => ({ type: 'update', update: updates[at] as Uint8Array })
  assert.equal(types(server.say(update(1))), ['step1'])
  assert.equal(server.say(update(0)), [])
})

test('[D52] tells which way it goes while it is connected', async () => {
  const setUp = create({ doors: ['websocket'] })
  assert.is(setUp.provider.door, null)
  await accept(setUp)
  assert.is(setUp.provider.door, null)
  setUp.server.say(WELCOME)
  assert.is(setUp.provider.door, 'websocket')
  setUp.provider.disconnect()
  assert.is(setUp.provider.door, null)
})

test('[D45] the stock watch, which takes the date for the time, is off', async () => {
  const { provider, clock } = await synced()
  provider.wsLastMessageReceived = 0
  // What the stock provider's interval would do every three seconds.
  assert.is((provider._checkInterval as unknown as { _destroyed: boolean })._destroyed, true)
  clock.advance(3_000)
  assert.is(provider.connection.state, 'connected')
})
