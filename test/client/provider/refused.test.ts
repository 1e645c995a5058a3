/** Edits that the server does not take, and the ways out. */
import * as Y from 'yjs'
import type { ServerMessage } from '../../../shared/protocol/index.js'
import { rejectsWithCode } from '../../support/expect.js'
import {
  accept,
  contentOf,
  destroyProviders,
  docWith,
  keep,
  open,
  saved,
  step1,
  synced,
  text,
  types,
} from '../../support/scripted-provider.js'
import { WELCOME } from '../../support/scripted-server.js'
import { assert, suite } from '../../support/suite.js'
import { until } from '../../support/until.js'

const test = suite('provider, refused')

test.after.each(destroyProviders)

const refusal: ServerMessage = {
  type: 'rejected',
  number: 2,
  code: 'read_only',
  reason: 'this role may not edit',
}

test('[P15] a refusal is told with its reason, and nothing more of the document is sent', async () => {
  const { server, doc, provider } = await synced({}, undefined, { role: 'read' })
  const told: unknown[] = []
  provider.on('rejected', refusal => told.push(refusal))
  assert.is(provider.role, 'read')
  text(doc).insert(0, 'a')
  const whenSaved = provider.whenSaved()
  server.say(refusal)
  const expected = { code: 'read_only', reason: 'this role may not edit' }
  assert.equal(provider.rejected, expected)
  assert.equal(told, [expected])
  assert.is(provider.saveState, 'rejected')
  await rejectsWithCode('read_only', whenSaved)
  text(doc).insert(0, 'b')
  assert.equal(server.say(step1), [])
})

test('[P15] a reader who becomes a writer brings what was refused again', async () => {
  const setUp = await synced({}, undefined, { role: 'read' })
  const { server, doc, provider } = setUp
  text(doc).insert(0, 'at last')
  server.say(refusal)
  const before = server.pair
  server.say({ type: 'access', role: 'write', expiresAtMs: 0 })
  await accept(setUp, before)
  const sent = server.say(WELCOME, step1)
  assert.is(contentOf(sent.find(({ type }) => type === 'step2')), 'at last')
  server.say(saved(1))
  assert.is(provider.rejected, null)
  assert.is(provider.saveState, 'saved')
})

/** Two writers make the same words bold at once: in Yjs, marks are left that mean nothing. */
const twiceBold = (): Uint8Array[] => {
  const first = docWith('both at once')
  const base = Y.encodeStateAsUpdate(first)
  const second = new Y.Doc()
  Y.applyUpdate(second, base)
  const before = Y.encodeStateVector(first)
  for (const doc of [first, second]) text(doc).format(0, 4, { bold: true })
  return [base, Y.encodeStateAsUpdate(first, before), Y.encodeStateAsUpdate(second, before)]
}

for (const { role, cleansUp } of [
  { role: 'write', cleansUp: true },
  { role: 'read', cleansUp: false },
] as const) {
  test(`[C5] formats that mean nothing are ${cleansUp ? 'cleaned up by a writer' : 'left alone by a reader'}`, async () => {
    const { server, doc } = await synced({}, undefined, { role })
    text(doc)
    const deletions = (): number => Y.createDeleteSetFromStructStore(doc.store).clients.size
    const sent = server.say(...twiceBold().map(update => ({ type: 'update', update }) as const))
    assert.equal(text(doc).toDelta()[0], { insert: 'both', attributes: { bold: true } })
    assert.is(deletions() > 0, cleansUp)
    assert.equal(types(sent), cleansUp ? ['update'] : [])
  })
}

test('[P15] a reader who edited nothing is not told of what was left out', async () => {
  const reader = await synced({}, docWith('what a crash lost'), { role: 'read' })
  reader.server.say({ type: 'notice', kind: 'read-only', retryAfterMs: 0 }, saved(1))
  assert.is(reader.provider.saveState, 'saved')
  const editor = await open({}, docWith(''))
  text(editor.doc).insert(0, 'mine')
  editor.server.say({ ...WELCOME, role: 'read' }, step1, {
    type: 'notice',
    kind: 'read-only',
    retryAfterMs: 0,
  })
  assert.is(editor.provider.rejected?.code, 'read_only')
})

test('[P15] exportLocal gives all of it, and discardLocal a fresh document on another provider', async () => {
  const { server, doc, provider } = await synced({ user: 'ann' })
  provider.awareness.setLocalState({ name: 'Ann' })
  text(doc).insert(0, 'refused')
  server.say(refusal)
  const exported = new Y.Doc()
  Y.applyUpdate(exported, provider.exportLocal())
  assert.is(text(exported).toString(), 'refused')
  const before = server.pair
  const next = await provider.discardLocal()
  keep(next)
  assert.is(text(next.doc).toString(), '')
  assert.is(text(doc).toString(), 'refused')
  assert.equal(next.awareness.getLocalState(), { name: 'Ann' })
  assert.is(next.rejected, null)
  await until('the next one dials', () => server.pair !== before)
  assert.equal(server.pair.protocols, ['plenum.v1', 'bearer.t.o.k'])
})

test('[P15] what the app shows of itself, and its token, while the copy is given up, hold for the next one', async () => {
  const { server, provider } = await synced({ user: 'ann' })
  provider.awareness.setLocalState({ name: 'Ann' })
  const before = server.pair
  const pending = provider.discardLocal()
  provider.awareness.setLocalState({ name: 'Ann', mood: 'calm' })
  provider.authenticate('n.e.w')
  const next = await pending
  keep(next)
  assert.equal(next.awareness.getLocalState(), { name: 'Ann', mood: 'calm' })
  await until('the next one dials', () => server.pair !== before)
  assert.equal(server.pair.protocols, ['plenum.v1', 'bearer.n.e.w'])
})
