/** Runs: consecutive updates of one client as one, and never anything else than each by itself. */
import * as Y from 'yjs'
import { Document } from '../../../../server/space/engine/document.js'
import { Run } from '../../../../server/space/engine/run.js'
import { readUpdate } from '../../../../server/space/engine/update-reader.js'
import type { ApplyResult, EngineInput, EngineOutcome } from '../../../../server/space/engine.js'
import { contentOf, deletionsOf, documentOf, isPending, stateVectorOf } from '../../../support/documents.js'
import { editRandomly } from '../../../support/random-edits.js'
import { chance, createRng, int, pick, seedFrom } from '../../../support/rng.js'
import { assert, isLongRun, suite } from '../../../support/suite.js'
import { Writer } from '../../../support/writer.js'

const test = suite('run')

const NOTHING_KNOWN = (): number => 0

/** @returns how many of the updates the run took, from the first on */
const fill = (run: Run, updates: readonly Uint8Array[], known = NOTHING_KNOWN): number => {
  for (const [i, update] of updates.entries()) {
    const facts = readUpdate(update)
    if (!run.fits(facts, known)) return i
    run.add(i, update, facts)
  }
  return updates.length
}

const typed = (writer: Writer, text: string): Uint8Array[] =>
  [...text].map(letter => writer.type(letter).update)

test('[M13] what one client types in one go is one struct', () => {
  const writer = new Writer(1)
  const updates = typed(writer, 'typed 漢😀!')
  const run = new Run(1, 0)
  assert.is(fill(run, updates), updates.length)
  const { structs } = Y.decodeUpdate(run.encode())
  assert.is(structs.length, 2, 'the first letter has no left neighbour')
  assert.is(documentOf([run.encode()]).getText('text').toString(), 'typed 漢😀!')
})

test('[M13] a single update is handed on as it came', () => {
  const [update] = typed(new Writer(1), 'a')
  const run = new Run(1, 0)
  fill(run, [update!])
  assert.is(run.encode(), update)
})

test('[M13] deletions of a run are those of all its updates, joined where they touch', () => {
  const writer = new Writer(1)
  const updates = [...typed(writer, 'abcdef')]
  for (let at = 5; at > 2; at--) updates.push(writer.edit(() => writer.text.delete(at, 1)).update)
  const run = new Run(1, 0)
  assert.is(fill(run, updates), updates.length)
  const { ds } = Y.decodeUpdate(run.encode())
  assert.equal(
    [...ds.clients].map(([client, items]) => [client, items.map(({ clock, len }) => [clock, len])]),
    [[1, [[3, 3]]]],
  )
  assert.is(documentOf([run.encode()]).getText('text').toString(), 'abc')
})

test('[M13] only what is known to fit is taken: no gap, no other client, no unknown neighbour or deletion', () => {
  const [ann, bob] = [new Writer(1), new Writer(2)]
  const first = ann.type('a')
  bob.read([first])
  const second = bob.type('b')
  const deletion = bob.edit(() => bob.text.delete(0, 1))
  ann.read([second])
  const third = ann.type('c')
  const refuses = (run: Run, update: Uint8Array, known = NOTHING_KNOWN): void =>
    assert.not(run.fits(readUpdate(update), known))
  refuses(new Run(1, 0), third.update)
  refuses(new Run(1, 0), second.update)
  refuses(new Run(2, 0), second.update)
  refuses(new Run(2, 1), deletion.update)
  const annIsKnown = (client: number): number => (client === 1 ? 1 : 0)
  assert.ok(new Run(2, 0).fits(readUpdate(second.update), annIsKnown))
  assert.ok(new Run(2, 1).fits(readUpdate(deletion.update), annIsKnown))
})

test('[M13] a malformed update between others is refused alone', () => {
  const result = new Document([]).apply([
    ...typed(new Writer(1), 'abc').map(asInput),
    asInput(Uint8Array.of(0xff)),
    ...typed(new Writer(2), 'abc').map(asInput),
  ])
  assert.equal(
    (result as ApplyResult & { type: 'applied' }).outcomes.map(({ type }) => type),
    ['applied', 'applied', 'applied', 'refused', 'applied', 'applied', 'applied'],
  )
})

const asInput = (update: Uint8Array): EngineInput => ({
  kind: 'update',
  update,
  mayEdit: true,
  mayGrow: true,
})

const applied = (result: ApplyResult): ApplyResult & { type: 'applied' } => {
  if (result.type !== 'applied') throw new Error('broken', { cause: result.cause })
  return result
}

const rangesOf = (outcome: EngineOutcome) => ('ranges' in outcome ? outcome.ranges : [])

/** Writers that hear of each other now and then; what they sent since, in one possible order. */
const session = (seed: number): EngineInput[][] => {
  const rng = createRng(seed)
  const writers = Array.from({ length: int(rng, 1, 4) }, (_, i) => new Writer(i + 1))
  const all: Uint8Array[][] = writers.map(() => [])
  const read = writers.map(() => writers.map(() => 0))
  const batches: EngineInput[][] = []
  for (let round = 0; round < 6; round++) {
    const sent: Uint8Array[] = []
    for (let step = int(rng, 1, 40); step > 0; step--) {
      const from = int(rng, 0, writers.length - 1)
      const writer = writers[from]!
      const { update } = chance(rng, 0.6)
        ? typeSomewhere(writer, int(rng, 0, 9))
        : writer.edit(doc => editRandomly(rng, doc))
      all[from]!.push(update)
      sent.push(update)
      // One that heard of another by some other way before the server did.
      if (chance(rng, 0.1)) hear(writers, all, read, int(rng, 0, writers.length - 1))
      // A loss, a repetition.
      if (chance(rng, 0.03)) sent.pop()
      if (chance(rng, 0.03)) sent.push(pick(rng, sent.length > 0 ? sent : [update]))
    }
    if (chance(rng, 0.7)) for (const i of writers.keys()) hear(writers, all, read, i)
    batches.push(sent.map(asInput))
  }
  return batches
}

const typeSomewhere = (writer: Writer, where: number) =>
  writer.edit(() => {
    const { text } = writer
    if (where === 0 && text.length > 0) text.delete(text.length - 1, 1)
    else text.insert(where === 1 ? 0 : text.length, 'x')
  })

const hear = (writers: readonly Writer[], all: Uint8Array[][], read: number[][], who: number): void => {
  all.forEach((updates, from) => {
    if (from === who) return
    for (const update of updates.slice(read[who]![from])) Y.applyUpdate(writers[who]!.doc, update)
    read[who]![from] = updates.length
  })
}

const SEEDS = isLongRun ? 2000 : 60

/** A batch in one transaction as runs have it, each update by itself. */
const applyEach = (doc: Y.Doc, batch: readonly EngineInput[]): EngineOutcome['type'][] => {
  const outcomes: EngineOutcome['type'][] = []
  doc.transact(() => {
    for (const { update } of batch) {
      Y.applyUpdate(doc, update)
      outcomes.push(isPending(doc) ? 'gap' : 'applied')
      doc.store.pendingStructs = null
      doc.store.pendingDs = null
    }
  })
  return outcomes
}

test(`[M13] applied in runs or each by itself, outcomes and content are the same (${SEEDS} seeds)`, {
  timeoutMs: 600_000,
}, async () => {
  const first = seedFrom()
  for (let seed = first; seed < first + SEEDS; seed++) {
    // The harness wants to see that the process lives.
    await new Promise(resolve => setImmediate(resolve))
    const inRuns = new Document([])
    const eachByItself = new Y.Doc()
    const relayed: Uint8Array[] = []
    const brought = new Map<number, number>()
    for (const batch of session(seed)) {
      const { outcomes, updates } = applied(inRuns.apply(batch))
      relayed.push(...updates)
      const types = applyEach(eachByItself, batch)
      assert.equal(
        outcomes.map(({ type }) => type),
        types,
        `outcomes, seed ${seed}`,
      )
      for (const { client, clock, length } of outcomes.flatMap(rangesOf)) {
        assert.is(clock, brought.get(client) ?? 0, `ranges, seed ${seed}`)
        brought.set(client, clock + length)
      }
    }
    const same = documentOf([inRuns.diff(null)])
    for (const doc of [same, documentOf(relayed)]) {
      assert.not(isPending(doc), `pending, seed ${seed}`)
      assert.is(stateVectorOf(doc), stateVectorOf(eachByItself), `state vector, seed ${seed}`)
      // Not that of `eachByItself`: which of two doubled formats Yjs cleans up depends on the order.
      assert.ok(Y.equalDeleteSets(deletionsOf(doc), deletionsOf(same)), `delete set, seed ${seed}`)
      assert.is(contentOf(doc), contentOf(eachByItself), `content, seed ${seed}`)
    }
  }
})
