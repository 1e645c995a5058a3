/** Stores: what they return stays until it is different, and only then do they tell. */
import { isShallowEqual } from '../../../client/room/same.js'
import { View } from '../../../client/room/store.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('stores')

test('[J8] what a store returns is the same object until something in it is different, and only then it tells', () => {
  let people = ['ada']
  const view = new View(() => [...people], { isSame: isShallowEqual })
  let told = 0
  const stop = view.subscribe(() => told++)
  const first = view.get()
  view.changed()
  assert.is(view.get(), first)
  assert.is(told, 0)
  people = ['ada', 'barbara']
  view.changed()
  assert.is(told, 1)
  assert.equal(view.get(), ['ada', 'barbara'])
  stop()
  stop()
  people = []
  view.changed()
  assert.is(told, 1)
  assert.equal(view.get(), [])
})

test('[J8] a store reads nothing before it is asked, and once for all who ask', () => {
  let reads = 0
  const view = new View(() => ++reads)
  view.changed()
  assert.is(reads, 0)
  assert.is(view.get(), view.get())
  assert.is(reads, 1)
})

test('[J8] the first who looks and the last who leaves are told', () => {
  const watched: boolean[] = []
  const view = new View(() => 1, { onWatched: is => watched.push(is) })
  const stops = [view.subscribe(() => {}), view.subscribe(() => {})]
  for (const stop of stops) stop()
  assert.equal(watched, [true, false])
})

test('[J8] values with the same members are the same selection', () => {
  assert.ok(isShallowEqual(['a', 1], ['a', 1]))
  assert.ok(isShallowEqual({ a: 1 }, { a: 1 }))
  assert.ok(isShallowEqual(Number.NaN, Number.NaN))
  assert.not(isShallowEqual(['a'], ['a', 'b']))
  assert.not(isShallowEqual({ a: 1 }, { b: 1 }))
  assert.not(isShallowEqual({ a: {} }, { a: {} }))
  assert.not(isShallowEqual([], {}))
  assert.not(isShallowEqual(new Date(1), new Date(2)))
  assert.not(isShallowEqual(null, {}))
})
