/** Which of what is known is shown. */
import { chooseOrigin } from '../../../client/room/fallback.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('fallback')

const snapshot = { asOf: 5_000, atMs: 100 }
const copyAt = (atMs: number | null, hasOwnEdits = false) => ({
  asOf: atMs === null ? null : 4_000,
  atMs,
  hasOwnEdits,
})
const sourceOf = (candidates: Parameters<typeof chooseOrigin>[0]): string => chooseOrigin(candidates).source

test('[J11] what is live is shown live; else the younger of the copy and the snapshot, stale', () => {
  assert.equal(chooseOrigin({ isLive: true, copy: copyAt(200), snapshot }), {
    source: 'live',
    stale: false,
    asOf: null,
    atMs: null,
  })
  assert.equal(chooseOrigin({ isLive: false, copy: copyAt(200), snapshot }), {
    source: 'copy',
    stale: true,
    asOf: 4_000,
    atMs: 200,
  })
  assert.equal(chooseOrigin({ isLive: false, copy: copyAt(50), snapshot }), {
    source: 'snapshot',
    stale: true,
    ...snapshot,
  })
  assert.is(sourceOf({ isLive: false, copy: copyAt(null), snapshot }), 'snapshot')
  assert.is(sourceOf({ isLive: false, copy: copyAt(null), snapshot: null }), 'copy')
  assert.equal(chooseOrigin({ isLive: false, copy: null, snapshot: null }), {
    source: 'none',
    stale: true,
    asOf: null,
    atMs: null,
  })
})

test('[J11] a copy with edits that the server lacks is shown, however old', () => {
  assert.is(sourceOf({ isLive: false, copy: copyAt(null, true), snapshot }), 'copy')
  assert.is(sourceOf({ isLive: false, copy: copyAt(50, true), snapshot }), 'copy')
})
