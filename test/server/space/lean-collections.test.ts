/** Collections that take memory only while they hold something, beside those of the language. */
import { LeanMap, LeanSet } from '../../../server/space/lean-collections.js'
import { createRng, int, seedFrom } from '../../support/rng.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('lean collections')

test('[R17] a lean map and a lean set hold what those of the language hold', () => {
  const rng = createRng(seedFrom())
  const [lean, map] = [new LeanMap<number, number>(), new Map<number, number>()]
  const [leanSet, set] = [new LeanSet<number>(), new Set<number>()]
  let timesEmpty = 0
  for (let step = 0; step < 5000; step++) {
    const key = int(rng, 0, 3)
    const action = int(rng, 0, 8)
    if (action === 0) {
      for (const collection of [lean, map, leanSet, set]) collection.clear()
    } else if (action < 4) {
      lean.set(key, step)
      map.set(key, step)
      leanSet.add(key)
      set.add(key)
    } else {
      assert.is(lean.delete(key), map.delete(key))
      assert.is(leanSet.delete(key), set.delete(key))
    }
    if (map.size === 0) timesEmpty++
    assert.equal([...lean], [...map])
    assert.equal([...lean.keys()], [...map.keys()])
    assert.equal([...lean.values()], [...map.values()])
    assert.equal([...leanSet], [...set])
    assert.is(lean.size, map.size)
    assert.is(leanSet.size, set.size)
    assert.is(lean.has(key), map.has(key))
    assert.is(lean.get(key), map.get(key))
    assert.is(leanSet.has(key), set.has(key))
  }
  assert.ok(timesEmpty > 100)
})

test('[R17] what is looped over may be deleted meanwhile, to the last', () => {
  const [lean, leanSet] = [new LeanMap<number, string>(), new LeanSet<number>()]
  for (const key of [1, 2, 3]) {
    lean.set(key, 'x')
    leanSet.add(key)
  }
  const seen: number[] = []
  for (const [key] of lean) {
    seen.push(key)
    lean.delete(key)
  }
  for (const value of leanSet) {
    seen.push(value)
    leanSet.delete(value)
  }
  assert.equal(seen, [1, 2, 3, 1, 2, 3])
  assert.is(lean.size + leanSet.size, 0)
})
