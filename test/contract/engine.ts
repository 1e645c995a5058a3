/** What every engine promises, as a suite over one implementation. */
import * as Y from 'yjs'
import type { Engine, EngineInput } from '../../server/space/engine.js'
import type { SpaceName } from '../../shared/names.js'
import { documentOf, stateVectorOf } from '../support/documents.js'
import { rejectsWithCode } from '../support/expect.js'
import { assert, suite } from '../support/suite.js'
import { GROUND, THROWING } from '../support/throwing-update.js'
import { Writer } from '../support/writer.js'

export interface EngineUnderTest {
  readonly engine: Engine
  /** How many documents are in memory. */
  size(): number
  dispose(): Promise<void>
}

const A = 'a' as SpaceName
const B = 'b/ä' as SpaceName

const input = (update: Uint8Array, rest: Partial<EngineInput> = {}): EngineInput => ({
  kind: 'update',
  update,
  mayEdit: true,
  mayGrow: true,
  ...rest,
})

const textOf = (update: Uint8Array): string => documentOf([update]).getText('text').toString()

/** The bytes as they come from a socket: somewhere in a pool with others'. */
const inPool = (bytes: Uint8Array): Uint8Array => {
  const pool = new Uint8Array(4096 + bytes.length).fill(255)
  pool.set(bytes, 1000)
  return pool.subarray(1000, 1000 + bytes.length)
}

export const engineContract = (name: string, make: () => EngineUnderTest): void => {
  const test = suite(`engine: ${name}`)

  const withEngine = async (body: (engine: Engine, size: () => number) => Promise<void>): Promise<void> => {
    const { engine, size, dispose } = make()
    try {
      await body(engine, size)
    } finally {
      await dispose()
    }
  }

  const apply = async (engine: Engine, space: SpaceName, ...batch: EngineInput[]) => {
    const result = await engine.apply(space, batch)
    if (result.type !== 'applied') throw new Error('broken', { cause: result.cause })
    return result
  }

  test(`[M3] ${name}: a batch comes out as one event, with an outcome for each input`, () =>
    withEngine(async engine => {
      await engine.open(A, [])
      const writers = Array.from({ length: 20 }, (_, i) => new Writer(i + 1))
      const { updates, outcomes } = await apply(engine, A, ...writers.map(w => input(w.type('a').update)))
      assert.is(updates.length, 1)
      assert.equal(outcomes[4], { type: 'applied', ranges: [{ client: 5, clock: 0, length: 1 }] })
      assert.is(textOf(updates[0]!).length, 20)
      assert.equal((await apply(engine, A)).updates, [])
    }))

  test(`[M12] ${name}: what is opened from updates gives what they were`, () =>
    withEngine(async engine => {
      const writer = new Writer()
      const updates = ['ab', 'cd', 'ef'].map(text => inPool(writer.type(text).update))
      await engine.open(A, updates)
      const update = await engine.diff(A, null)
      assert.equal(update, Y.encodeStateAsUpdate(writer.doc))
      assert.equal(await engine.stateVector(A), Y.encodeStateVector(writer.doc))
      const since = writer.ask() as { stateVector: Uint8Array }
      const { update: later } = writer.type('gh')
      await apply(engine, A, input(inPool(later)))
      assert.equal(await engine.diff(A, inPool(since.stateVector)), Y.diffUpdate(later, since.stateVector))
    }))

  test(`[M4] [M6] [M9] [M10] ${name}: what is refused, held or ignored is told, and has no effect`, () =>
    withEngine(async engine => {
      await engine.open(A, [])
      const writer = new Writer()
      const first = writer.type('first').update
      const second = writer.type('second').update
      const { outcomes, updates } = await apply(
        engine,
        A,
        input(Uint8Array.of(9, 9)),
        input(second),
        input(second, { kind: 'step2' }),
        input(first, { mayEdit: false }),
        input(first, { mayEdit: false, kind: 'step2' }),
        input(first, { mayGrow: false }),
      )
      assert.equal(
        outcomes.map(outcome => (outcome.type === 'refused' ? outcome.code : outcome.type)),
        ['malformed', 'gap', 'pending-dropped', 'read_only', 'ignored', 'too_large'],
      )
      assert.equal(updates, [])
      await rejectsWithCode('malformed', engine.diff(A, Uint8Array.of(3, 1)))
      assert.equal([...(await engine.stateVector(A))], [0])
    }))

  test(`[M18] ${name}: new clocks that are another user's to bring are left out, and the rest is let in`, () =>
    withEngine(async engine => {
      await engine.open(A, [])
      const [ann, bob] = [new Writer(1), new Writer(2)]
      const own = ann.type('ann')
      bob.read([own])
      const update = bob.edit(doc => doc.getMap('map').set('bob', true)).update
      const whole = Y.encodeStateAsUpdate(bob.doc)
      const guard = { user: 'bob', owners: new Map([[1, 'ann']]) }
      const { outcomes, updates } = await apply(
        engine,
        A,
        input(own.update, { guard }),
        input(inPool(whole), { guard, kind: 'step2' }),
        input(own.update, { guard: { ...guard, user: 'ann' } }),
        input(whole, { guard }),
      )
      const held = [{ client: 1, clock: 0, length: 3 }]
      const [none, some, owner, known] = outcomes
      assert.equal(none, { type: 'held', ranges: [], held, update: Uint8Array.of(0, 0) })
      assert.equal(some, { type: 'held', ranges: [{ client: 2, clock: 0, length: 1 }], held, update })
      assert.equal(owner, { type: 'applied', ranges: held })
      assert.equal(known, { type: 'applied', ranges: [] })
      assert.equal(documentOf(updates).getMap('map').toJSON(), { bob: true })
    }))

  test(`[V5] ${name}: intentions come with the clocks of the structs that say so`, () =>
    withEngine(async engine => {
      await engine.open(A, [])
      assert.equal(await engine.intentions(A), { intentions: [], invalid: [] })
      const [ann, bob] = [new Writer(1), new Writer(2)]
      const proposed = { id: 'one', by: 'ann', text: 'a', status: 'proposed', createdAt: 1, modifiedAt: 1 }
      const made = ann.edit(doc => doc.getMap('intentions').set('one', new Y.Map(Object.entries(proposed))))
      bob.read([made])
      const changed = bob.edit(doc => {
        doc.getMap<Y.Map<string>>('intentions').get('one')!.set('text', 'b')
        doc.getMap('intentions').set('two', 2)
      })
      await apply(engine, A, input(made.update), input(changed.update))
      const { intentions, invalid } = await engine.intentions(A)
      assert.equal(invalid, [{ key: 'two', reason: 'not a map of fields' }])
      assert.is(intentions.length, 1)
      const { intention, items } = intentions[0]!
      assert.equal(intention, { ...proposed, text: 'b' })
      assert.equal(items.entry, { client: 1, clock: 0, length: 1 })
      assert.equal([items.by?.client, items.by?.length, items.text?.client], [1, 1, 2])
      assert.equal(Object.keys(items).sort(), ['by', 'createdAt', 'entry', 'modifiedAt', 'status', 'text'])
    }))

  test(`[M8] ${name}: what throws is named, its document is gone, and can be opened again`, () =>
    withEngine(async (engine, size) => {
      await engine.open(A, [GROUND])
      const good = new Writer().type('x').update
      const result = await engine.apply(A, [input(good), input(THROWING), input(good)])
      assert.is(result.type, 'broken')
      if (result.type === 'broken') {
        assert.is(result.offender, 1)
        assert.instance(result.cause, Error)
      }
      assert.is(size(), 0)
      await rejectsWithCode('internal', engine.stateVector(A))
      await engine.open(A, [GROUND])
      await apply(engine, A, input(good))
      assert.is(textOf(await engine.diff(A, null)), 'x')
    }))

  test(`[R2] ${name}: what does not load is refused, and nothing stays`, () =>
    withEngine(async (engine, size) => {
      await rejectsWithCode('load_failed', engine.open(A, [GROUND, THROWING]))
      await rejectsWithCode('load_failed', engine.open(A, [Uint8Array.of(7, 7, 7)]))
      assert.is(size(), 0)
      await rejectsWithCode('internal', engine.apply(A, []))
    }))

  test(`[R9] ${name}: spaces have nothing in common, and each is opened anew and closed by itself`, () =>
    withEngine(async (engine, size) => {
      const [a, b] = [new Writer(1), new Writer(1)]
      await Promise.all([engine.open(A, []), engine.open(B, [])])
      await Promise.all([
        apply(engine, A, input(a.type('of a').update)),
        apply(engine, B, input(b.type('of b').update)),
      ])
      assert.is(textOf(await engine.diff(A, null)), 'of a')
      assert.is(textOf(await engine.diff(B, null)), 'of b')
      await engine.open(A, [b.answer().update])
      assert.is(textOf(await engine.diff(A, null)), 'of b')
      await engine.close(A)
      await engine.close(A)
      assert.is(size(), 1)
      await rejectsWithCode('internal', engine.diff(A, null))
      assert.is(stateVectorOf(documentOf([await engine.diff(B, null)])), '[[1,4]]')
    }))

  test(`[X1] ${name}: a document is read as JSON, by roots of these types or by what there is`, () =>
    withEngine(async engine => {
      const writer = new Writer(1)
      const { update } = writer.edit(doc => {
        doc.getText('text').insert(0, 'bold', { bold: true })
        doc.getMap('map').set('deep', new Y.Map([['list', Y.Array.from([1, Uint8Array.of(1, 2)])]]))
      })
      await engine.open(A, [update])
      assert.equal(await engine.json(A, null), { text: 'bold', map: { deep: { list: [1, 'AQI='] } } })
      assert.equal(await engine.json(A, [{ name: 'text', type: 'text' }]), { text: 'bold' })
      await rejectsWithCode('bad_request', engine.json(A, [{ name: 'text', type: 'map' }]))
      await rejectsWithCode('internal', engine.json(B, null))
    }))

  test(`${name}: buffers that come in stay as they are, and those that come out are the caller's`, () =>
    withEngine(async engine => {
      const { update } = new Writer(1).type('x'.repeat(100_000))
      const pooled = inPool(update)
      await engine.open(A, [pooled])
      await engine.open(B, [])
      const first = await apply(engine, B, input(pooled))
      assert.equal(pooled, update)
      const whole = await engine.diff(A, null)
      whole.fill(0)
      first.updates[0]!.fill(0)
      assert.is(textOf(await engine.diff(A, null)).length, 100_000)
      assert.is(textOf(await engine.diff(B, null)).length, 100_000)
    }))

  test(`${name}: batches are told what they cost`, () =>
    withEngine(async engine => {
      await engine.open(A, [])
      const { costMs } = await apply(engine, A, input(new Writer().type('a').update))
      assert.ok(costMs !== undefined && costMs >= 0)
    }))
}
