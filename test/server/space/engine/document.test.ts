/** The document behind the engine: what comes out of a batch, and what never stays. */
import * as Y from 'yjs'
import { Document } from '../../../../server/space/engine/document.js'
import { InlineEngine } from '../../../../server/space/engine/inline-engine.js'
import type { EngineInput, EngineOutcome } from '../../../../server/space/engine.js'
import { DEMO } from '../../../support/core.js'
import { contentOf, deletionsOf, documentOf, isPending, stateVectorOf } from '../../../support/documents.js'
import { rejectsWithCode, throwsCode } from '../../../support/expect.js'
import { editRandomly } from '../../../support/random-edits.js'
import { chance, createRng, int, pick, seedFrom } from '../../../support/rng.js'
import { assert, suite } from '../../../support/suite.js'
import { GROUND, THROWING } from '../../../support/throwing-update.js'
import { Writer } from '../../../support/writer.js'

const test = suite('document')

const input = (update: Uint8Array, rest: Partial<EngineInput> = {}): EngineInput => ({
  kind: 'update',
  update,
  mayEdit: true,
  mayGrow: true,
  ...rest,
})

const applied = (document: Document, ...batch: EngineInput[]) => {
  const result = document.apply(batch)
  if (result.type !== 'applied') throw new Error('broken', { cause: result.cause })
  return result
}

const outcomesOf = (document: Document, ...batch: EngineInput[]): string[] =>
  applied(document, ...batch).outcomes.map(({ type }) => type)

/** Equal in content, state vector and delete set, and neither has anything pending. */
const isSame = (a: Y.Doc, b: Y.Doc): void => {
  assert.not(isPending(a))
  assert.not(isPending(b))
  assert.is(stateVectorOf(a), stateVectorOf(b))
  assert.ok(Y.equalDeleteSets(deletionsOf(a), deletionsOf(b)), 'delete sets')
  assert.is(contentOf(a), contentOf(b))
}

const copyOf = (document: Document): Y.Doc => documentOf([document.diff(null)])

test('[M3] a batch is one transaction with one event', () => {
  const document = new Document([])
  const writers = Array.from({ length: 20 }, (_, i) => new Writer(i + 1))
  const { updates, outcomes } = applied(document, ...writers.map(w => input(w.type('a').update)))
  assert.is(updates.length, 1)
  assert.equal(outcomes[4], { type: 'applied', ranges: [{ client: 5, clock: 0, length: 1 }] })
  assert.equal(applied(document).updates, [])
})

test('[M3] what adds nothing makes no event', () => {
  const document = new Document([])
  const update = new Writer().type('a').update
  applied(document, input(update))
  assert.equal(applied(document, input(update), input(update)), {
    type: 'applied',
    outcomes: [
      { type: 'applied', ranges: [] },
      { type: 'applied', ranges: [] },
    ],
    updates: [],
  })
})

test('[M3] two clients bold one range: both events come out, and carry all', () => {
  const document = new Document([])
  const [ann, bob] = [new Writer(1), new Writer(2)]
  const paragraph = ({ doc }: Writer): Y.XmlText => doc.getXmlFragment('xml').get(0) as Y.XmlText
  const bold = (writer: Writer) => writer.edit(() => paragraph(writer).format(0, 3, { bold: true }))
  const log: Uint8Array[] = []
  const start = ann.edit(doc => doc.getXmlFragment('xml').insert(0, [new Y.XmlText('abc')]))
  log.push(...applied(document, input(start.update)).updates)
  bob.read([start])
  const both = applied(document, input(bold(ann).update), input(bold(bob).update))
  assert.is(both.updates.length, 2, 'the edits, and the clean-up of doubled formats')
  log.push(...both.updates)
  isSame(documentOf(log), copyOf(document))
})

test('[M3] whatever comes in, what comes out builds the same document', () => {
  const rng = createRng(seedFrom())
  for (let round = 0; round < 60; round++) {
    const document = new Document([])
    const log: Uint8Array[] = []
    const docs = [1, 2, 3].map(() => new Y.Doc())
    const made: Uint8Array[] = []
    for (const doc of docs) {
      doc.on('update', (update: Uint8Array, origin: unknown) => {
        if (origin !== 'remote') made.push(update)
      })
    }
    for (let i = 0; i < 30; i++) {
      editRandomly(rng, pick(rng, docs))
      if (i % 5 === 0) for (const doc of docs) for (const update of log) Y.applyUpdate(doc, update, 'remote')
      if (i % 3 === 0) log.push(...applied(document, ...made.splice(0).map(update => input(update))).updates)
    }
    log.push(...applied(document, ...made.splice(0).map(update => input(update))).updates)
    isSame(documentOf(log), copyOf(document))
    const reopened = new Document(log)
    isSame(copyOf(document), copyOf(reopened))
    document.destroy()
    reopened.destroy()
  }
})

test('[M3] a piece of text that is new comes out as it came in, and anything else as Yjs encodes it', () => {
  const rng = createRng(seedFrom())
  let asTheyCame = 0
  for (let round = 0; round < 40; round++) {
    const document = new Document([])
    const plain = new Y.Doc()
    const docs = [1, 2].map(() => new Y.Doc())
    const made: Uint8Array[] = []
    for (const doc of docs) {
      doc.on('update', (update: Uint8Array, origin: unknown) => {
        if (origin !== 'remote') made.push(update)
      })
    }
    let events: Uint8Array[] = []
    plain.on('update', update => events.push(update))
    for (let i = 0; i < 60; i++) {
      const doc = pick(rng, docs)
      if (chance(rng, 0.5))
        doc.getText('text').insert(int(rng, 0, doc.getText('text').length), pick(rng, ['a', 'ä', 'bc']))
      else editRandomly(rng, doc)
      if (chance(rng, 0.2)) Y.applyUpdate(doc, Y.encodeStateAsUpdate(plain), 'remote')
      if (made.length === 0) continue
      // Some come twice, some together with what is known, some before what they build on.
      const known = made[int(rng, 0, made.length - 1)]!
      const update = pick(rng, [made.at(-1)!, made.at(-1)!, known, Y.mergeUpdates([known, made.at(-1)!])])
      events = []
      plain.transact(() => {
        Y.applyUpdate(plain, update)
        plain.store.pendingStructs = null
        plain.store.pendingDs = null
      })
      const { updates } = applied(document, input(update))
      assert.equal(updates, events)
      asTheyCame += Number(updates[0] === update)
    }
    document.destroy()
  }
  assert.ok(asTheyCame > 100)
})

test('[M3] text with integers longer than they need to be comes out as Yjs writes it', () => {
  const { update } = new Writer(1).type('a')
  // The number of clients is first, and one.
  const padded = Uint8Array.from([0x81, 0x80, 0x00, ...update.subarray(1)])
  assert.equal(applied(new Document([]), input(padded)).updates, [update])
})

test('[M12] loading adds nothing, not even a clean-up of formats that a log was cut before', () => {
  const [ann, bob] = [new Writer(1), new Writer(2)]
  const paragraph = ({ doc }: Writer): Y.XmlText => doc.getXmlFragment('xml').get(0) as Y.XmlText
  const bold = (writer: Writer) => writer.edit(() => paragraph(writer).format(0, 3, { bold: true }))
  const start = ann.edit(doc => doc.getXmlFragment('xml').insert(0, [new Y.XmlText('abc')]))
  bob.read([start])
  const log = [start, bold(ann), bold(bob)].map(({ update }) => update)
  const document = new Document(log)
  const raw = new Y.Doc()
  raw.transact(() => {
    for (const update of log) Y.applyUpdate(raw, update)
  })
  isSame(raw, copyOf(document))
  assert.is(deletionsOf(raw).clients.size, 0)
  assert.is(applied(document, input(new Writer(3).type('x').update)).updates.length, 1)
})

test('[M6] a gap leaves nothing pending, and what fits stays', () => {
  const document = new Document([])
  const writer = new Writer(1)
  const [first, second] = [writer.type('a'), writer.type('b')]
  const mixed = Y.mergeUpdates([new Writer(2).type('c').update, second.update])
  const { outcomes, updates } = applied(document, input(mixed))
  assert.equal(outcomes, [{ type: 'gap', ranges: [{ client: 2, clock: 0, length: 1 }] }])
  isSame(documentOf(updates), copyOf(document))
  // The missing one does not bring it back: it has to be sent again.
  assert.equal(outcomesOf(document, input(first.update)), ['applied'])
  assert.is(copyOf(document).getText('text').toString().length, 2)
  assert.equal(outcomesOf(document, input(second.update)), ['applied'])
})

test('[M6] deletions of what is not here are a gap', () => {
  const document = new Document([])
  const writer = new Writer(1)
  writer.type('abc')
  const deletion = writer.edit(() => writer.text.delete(0, 1))
  assert.equal(outcomesOf(document, input(deletion.update)), ['gap'])
  assert.equal(applied(document, input(new Writer(1).type('xyz').update)).updates.length, 1)
  assert.is(copyOf(document).getText('text').toString(), 'xyz')
})

test('[M6] judged in the order of the batch: what comes before fills the gap, what comes behind does not', () => {
  const writer = new Writer(1)
  const updates = [writer.type('a'), writer.type('b'), writer.type('c')].map(({ update }) => input(update))
  assert.equal(outcomesOf(new Document([]), ...updates), ['applied', 'applied', 'applied'])
  assert.equal(outcomesOf(new Document([]), updates[1]!, updates[0]!, updates[2]!), ['gap', 'applied', 'gap'])
})

test('[M7] the pending rest of a step 2 is dropped', () => {
  const document = new Document([])
  const writer = new Writer(1)
  writer.type('a')
  const { update } = writer.type('b')
  assert.equal(outcomesOf(document, input(update, { kind: 'step2' })), ['pending-dropped'])
  assert.equal([...document.diff(null)], [0, 0])
})

test('[M8] an update that throws breaks the document, names its place, and nothing of the batch counts', () => {
  const document = new Document([GROUND])
  const honest = input(new Writer(9).type('a').update)
  const result = document.apply([honest, input(THROWING), honest])
  assert.is(result.type, 'broken')
  if (result.type === 'broken') assert.is(result.offender, 1)
})

test('[M8] the engine forgets a broken document, and opens it again from what is stored', async () => {
  const engine = new InlineEngine()
  await engine.open(DEMO, [GROUND])
  const honest = input(new Writer(9).type('a').update)
  assert.is((await engine.apply(DEMO, [honest, input(THROWING)])).type, 'broken')
  assert.is(engine.size, 0)
  await rejectsWithCode('internal', engine.apply(DEMO, [honest]))
  await engine.open(DEMO, [GROUND])
  const result = await engine.apply(DEMO, [honest])
  assert.is(result.type, 'applied')
  isSame(documentOf([await engine.diff(DEMO, null)]), documentOf([GROUND, honest.update]))
  await engine.close(DEMO)
  await engine.close(DEMO)
  assert.is(engine.size, 0)
})

test('[R2] what cannot be opened is load_failed, and leaves no document', async () => {
  const engine = new InlineEngine()
  await rejectsWithCode('load_failed', engine.open(DEMO, [GROUND, THROWING]))
  await rejectsWithCode('load_failed', engine.open(DEMO, [Uint8Array.of(7, 7, 7)]))
  assert.is(engine.size, 0)
})

test('[M4] what is not an update is refused alone', () => {
  const document = new Document([])
  const good = input(new Writer(1).type('a').update)
  const [first, second] = applied(document, input(Uint8Array.of(1, 1)), good).outcomes as [
    EngineOutcome,
    EngineOutcome,
  ]
  assert.is(first.type === 'refused' && first.code, 'malformed')
  assert.is(second.type, 'applied')
})

/** A document with "abc", its "b" deleted, and bold over it. */
const shared = () => {
  const writer = new Writer(1)
  writer.type('abc')
  writer.text.delete(1, 1)
  writer.text.format(0, 2, { bold: true })
  return { document: new Document([Y.encodeStateAsUpdate(writer.doc)]), writer }
}

const read = (update: Uint8Array, kind: EngineInput['kind'] = 'update'): EngineInput =>
  input(update, { kind, mayEdit: false })

test('[M9] a reader’s whole delete set, and what is known, is ignored', () => {
  const { document, writer } = shared()
  const known = writer.answer().update
  const deletions = writer.answer(Y.encodeStateVector(writer.doc)).update
  for (const kind of ['update', 'step2'] as const) {
    assert.equal(applied(document, read(known, kind), read(deletions, kind)).outcomes, [
      { type: 'ignored', extras: false },
      { type: 'ignored', extras: false },
    ])
  }
})

test('[M9] new structs and deletions of live content are refused in an update, left out of a step 2', () => {
  const { document, writer } = shared()
  const before = document.diff(null)
  const edits = [
    new Writer(7).type('x').update,
    writer.edit(() => writer.text.delete(0, 1)).update,
    writer.edit(() => writer.text.format(0, 1, { italic: true })).update,
  ]
  for (const update of edits) {
    const [one, other] = applied(document, read(update), read(update, 'step2')).outcomes
    assert.equal(one, { type: 'refused', code: 'read_only', reason: 'this role may not edit' })
    assert.equal(other, { type: 'ignored', extras: true })
  }
  assert.equal(document.diff(null), before)
})

test('[M9] a reader’s format clean-up, and deletions of what is not here, are ignored', () => {
  const { document, writer } = shared()
  const format = writer.doc.store.clients
    .get(1)
    ?.find(struct => struct instanceof Y.Item && struct.content instanceof Y.ContentFormat)
  const { clock } = format?.id ?? { clock: -1 }
  const [cleanUp, unknown] = [Uint8Array.of(0, 1, 1, 1, clock, 1), Uint8Array.of(0, 1, 99, 1, 0, 5)]
  assert.equal(applied(document, read(cleanUp), read(unknown)).outcomes, [
    { type: 'ignored', extras: false },
    { type: 'ignored', extras: false },
  ])
})

test('[M10] where it may not grow, deletions are applied and new structs refused', () => {
  const { document, writer } = shared()
  const growth = input(new Writer(7).type('x').update, { mayGrow: false })
  const deletion = input(writer.edit(() => writer.text.delete(0, 1)).update, { mayGrow: false })
  const { outcomes } = applied(document, growth, deletion)
  assert.is(outcomes[0]?.type === 'refused' && outcomes[0].code, 'too_large')
  assert.is(outcomes[1]?.type, 'applied')
  assert.is(copyOf(document).getText('text').toString(), 'c')
})

test('[M4] a state vector that cannot be read, or names absurdly many clients, is malformed', () => {
  const { document } = shared()
  throwsCode('malformed', () => document.diff(Uint8Array.of(1, 1)))
  const many = [0xa1, 0x8d, 0x06, ...Array.from({ length: 100_001 }, () => [1, 1]).flat()]
  throwsCode('malformed', () => document.diff(Uint8Array.from(many)))
})
