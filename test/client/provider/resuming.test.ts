/** A provider that comes back and goes on from where it was. */
import * as Y from 'yjs'
import type { DocumentMessage, ServerMessage } from '../../../shared/protocol/index.js'
import {
  accept,
  contentOf,
  destroyProviders,
  docWith,
  EMPTY_UPDATE,
  emptyStep2,
  keep,
  reconnect,
  type SetUp,
  step1,
  synced,
  text,
} from '../../support/scripted-provider.js'
import { WELCOME } from '../../support/scripted-server.js'
import { assert, suite } from '../../support/suite.js'
import { until } from '../../support/until.js'

const test = suite('provider, resuming')

test.after.each(destroyProviders)

/** The position that the client's last attempt asked to go on from. */
const askedFor = ({ server }: SetUp): string | null => new URL(server.pair.url).searchParams.get('after')
const told = (count: number, position: number): ServerMessage => ({ type: 'saved', count, position })

test('[P30] comes back with the position that it was told, and has nothing to say', async () => {
  const setUp = await synced()
  const { server, provider } = setUp
  assert.is(askedFor(setUp), null)
  server.say({ type: 'update', update: Y.encodeStateAsUpdate(docWith('x'.repeat(50))) }, told(1, 7))
  await reconnect(setUp)
  assert.is(askedFor(setUp), 'e1:7')
  assert.is(provider.url, 'ws://host/sync/demo', 'the address stays what it is')
  const [reply] = server.say(WELCOME, step1).filter(({ type }) => type === 'step2')
  assert.equal((reply as DocumentMessage).update, EMPTY_UPDATE)
  assert.is(provider.saveState, 'saving')
  server.say({ type: 'update', update: Y.encodeStateAsUpdate(docWith('missed')) }, emptyStep2, told(1, 8))
  assert.is(provider.synced, true)
  assert.is(provider.saveState, 'saved')
  assert.match(text(provider.doc).toString(), 'missed')
})

test('[P30] with something unsaved it says all of it, deletions included, and goes on from there all the same', async () => {
  const setUp = await synced()
  const { server, doc } = setUp
  server.say({ type: 'update', update: Y.encodeStateAsUpdate(docWith('abc')) }, told(1, 7))
  server.pair.cut()
  text(doc).delete(0, 1)
  await until('it comes back', () => setUp.provider.ws !== null)
  const before = server.pair
  setUp.clock.advance(10_000)
  await accept(setUp, before)
  assert.is(askedFor(setUp), 'e1:7')
  const known = { type: 'step1', stateVector: Y.encodeStateVector(doc) } as const
  const [reply] = server.say(WELCOME, known).filter(({ type }) => type === 'step2')
  assert.is(Y.decodeUpdate((reply as DocumentMessage).update).ds.clients.size, 1)
})

test('[P30] asked again after a message was discarded it says all of it', async () => {
  const { server, doc } = await synced()
  server.say(told(1, 1))
  text(doc).insert(0, 'discarded')
  const [reply] = server.say(step1).filter(({ type }) => type === 'step2')
  assert.is(contentOf(reply), 'discarded')
})

test('[P30] in another epoch it says all of it', async () => {
  const setUp = await synced()
  const { server } = setUp
  server.say({ type: 'update', update: Y.encodeStateAsUpdate(docWith('abc')) }, told(1, 7))
  await reconnect(setUp)
  const [reply] = server.say({ ...WELCOME, epoch: 'e2' }, step1).filter(({ type }) => type === 'step2')
  assert.is(contentOf(reply), 'abc')
  server.say(told(1, 3))
  await reconnect(setUp)
  assert.is(askedFor(setUp), 'e2:3')
})

test('[P30] does not go on from where something could not be applied, or is pending', async () => {
  const broken = await synced({ shouldReconnect: () => true })
  broken.server.say(told(1, 7))
  const before = broken.server.pair
  broken.server.say({ type: 'update', update: Uint8Array.of(9, 9, 9) })
  await until('it comes back', () => broken.provider.ws !== null)
  broken.clock.advance(10_000)
  await accept(broken, before)
  assert.is(askedFor(broken), null)

  const pending = await synced()
  const author = docWith('a')
  const updates: Uint8Array[] = []
  author.on('update', (update: Uint8Array) => updates.push(update))
  for (const letter of 'bc') text(author).insert(text(author).length, letter)
  pending.server.say({ type: 'update', update: updates[1]! }, told(1, 7))
  await reconnect(pending)
  assert.is(askedFor(pending), null)
})

test('[P30] a copy that was given up takes its position with it', async () => {
  const setUp = await synced()
  setUp.server.say(told(1, 7))
  const before = setUp.server.pair
  const next = await setUp.provider.discardLocal()
  keep(next)
  await accept(setUp, before)
  assert.is(askedFor(setUp), null)
})
