/** Folding by bytes against the document that Yjs builds of the same updates. */
import * as Y from 'yjs'
import { foldUpdates } from '../../../../server/space/engine/fold.js'
import { contentOf, deletionsOf, documentOf, isPending } from '../../../support/documents.js'
import { editRandomly } from '../../../support/random-edits.js'
import { chance, createRng, int, pick, type Rng } from '../../../support/rng.js'
import { assert, isLongRun, suite } from '../../../support/suite.js'

const test = suite('fold')

/** The log of a server: what its document emitted, some of it from a snapshot on; and that document. */
const log = (rng: Rng): { updates: Uint8Array[]; server: Y.Doc } => {
  const server = new Y.Doc()
  let updates: Uint8Array[] = []
  server.on('update', (update: Uint8Array) => updates.push(update))
  const clients = Array.from({ length: int(rng, 1, 4) }, () => {
    const doc = new Y.Doc({ gc: chance(rng, 0.8) })
    doc.clientID = int(rng, 1, chance(rng, 0.5) ? 300 : 2 ** 32 - 1)
    return doc
  })
  const sync = (doc: Y.Doc): void => {
    const update = Y.encodeStateAsUpdate(doc, Y.encodeStateVector(server))
    Y.applyUpdate(server, update, 'client')
    Y.applyUpdate(doc, Y.encodeStateAsUpdate(server, Y.encodeStateVector(doc)), 'server')
  }
  for (let i = int(rng, 0, 40); i > 0; i--) {
    const doc = pick(rng, clients)
    editRandomly(rng, doc)
    if (chance(rng, 0.6)) sync(doc)
    if (chance(rng, 0.05)) updates = [Y.encodeStateAsUpdate(server)]
  }
  for (const doc of clients) {
    sync(doc)
    doc.destroy()
  }
  return { updates, server }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

test('[M14] what is folded is what the document says, byte for byte where there is one encoding', () => {
  const rng = createRng(7)
  for (let round = 0; round < (isLongRun ? 3000 : 150); round++) {
    const { updates, server } = log(rng)
    const folded = foldUpdates(updates)
    assert.ok(folded !== null, `round ${round}`)
    const built = documentOf(updates)
    const stateVector = Y.encodeStateVector(built)
    assert.is(hex(folded.stateVector), hex(stateVector), `round ${round}: state vector`)
    assert.is(
      hex(folded.deletions!),
      hex(Y.encodeStateAsUpdate(built, stateVector)),
      `round ${round}: deletions`,
    )
    assert.equal(foldUpdates(updates, true), { ...folded, deletions: null }, `round ${round}: in brief`)
    const newcomer = documentOf([folded.update])
    assert.not(isPending(newcomer))
    assert.is(hex(Y.encodeStateVector(newcomer)), hex(stateVector))
    assert.is(contentOf(newcomer), contentOf(server), `round ${round}: content`)
    assert.ok(Y.equalDeleteSets(deletionsOf(newcomer), deletionsOf(built)))
    for (const doc of [server, built, newcomer]) doc.destroy()
  }
})

test('[M14] one update is served as it is, and nothing is an empty update', () => {
  const doc = new Y.Doc()
  doc.getText('text').insert(0, 'abc')
  const update = Y.encodeStateAsUpdate(doc)
  assert.is(foldUpdates([update])?.update, update)
  assert.equal(foldUpdates([]), {
    update: Uint8Array.of(0, 0),
    stateVector: Uint8Array.of(0),
    deletions: Uint8Array.of(0, 0),
  })
})

test('[M14] a hole, an overlap, a skip, a deletion of what is not there and bytes that are no update need a document', () => {
  const doc = new Y.Doc()
  doc.clientID = 1
  const updates: Uint8Array[] = []
  doc.on('update', (update: Uint8Array) => updates.push(update))
  for (const letter of 'abc') doc.getText('text').insert(0, letter)
  doc.getText('text').delete(0, 1)
  const [a, b, c, deletion] = updates as [Uint8Array, Uint8Array, Uint8Array, Uint8Array]
  assert.ok(foldUpdates([a, b, c, deletion]) !== null)
  assert.is(foldUpdates([a, c]), null, 'a hole')
  assert.is(foldUpdates([b]), null, 'a beginning that is missing')
  assert.is(foldUpdates([a, b, b]), null, 'an overlap')
  assert.is(foldUpdates([Y.mergeUpdates([a, c])]), null, 'a skip')
  assert.is(foldUpdates([a, deletion]), null, 'a deletion of what is not there')
  assert.is(foldUpdates([a, b.subarray(0, b.length - 1)]), null, 'cut short')
})

test('[M14] it reads real updates of every form as the reader for updates from outside does, and ends on any bytes', () => {
  const rng = createRng(11)
  const doc = new Y.Doc()
  const updates: Uint8Array[] = []
  doc.on('update', (update: Uint8Array) => updates.push(update))
  doc
    .getArray<unknown>('array')
    .push([new Y.Doc({ guid: 'sub' }), { deep: [1.5, -3, 2 ** 40, 5n, null, true, 'ü😀'] }])
  doc.getText('text').insert(0, 'aü😀𝄞z', { bold: true })
  doc.getText('text').insertEmbed(2, { image: 'ä' })
  doc.getArray('array').push([Uint8Array.of(1, 2, 3)])
  for (let i = 0; i < 200; i++) editRandomly(rng, doc)
  const whole = foldUpdates(updates)
  assert.ok(whole !== null)
  assert.is(contentOf(documentOf([whole.update])), contentOf(doc))
  assert.is(hex(whole.stateVector), hex(Y.encodeStateVector(doc)))
  for (let i = 0; i < 20_000; i++) {
    const bytes = Uint8Array.from(pick(rng, updates))
    for (let times = int(rng, 1, 3); times > 0; times--)
      bytes[int(rng, 0, bytes.length - 1)] = int(rng, 0, 255)
    foldUpdates([chance(rng, 0.3) ? bytes.subarray(0, int(rng, 0, bytes.length)) : bytes])
  }
  foldUpdates([Uint8Array.of(255, 255, 255, 255, 255, 255, 255, 15)])
  foldUpdates([Uint8Array.of(1, 255, 255, 255, 255, 255, 255, 15, 1, 0)])
})
