/** Shared types as plain values. */
import * as Y from 'yjs'
import { SharedTypes } from '../../../client/room/shared-types.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('shared types')

test('[J9] a change makes anew what it is in, and nothing beside it', () => {
  const doc = new Y.Doc()
  const types = new SharedTypes(doc)
  const { type, store } = types.get('map', 'plan')
  const chapter = (title: string): Y.Map<unknown> => new Y.Map([['title', title]])
  type.set('first', chapter('one'))
  type.set('second', chapter('two'))
  const list = new Y.Array<unknown>()
  type.set('list', list)
  list.push([chapter('a'), chapter('b'), 3])
  const before = store.get() as { first: object; second: object; list: object[] }
  assert.equal(before, {
    first: { title: 'one' },
    second: { title: 'two' },
    list: [{ title: 'a' }, { title: 'b' }, 3],
  })
  assert.is(store.get(), before)
  const moved = list.get(1) as Y.Map<unknown>
  moved.set('title', 'B')
  const after = store.get() as typeof before
  assert.is.not(after, before)
  assert.is(after.first, before.first)
  assert.is(after.second, before.second)
  assert.is(after.list[0], before.list[0])
  assert.equal(after.list, [{ title: 'a' }, { title: 'B' }, 3])
  assert.throws(() => {
    ;(after as { first: unknown }).first = null
  })
})

test('[J9] it is told once for each transaction, and to nobody after the end', () => {
  const doc = new Y.Doc()
  const types = new SharedTypes(doc)
  const { type, store } = types.get('array', 'list')
  const text = types.get('text', 'text')
  let told = 0
  store.subscribe(() => told++)
  doc.transact(() => {
    type.push([1])
    type.push([2])
    text.type.insert(0, 'hello')
  })
  assert.is(told, 1)
  assert.equal(store.get(), [1, 2])
  assert.is(text.store.get(), 'hello')
  assert.is(types.get('array', 'list').store, store)
  types.close()
  type.push([3])
  assert.is(told, 1)
})

test('[J9] what is removed and what comes from elsewhere is seen', () => {
  const [doc, other] = [new Y.Doc(), new Y.Doc()]
  const { store } = new SharedTypes(doc).get('map', 'plan')
  other.getMap('plan').set('inner', new Y.Map([['deep', new Y.Text('hi')]]))
  Y.applyUpdate(doc, Y.encodeStateAsUpdate(other))
  assert.equal(store.get(), { inner: { deep: 'hi' } })
  other.getMap('plan').delete('inner')
  Y.applyUpdate(doc, Y.encodeStateAsUpdate(other))
  assert.equal(store.get(), {})
})
