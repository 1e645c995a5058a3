/** Intentions in a document: what may become of them, how they merge, and what of a bad entry is told. */
import * as Y from 'yjs'
import { type Intentions, intentions } from '../../../client/intentions/intentions.js'
import { PlenumError } from '../../../shared/errors.js'
import { INTENTION_LIMITS, type Intention } from '../../../shared/intentions/intention.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('intentions')

const open = (doc = new Y.Doc(), by = 'ada', times = [1_000]) => {
  const now = () => (times.length > 1 ? times.shift()! : times[0]!)
  return { doc, board: intentions(doc, { by, now }), map: doc.getMap<Y.Map<unknown>>('intentions') }
}

const only = (board: Intentions): Intention => {
  assert.is(board.list().length, 1)
  return board.list()[0]!
}

/** Each has all that any of them has. */
const exchange = (...docs: readonly Y.Doc[]): void => {
  const updates = docs.map(doc => Y.encodeStateAsUpdate(doc))
  for (const doc of docs) for (const update of updates) Y.applyUpdate(doc, update)
}

const refuses = (code: string, action: () => unknown, board: Intentions): void => {
  const before = board.list()
  assert.throws(action, (error: unknown) => error instanceof PlenumError && error.code === code)
  assert.is(board.list(), before)
}

test('[V1] one is proposed, activated, edited, finished, dropped and removed', () => {
  const { board, map } = open(new Y.Doc(), 'ada', [1, 2, 3, 4, 5, 6])
  const proposed = board.propose('rewrite', { target: 'chapter 1' })
  const { id } = proposed
  const expected = { id, by: 'ada', text: 'rewrite', status: 'proposed', createdAt: 1, modifiedAt: 1 }
  assert.equal(proposed, { ...expected, target: 'chapter 1' })
  assert.equal(only(board), proposed)
  assert.equal(map.get(id)!.toJSON(), proposed)
  board.activate(id)
  assert.equal(only(board), { ...proposed, status: 'active', modifiedAt: 2 })
  board.edit(id, { text: 'shorten', target: null })
  assert.equal(only(board), { ...expected, text: 'shorten', status: 'active', modifiedAt: 3 })
  board.finish(id)
  assert.equal(only(board), { ...expected, text: 'shorten', status: 'done', modifiedAt: 4 })
  board.drop(id)
  board.activate(id)
  assert.equal(only(board), { ...expected, text: 'shorten', status: 'active', modifiedAt: 6 })
  board.remove(id)
  assert.equal(board.list(), [])
  assert.is(map.size, 0)
})

test('[V1] what the table does not allow is refused', () => {
  const { board } = open()
  const { id } = board.propose('rewrite')
  refuses('bad_request', () => board.finish(id), board)
  board.drop(id)
  refuses('bad_request', () => board.finish(id), board)
  refuses('not_found', () => board.activate('nobody'), board)
  refuses('not_found', () => board.edit('nobody', { text: 'a' }), board)
  board.remove('nobody')
})

test('[V1] what changes nothing writes nothing', () => {
  const { doc, board } = open()
  const { id } = board.propose('rewrite')
  const before = Y.encodeStateVector(doc)
  board.edit(id, {})
  board.edit(id, { text: 'rewrite', target: null })
  board.activate(id)
  const active = Y.encodeStateVector(doc)
  board.activate(id)
  assert.not.equal(active, before)
  assert.equal(Y.encodeStateVector(doc), active)
})

test('[V1] texts and numbers have limits', () => {
  const { doc, board, map } = open()
  refuses('bad_request', () => board.propose(''), board)
  refuses('bad_request', () => board.propose('x'.repeat(INTENTION_LIMITS.textCharacters + 1)), board)
  refuses('bad_request', () => board.propose('x', { target: '' }), board)
  refuses('bad_request', () => intentions(doc, { by: '' }).propose('x'), board)
  const { id } = board.propose('x'.repeat(INTENTION_LIMITS.textCharacters))
  refuses('bad_request', () => board.edit(id, { text: '' }), board)
  doc.transact(() => {
    while (map.size < INTENTION_LIMITS.entries) board.propose('one more')
  })
  refuses('too_large', () => board.propose('one too many'), board)
  board.remove(id)
  board.propose('room again')
})

test('[V1] who proposes, and when, is asked anew each time', () => {
  const doc = new Y.Doc()
  let user = 'ada'
  let nowMs: number | null = 5
  const board = intentions(doc, { by: () => user, now: () => nowMs })
  board.propose('one')
  user = 'bob'
  nowMs = null
  const { by, createdAt } = board.propose('two')
  assert.is(by, 'bob')
  assert.ok(Math.abs(createdAt - Date.now()) < 60_000)
  assert.is(board.list()[0]!.by, 'ada')
})

test('[V2] two who change different fields of one, apart, both get what they wrote', () => {
  const ada = open()
  const { id } = ada.board.propose('rewrite')
  const bob = open(new Y.Doc(), 'bob')
  exchange(ada.doc, bob.doc)
  ada.board.edit(id, { text: 'shorten' })
  bob.board.activate(id)
  bob.board.edit(id, { target: 'chapter 1' })
  exchange(ada.doc, bob.doc)
  const { text, status, target, by } = only(ada.board)
  assert.equal(
    { text, status, target, by },
    { text: 'shorten', status: 'active', target: 'chapter 1', by: 'ada' },
  )
  assert.equal(only(bob.board), only(ada.board))
})

const BAD: Readonly<Record<string, readonly [name: string, value: unknown]>> = {
  '"id" is not the key': ['id', 'another'],
  '"by" is not': ['by', ''],
  '"text" is not': ['text', 7],
  '"status" is none': ['status', 'begun'],
  '"createdAt" is not': ['createdAt', Number.NaN],
  '"modifiedAt" is not': ['modifiedAt', '2026'],
  '"target" is not': ['target', {}],
}

test('[V3] a bad entry is told with its key and what is wrong, beside the good ones', () => {
  const { board, map } = open()
  board.propose('good')
  for (const [reason, [name, value]] of Object.entries(BAD)) {
    const { id } = board.propose('bad')
    map.get(id)!.set(name, value)
    const found = board.invalid().find(({ key }) => key === id)
    assert.ok(found?.reason.startsWith(reason), `${reason}: ${found?.reason}`)
  }
  map.set('a text', 'not a map' as never)
  map.set('x'.repeat(100_000), new Y.Map())
  assert.is(board.list().length, 1)
  assert.is(board.invalid().length, Object.keys(BAD).length + 2)
  assert.ok(board.invalid().every(({ key }) => key.length <= INTENTION_LIMITS.idCharacters))
  const { key } = board.invalid()[0]!
  board.remove(key)
  assert.not.ok(map.has(key))
})

test('[V3] entries are read that were there before, and an entry that is put right is listed', () => {
  const { doc, board, map } = open()
  const { id } = board.propose('rewrite')
  map.get(id)!.set('status', 'begun')
  const later = intentions(doc, { by: 'bob' })
  assert.equal(later.list(), [])
  assert.is(later.invalid().length, 1)
  map.get(id)!.set('status', 'active')
  assert.is(only(later).status, 'active')
  assert.equal(later.invalid(), [])
})

test('[V3] what an app keeps beside the known fields stays', () => {
  const { board, map } = open()
  const { id } = board.propose('rewrite')
  map.get(id)!.set('colour', 'red')
  map.get(id)!.set('comments', new Y.Array())
  board.activate(id)
  board.edit(id, { text: 'shorten' })
  assert.is(map.get(id)!.get('colour'), 'red')
  assert.ok(map.get(id)!.get('comments') instanceof Y.Array)
})

test('[V3] more than are read are told as such, the same everywhere', () => {
  const { doc, board, map } = open()
  const { readEntries, invalidEntries } = INTENTION_LIMITS
  doc.transact(() => {
    for (let i = 0; i < readEntries + 2 * invalidEntries; i++) {
      const id = `id ${i}`
      const entry = { id, by: 'ada', text: 'x', status: 'proposed', createdAt: i, modifiedAt: i }
      map.set(id, new Y.Map(Object.entries(entry)))
    }
  })
  assert.is(board.list().length, readEntries)
  assert.is(board.list().at(-1)!.id, `id ${readEntries - 1}`)
  assert.is(board.invalid().length, invalidEntries)
  const other = open()
  exchange(doc, other.doc)
  assert.equal(other.board.list(), board.list())
})

test('[V4] the list is the same until an intention is different, and listeners hear of it', () => {
  const { doc, board, map } = open()
  let calls = 0
  const stop = board.observe(() => {
    calls++
  })
  const empty = board.list()
  assert.is(board.list(), empty)
  const one = board.propose('one')
  const two = board.propose('two')
  assert.is(calls, 2)
  const list = board.list()
  const invalid = board.invalid()
  map.get(one.id)!.set('colour', 'red')
  doc.getText('text').insert(0, 'elsewhere')
  assert.is(calls, 2)
  assert.is(board.list(), list)
  doc.transact(() => {
    board.activate(one.id)
    board.edit(one.id, { text: 'one, really' })
  })
  assert.is(calls, 3)
  assert.not.equal(board.list(), list)
  assert.is(
    board.get(two.id),
    list.find(({ id }) => id === two.id),
    'what is not different is the same object',
  )
  assert.is(board.invalid(), invalid)
  map.set('bad', 'not a map' as never)
  assert.is(calls, 4)
  assert.is(board.invalid().length, 1)
  stop()
  board.drop(one.id)
  assert.is(calls, 4)
  board.destroy()
  board.destroy()
})
