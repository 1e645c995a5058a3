/** When a tail is worth compacting. */
import { compactionDue, MIN_TAIL_BYTES, MIN_TAIL_UPDATES } from '../../../server/space/compaction-policy.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('compaction policy')
const due = (snapshotBytes: number, tailBytes: number, tailUpdates: number): boolean =>
  compactionDue({ snapshotBytes, tailBytes, tailUpdates })

test('[T23] a tail is due when it outgrew the snapshot', () => {
  assert.is(due(1_000_000, 999_999, 10), false)
  assert.is(due(1_000_000, 1_000_000, 10), true)
})

test('[T23] below the floor no tail is due, however small the snapshot', () => {
  assert.is(due(0, MIN_TAIL_BYTES - 1, 1), false)
  assert.is(due(10, MIN_TAIL_BYTES - 1, 1), false)
  assert.is(due(0, MIN_TAIL_BYTES, 1), true)
  assert.is(due(0, 0, 0), false)
})

test('[T23] a tail that is slow to replay is due, however few its bytes', () => {
  assert.is(due(10_000, 100, MIN_TAIL_UPDATES - 1), false)
  assert.is(due(10_000, 100, MIN_TAIL_UPDATES), true)
  assert.is(due(10_000_000, 100, 150_000), false)
  assert.is(due(10_000_000, 100, 160_000), true)
})

test('[T23] compacting whenever it is due writes a small multiple of what was typed', () => {
  for (const [updateBytes, keptBytes, factor] of [
    [60, 60, 3],
    // Typing: the snapshot keeps a few bytes of each update.
    [24, 1.2, 1],
    // A large document, of which little is edited.
    [24, 0, 1],
  ] as const) {
    let [snapshotBytes, tailBytes, tailUpdates, written] = [keptBytes === 0 ? 16e6 : 0, 0, 0, 0]
    const edits = 1_000_000
    for (let i = 0; i < edits; i++) {
      tailBytes += updateBytes
      tailUpdates++
      if (!due(snapshotBytes, tailBytes, tailUpdates)) continue
      snapshotBytes += tailUpdates * keptBytes
      written += snapshotBytes
      tailBytes = 0
      tailUpdates = 0
    }
    const perTyped = written / (edits * updateBytes)
    assert.ok(perTyped < factor + 2, `${perTyped} bytes of snapshots for each byte of ${updateBytes}`)
  }
})
