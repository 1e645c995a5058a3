/** What the provider says of what is saved. */
import * as Y from 'yjs'
import {
  contentOf,
  destroyProviders,
  docWith,
  open,
  reconnect,
  saved,
  step1,
  synced,
  text,
} from '../../support/scripted-provider.js'
import { WELCOME } from '../../support/scripted-server.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('provider, saved')

test.after.each(destroyProviders)

test('[P14] is saved when the reply and all that followed is acknowledged, and not before', async () => {
  const { server, doc, provider, states } = await open()
  assert.is(provider.saveState, 'offline')
  server.say(WELCOME)
  assert.is(provider.saveState, 'saving')
  server.say(saved(0))
  assert.is(provider.saveState, 'saving')
  server.say(step1)
  text(doc).insert(0, 'a')
  const whenSaved = provider.whenSaved()
  server.say(saved(1))
  assert.is(provider.saveState, 'saving')
  assert.is(provider.hasUnsavedEdits, true)
  server.say(saved(2))
  await whenSaved
  assert.is(provider.hasUnsavedEdits, false)
  assert.equal(states, ['saving', 'saved'])
})

test('[P14] an edit without a connection is saved by the next one, and whenSaved waits for it', async () => {
  const setUp = await synced()
  const { server, doc, provider } = setUp
  server.say(saved(1))
  server.pair.cut()
  text(doc).insert(0, 'offline')
  const whenSaved = provider.whenSaved()
  assert.is(provider.saveState, 'offline')
  await reconnect(setUp)
  const [, , reply] = server.say(WELCOME, step1)
  assert.is(contentOf(reply), 'offline')
  assert.is(provider.saveState, 'saving')
  server.say(saved(1))
  await whenSaved
})

test('[P14] content of another provider is unsaved until this connection has it acknowledged', async () => {
  const { server, doc, provider } = await synced()
  server.say(saved(1))
  assert.is(provider.saveState, 'saved')
  Y.applyUpdate(doc, Y.encodeStateAsUpdate(docWith('from elsewhere')), 'another provider')
  assert.is(provider.saveState, 'saving')
  assert.is(contentOf(server.take()[0]), 'from elsewhere')
  server.say(saved(2))
  assert.is(provider.saveState, 'saved')
})

test('[P14] after a new epoch nothing counts as saved before it was acknowledged again', async () => {
  const setUp = await synced()
  const { server, provider } = setUp
  server.say({ type: 'update', update: Y.encodeStateAsUpdate(docWith('of others')) }, saved(1))
  assert.is(provider.saveState, 'saved')
  await reconnect(setUp)
  server.say({ ...WELCOME, epoch: 'e2' }, saved(0))
  assert.is(provider.saveState, 'saving')
  assert.is(contentOf(server.say(step1)[0]), 'of others')
  server.say(saved(1))
  assert.is(provider.saveState, 'saved')
})
