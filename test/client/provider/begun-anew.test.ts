/** A space that began anew while a client kept its old copy. */
import * as Y from 'yjs'
import {
  accept,
  contentOf,
  destroyProviders,
  docWith,
  keep,
  reconnect,
  rejectionOf,
  saved,
  step1,
  synced,
  text,
} from '../../support/scripted-provider.js'
import { WELCOME } from '../../support/scripted-server.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('provider, space begun anew')

test.after.each(destroyProviders)

test('[P16] a space that began anew is not merged: it stops, and the app merges', async () => {
  const setUp = await synced()
  const { server, doc, provider } = setUp
  let conflicts = 0
  provider.on('conflict', () => conflicts++)
  text(doc).insert(0, 'old')
  server.take()
  await reconnect(setUp)
  const other = { ...WELCOME, incarnation: 'i2', epoch: 'e2' }
  const before = server.pair
  assert.equal(server.say(other, step1, { type: 'step2', update: Y.encodeStateAsUpdate(docWith('new')) }), [])
  assert.is(text(doc).toString(), 'old')
  assert.equal(provider.connection, {
    state: 'closed',
    code: 4409,
    reason: 'the local copy belongs to another incarnation',
  })
  assert.is(conflicts, 1)
  assert.is(provider.isConflict, true)
  await rejectionOf(provider.whenSaved())

  provider.mergeLocal()
  await accept(setUp, before)
  const sent = server.say(other, step1)
  assert.is(contentOf(sent.find(({ type }) => type === 'step2')), 'old')
  server.say(saved(1))
  assert.is(provider.saveState, 'saved')
})

test('[P16] or discards, and begins with what the space is now', async () => {
  const setUp = await synced()
  const { server, doc, provider } = setUp
  text(doc).insert(0, 'old')
  await reconnect(setUp)
  const before = server.pair
  server.say({ ...WELCOME, incarnation: 'i2' })
  const next = await provider.discardLocal()
  keep(next)
  await accept(setUp, before)
  server.say({ ...WELCOME, incarnation: 'i2' }, step1, {
    type: 'step2',
    update: Y.encodeStateAsUpdate(docWith('new')),
  })
  assert.is(text(next.doc).toString(), 'new')
})
