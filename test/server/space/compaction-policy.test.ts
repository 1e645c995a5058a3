/** When a tail is worth compacting. */
import { compactionDue, MAX_TAIL_UPDATES, MIN_TAIL_BYTES } from '../../../server/space/compaction-policy.js'
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

test('[T23] thousands of updates are due, however few their bytes', () => {
  assert.is(due(10_000_000, 100, MAX_TAIL_UPDATES - 1), false)
  assert.is(due(10_000_000, 100, MAX_TAIL_UPDATES), true)
})

test('[T23] compacting whenever it is due writes a small multiple of what was typed', () => {
  let [snapshotBytes, tailBytes, tailUpdates, written, typed] = [0, 0, 0, 0, 0]
  for (let i = 0; i < 200_000; i++) {
    tailBytes += 60
    tailUpdates++
    typed += 60
    if (!due(snapshotBytes, tailBytes, tailUpdates)) continue
    snapshotBytes += tailBytes
    written += snapshotBytes
    tailBytes = 0
    tailUpdates = 0
  }
  assert.ok(written < 30 * typed, `${written} bytes of snapshots for ${typed} typed`)
})
