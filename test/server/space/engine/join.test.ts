/** What was relayed in a row as one update, against the document that had it update by update. */
import * as Y from 'yjs'
import { joinUpdates } from '../../../../server/space/engine/join.js'
import { contentOf, documentOf, isPending, missingOf, stateVectorOf } from '../../../support/documents.js'
import { editRandomly } from '../../../support/random-edits.js'
import { chance, createRng, int, pick, type Rng, seedFrom } from '../../../support/rng.js'
import { assert, isLongRun, suite } from '../../../support/suite.js'

const test = suite('join')

/** What a server relayed while a few clients wrote, offline for a while now and then. */
const relayed = (rng: Rng): Uint8Array[] => {
  const server = new Y.Doc()
  const updates: Uint8Array[] = []
  server.on('update', (update: Uint8Array) => updates.push(update))
  const clients = Array.from({ length: int(rng, 1, 4) }, () => {
    const doc = new Y.Doc()
    doc.clientID = int(rng, 1, 2 ** 32 - 1)
    return doc
  })
  const sync = (doc: Y.Doc): void => {
    Y.applyUpdate(server, Y.encodeStateAsUpdate(doc, Y.encodeStateVector(server)), 'client')
    Y.applyUpdate(doc, Y.encodeStateAsUpdate(server, Y.encodeStateVector(doc)), 'server')
  }
  for (let i = int(rng, 5, 60); i > 0; i--) {
    const doc = pick(rng, clients)
    const text = doc.getText('text')
    const at = int(rng, 0, text.length)
    if (chance(rng, 0.4)) editRandomly(rng, doc)
    else for (const [step, key] of [...'typed'].entries()) text.insert(Math.min(at + step, text.length), key)
    if (chance(rng, 0.7)) sync(doc)
  }
  for (const doc of clients) {
    sync(doc)
    doc.destroy()
  }
  server.destroy()
  return updates
}

test('[M16] whoever has what came before has the same document afterwards', () => {
  const rng = createRng(seedFrom())
  for (let round = 0; round < (isLongRun ? 3000 : 150); round++) {
    const updates = relayed(rng)
    const before = int(rng, 0, updates.length - 1)
    const joined = joinUpdates(updates.slice(before))
    assert.ok(joined !== null, `round ${round}`)
    const whole = documentOf(updates)
    // It may have some of it already.
    const replica = documentOf(updates.slice(0, int(rng, before, updates.length)))
    Y.applyUpdate(replica, joined)
    assert.not(isPending(replica), `round ${round}`)
    assert.is(stateVectorOf(replica), stateVectorOf(whole), `round ${round}`)
    assert.is(contentOf(replica), contentOf(whole), `round ${round}`)
    // Either may have cleaned up formats that the other did not: that depends on what comes in one transaction.
    for (const update of updates) assert.is(missingOf(replica, update), null, `round ${round}`)
    for (const doc of [whole, replica]) doc.destroy()
  }
})

test('[M16] what was typed in a row is one struct, and one update stays as it is', () => {
  const doc = new Y.Doc()
  doc.getText('text').insert(0, 'before')
  const updates: Uint8Array[] = []
  doc.on('update', (update: Uint8Array) => updates.push(update))
  for (const [at, key] of [...'x'.repeat(100)].entries()) doc.getText('text').insert(6 + at, key)
  const joined = joinUpdates(updates)
  assert.is(Y.decodeUpdate(joined!).structs.length, 1)
  assert.ok(joined!.length < 130)
  assert.is(joinUpdates([updates[0]!]), updates[0])
})

test('[M16] with a hole between them, a skip in them or bytes that are no update, they are not one', () => {
  const doc = new Y.Doc()
  const updates: Uint8Array[] = []
  doc.on('update', (update: Uint8Array) => updates.push(update))
  for (const letter of 'abc') doc.getText('text').insert(0, letter)
  const [a, b, c] = updates as [Uint8Array, Uint8Array, Uint8Array]
  assert.ok(joinUpdates([b, c]) !== null)
  assert.is(joinUpdates([a, c]), null)
  assert.is(joinUpdates([b, b]), null)
  assert.is(joinUpdates([Y.mergeUpdates([a, c]), b]), null)
  assert.is(joinUpdates([a, b.subarray(1)]), null)
})
