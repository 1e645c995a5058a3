/** What is kept of the last flushes: whole flushes, in order, within bounds, against a plain list of all. */
import { RecentFlushes } from '../../../server/space/recent-flushes.js'
import { createRng, int, seedFrom } from '../../support/rng.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('recent flushes')

const BOUNDS = { maxBytes: 100, maxUpdates: 10 }
const bytes = (length: number, fill = 1): Uint8Array => new Uint8Array(length).fill(fill)

test('[M16] what came after a position is there in order; before the first and after the last there is nothing', () => {
  const recent = new RecentFlushes(4)
  recent.add({ position: 5, updates: [bytes(2, 5), bytes(3, 55)] }, BOUNDS)
  recent.add({ position: 6, updates: [bytes(1, 6)] }, BOUNDS)
  assert.equal(recent.since(4), [bytes(2, 5), bytes(3, 55), bytes(1, 6)])
  assert.equal(recent.since(5), [bytes(1, 6)])
  assert.equal(recent.since(6), [])
  assert.is(recent.since(3), null)
  assert.is(recent.since(7), null)
})

test('[M16] what is too large to be kept makes everything before it unknown', () => {
  for (const updates of [[bytes(101)], Array.from({ length: 11 }, () => bytes(1))]) {
    const recent = new RecentFlushes(0)
    recent.add({ position: 1, updates: [bytes(1)] }, BOUNDS)
    recent.add({ position: 2, updates }, BOUNDS)
    assert.is(recent.since(1), null)
    assert.equal(recent.since(2), [])
    assert.is(recent.bytes, 0)
  }
})

test('[M16] behind a gap in the positions nothing from before it is told', () => {
  const recent = new RecentFlushes(0)
  recent.add({ position: 1, updates: [bytes(1)] }, BOUNDS)
  recent.add({ position: 3, updates: [bytes(1, 3)] }, BOUNDS)
  assert.is(recent.since(1), null)
  assert.equal(recent.since(2), [bytes(1, 3)])
})

test('[M16] what is trimmed keeps its newest, and what follows comes behind it', () => {
  const recent = new RecentFlushes(0)
  for (let position = 1; position <= 5; position++) {
    recent.add({ position, updates: [bytes(10, position)] }, BOUNDS)
  }
  recent.trim({ ...BOUNDS, maxBytes: 20 })
  assert.is(recent.bytes, 20)
  assert.is(recent.since(2), null)
  assert.equal(recent.since(3), [bytes(10, 4), bytes(10, 5)])
  recent.add({ position: 6, updates: [bytes(10, 6)] }, BOUNDS)
  assert.equal(recent.since(4), [bytes(10, 5), bytes(10, 6)])
})

test('[M16] within changing bounds, what is answered is all that there was, and the newest half always is', () => {
  const rng = createRng(seedFrom())
  const recent = new RecentFlushes(0)
  const all: { position: number; update: Uint8Array }[] = []
  let answered = 0
  for (let position = 1; position <= 2_000; position++) {
    const updates = Array.from({ length: int(rng, 1, 3) }, () => bytes(int(rng, 1, 30), position % 256))
    const bounds = { maxBytes: int(rng, 120, 400), maxUpdates: int(rng, 6, 40) }
    recent.add({ position, updates }, bounds)
    all.push(...updates.map(update => ({ position, update })))
    assert.ok(recent.bytes <= bounds.maxBytes)
    const after = position - int(rng, 0, 12)
    const wanted = all.filter(entry => entry.position > after).map(({ update }) => update)
    const told = recent.since(after)
    if (told !== null) assert.equal(told, wanted)
    if (told !== null) answered++
    assert.equal(recent.since(position), [])
  }
  assert.ok(answered > 200, `${answered}`)
})
