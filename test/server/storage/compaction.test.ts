/** What a compaction decides, from what is stored and from what the replay says of it. */
import type { LoggedFlush, StoredSpace } from '../../../server/space/update-store.js'
import { planCompaction, type Replayer } from '../../../server/storage/compaction.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('compaction plan')

const flush = (position: number): LoggedFlush => ({
  position,
  updates: [Uint8Array.of(position), Uint8Array.of(position, position)],
  inputs: [],
  deliveries: [],
})
const STORED: StoredSpace = {
  generation: 3,
  position: 6,
  snapshot: { update: Uint8Array.of(100), position: 4 },
  tail: [flush(5), flush(6)],
  quarantine: null,
  isDeleted: false,
}
const RESULT = Uint8Array.of(42)

const replayer = (replaced: Partial<Replayer>): Replayer => ({
  replay: () => assert.unreachable('replay') as never,
  recover: () => assert.unreachable('recover') as never,
  ...replaced,
})

const fails: Pick<Replayer, 'replay'> = { replay: () => ({ type: 'failed', reason: 'broken' }) }

test('[T7] the snapshot and every update behind it are replayed, in order', () => {
  let replayed: readonly Uint8Array[] = []
  const replay: Replayer['replay'] = updates => {
    replayed = updates
    return { type: 'loaded', update: RESULT }
  }
  const plan = planCompaction(STORED, replayer({ replay }))
  assert.equal(plan, { type: 'snapshot', position: 6, update: RESULT })
  assert.equal(
    replayed.map(update => [...update]),
    [[100], [5], [5, 5], [6], [6, 6]],
  )
  planCompaction({ ...STORED, snapshot: null }, replayer({ replay }))
  assert.is(replayed.length, 4)
})

test('[T7] without a tail there is nothing to do', () => {
  assert.equal(planCompaction({ ...STORED, tail: [] }, replayer({})), { type: 'nothing' })
})

test('[T9] a state that does not load is repaired, and what was left out is named', () => {
  const dropped = [{ position: 6, user: 'eve', bytes: 3 }]
  const recover: Replayer['recover'] = (snapshot, flushes) => {
    assert.equal([snapshot, flushes], [STORED.snapshot?.update, STORED.tail])
    return { type: 'recovered', update: RESULT, dropped }
  }
  const plan = planCompaction(STORED, replayer({ ...fails, recover }))
  assert.equal(plan, { type: 'repair', position: 6, update: RESULT, dropped })
})

test('[T9] a repair that leaves nothing out is none', () => {
  const recover: Replayer['recover'] = () => ({ type: 'recovered', update: RESULT, dropped: [] })
  const plan = planCompaction(STORED, replayer({ ...fails, recover }))
  assert.equal(plan, { type: 'snapshot', position: 6, update: RESULT })
})

test('[T10] what neither loads nor recovers is quarantined with both reasons', () => {
  const recover: Replayer['recover'] = () => ({ type: 'failed', reason: 'hopeless' })
  const plan = planCompaction(STORED, replayer({ ...fails, recover }))
  assert.equal(plan, { type: 'quarantine', reason: 'broken; no repair: hopeless' })
})

test('[T10] a quarantined space is left as it is', () => {
  const plan = planCompaction({ ...STORED, quarantine: 'damaged' }, replayer({}))
  assert.equal(plan, { type: 'quarantine', reason: 'damaged' })
})
