/** The stored form of a row: pinned bytes, and no damage that goes unnoticed. */
import type { LogEntry } from '../../../server/space/update-store.js'
import {
  decodeRow,
  encodeRow,
  type LogRow,
  rowChecksum,
  snapshotChecksum,
} from '../../../server/storage/log-row.js'
import { decodeRowBatch, encodeRowBatch } from '../../../server/storage/row-batch.js'
import type { SpaceName } from '../../../shared/names.js'
import { bytes, createRng, int, seedFrom } from '../../support/rng.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('log row')

const ENTRY: LogEntry = {
  space: 'team/notes' as SpaceName,
  flushes: [
    {
      position: 300,
      updates: [Uint8Array.of(0xaa, 0xbb), Uint8Array.of(0xcc)],
      inputs: [
        { user: 'ada', update: Uint8Array.of(0xaa) },
        { user: 'bob', update: Uint8Array.of(0xdd, 0xee) },
      ],
      deliveries: [{ user: 'bob', client: 2 ** 32 - 1, clock: 128, length: 2 }],
    },
    { position: 301, updates: [Uint8Array.of(0xff)], inputs: [], deliveries: [] },
  ],
}

const GOLDEN = [
  '01', // version
  '02 03616461 03626f62', // users: ada, bob
  'ac02 02', // from position 300, two flushes
  '02 02aabb 01cc', // two updates
  '02 00 01aa 01 02ddee', // two inputs: user index, update
  '01 01 ffffffff0f 8001 02', // one delivery: user index, client, clock, length
  '01 01ff 00 00', // the second flush: one update
].join('')

const CHECKSUM = 0x992d38d0
const SNAPSHOT_CHECKSUM = 0x20e04882

const hex = (data: Uint8Array): string => Buffer.from(data).toString('hex')

test('[T12] a row has exactly these bytes and this checksum', () => {
  const row = encodeRow(ENTRY)
  assert.is(hex(row.payload), GOLDEN.replaceAll(' ', ''))
  assert.is(row.checksum, CHECKSUM)
  assert.equal([row.space, row.first, row.last], ['team/notes', 300, 301])
})

test('[T12] bytes that were stored by the first version decode to what they were', () => {
  const payload = new Uint8Array(Buffer.from(GOLDEN.replaceAll(' ', ''), 'hex'))
  const row = { space: 'team/notes', first: 300, last: 301, checksum: CHECKSUM, payload }
  assert.equal(decodeRow(row), ENTRY.flushes)
})

test('[T12] the checksum of a snapshot covers its space and position', () => {
  const update = Uint8Array.of(1, 2, 3)
  const sums = [
    snapshotChecksum('a', 1, update),
    snapshotChecksum('b', 1, update),
    snapshotChecksum('a', 2, update),
    snapshotChecksum('a', 1, Uint8Array.of(1, 2, 4)),
  ]
  assert.is(new Set(sums).size, 4)
  assert.is(sums[0], SNAPSHOT_CHECKSUM)
})

test('[T12] each flipped bit, each cut and each wrong key is noticed', () => {
  const row = encodeRow(ENTRY)
  const isNoticed = (wrong: Partial<LogRow>): void =>
    assert.throws(() => decodeRow({ ...row, ...wrong }), /checksum/)
  for (let bit = 0; bit < row.payload.length * 8; bit++) {
    const payload = row.payload.slice()
    payload[bit >> 3]! ^= 1 << (bit & 7)
    isNoticed({ payload })
  }
  for (let end = 0; end < row.payload.length; end++) isNoticed({ payload: row.payload.slice(0, end) })
  isNoticed({ space: 'team/other' })
  isNoticed({ first: 299 })
  isNoticed({ last: 302 })
  isNoticed({ checksum: row.checksum ^ 1 })
})

test('[T12] a payload that lies is refused, never read beyond, even with a right checksum', () => {
  const rng = createRng(seedFrom())
  const { payload } = encodeRow(ENTRY)
  for (let round = 0; round < 5000; round++) {
    const wrong = payload.slice(0, int(rng, 0, payload.length))
    if (wrong.length > 0) wrong[int(rng, 0, wrong.length - 1)] = bytes(rng, 1)[0]!
    // Whatever is beyond the row must not come out of it.
    const surrounded = new Uint8Array(wrong.length + 64).fill(0x77)
    surrounded.set(wrong)
    const row = { space: 's', first: 300, last: 301, payload: surrounded.subarray(0, wrong.length) }
    try {
      const flushes = decodeRow({ ...row, checksum: rowChecksum(row) })
      const buffers = flushes.flatMap(({ updates, inputs }) => [...updates, ...inputs.map(i => i.update)])
      assert.ok(buffers.reduce((sum, { length }) => sum + length, 0) <= wrong.length)
    } catch (error) {
      assert.instance(error, Error)
    }
  }
})

test('[T12] a row of a version that is not known is refused', () => {
  const payload = Uint8Array.of(2, 0, 1, 1, 0, 0, 0)
  const row = { space: 's', first: 1, last: 1, payload }
  assert.throws(() => decodeRow({ ...row, checksum: rowChecksum(row) }), /version 2/)
})

test('[T3] flushes that are not consecutive make no row', () => {
  const [first, second] = ENTRY.flushes
  const wrong: LogEntry['flushes'][] = [[], [second!, first!], [first!, first!], [{ ...first!, position: 0 }]]
  for (const flushes of wrong) assert.throws(() => encodeRow({ space: ENTRY.space, flushes }), /position/)
})

test('[T1] a batch of rows crosses between threads as it is', () => {
  const rows = Array.from({ length: 50 }, (_, i) =>
    encodeRow({
      space: `space ${i}` as SpaceName,
      flushes: [{ ...ENTRY.flushes[0]!, position: i + 1 }],
    }),
  )
  assert.equal(decodeRowBatch(encodeRowBatch(rows)), rows)
  assert.equal(decodeRowBatch(encodeRowBatch([])), [])
})
