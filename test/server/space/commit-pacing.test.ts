/** When a group is committed, as a function of what came when. */
import {
  afterCommit,
  type CommitPace,
  commitDelayMs,
  FIRST_PACE,
  type Gathered,
  gather,
  NOTHING_GATHERED,
} from '../../../server/space/commit-pacing.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('commit pacing')

interface Author {
  /** When the next edit comes: by its own clock, or so long after the last was acknowledged. */
  next(at: { readonly sentMs: number; readonly ackedMs: number | null }): number | null
}

/** Sends on whether or not anything is acknowledged. */
const steady = (everyMs: number): Author => ({ next: ({ sentMs }) => sentMs + everyMs })
/** Sends the next when the last is acknowledged. */
const waiting = (thinkMs: number): Author => ({
  next: ({ ackedMs }) => (ackedMs === null ? null : ackedMs + thinkMs),
})

/** Plays authors against a disk, in steps of a millisecond. */
const play = (authors: readonly Author[], { syncMs = 2, forMs = 10_000 } = {}) => {
  let pace: CommitPace = FIRST_PACE
  let gathered = NOTHING_GATHERED
  let underWay: { startMs: number; authors: number[]; gathered: Gathered } | null = null
  let next: number[] = []
  const sentAt: number[] = authors.map((_, i) => i)
  const dueAt: (number | null)[] = authors.map((_, i) => i)
  const waitedMs: number[] = []
  let commits = 0
  for (let nowMs = 0; nowMs < forMs; nowMs++) {
    if (underWay !== null && nowMs >= underWay.startMs + syncMs) {
      for (const author of underWay.authors) {
        dueAt[author] ??= authors[author]!.next({ sentMs: sentAt[author]!, ackedMs: nowMs })
      }
      waitedMs.push(nowMs - underWay.gathered.oldestMs)
      pace = afterCommit(pace, { ...underWay, endMs: nowMs })
      underWay = null
      commits++
    }
    for (const [author, due] of dueAt.entries()) {
      if (due === null || due > nowMs) continue
      gathered = gather(gathered, { edits: 1, bytes: 30 }, nowMs)
      next.push(author)
      sentAt[author] = nowMs
      dueAt[author] = authors[author]!.next({ sentMs: nowMs, ackedMs: null })
    }
    if (underWay !== null || next.length === 0 || commitDelayMs(pace, gathered, nowMs) > 0) continue
    underWay = { startMs: nowMs, authors: next, gathered }
    gathered = NOTHING_GATHERED
    next = []
  }
  return { commits, perSecond: (commits * 1000) / forMs, slowestMs: Math.max(...waitedMs) }
}

const many = (count: number, author: Author): Author[] => Array.from({ length: count }, () => author)

test('[S12] the first edit after a pause is committed at once', () => {
  for (const everyMs of [60, 200, 5000]) assert.is(play([steady(everyMs)]).slowestMs, 2, `${everyMs} ms`)
})

test('[S12] edits that trickle in share commits, and none waits longer than 50 ms', () => {
  for (const everyMs of [3, 5, 10, 20, 33]) {
    for (const syncMs of [1, 2, 5, 10, 20]) {
      const { perSecond, slowestMs } = play([steady(everyMs)], { syncMs, forMs: 20_000 })
      assert.ok(slowestMs <= 50, `${everyMs} ms, sync ${syncMs} ms: ${slowestMs} ms`)
      assert.ok(perSecond <= 51, `${everyMs} ms, sync ${syncMs} ms: ${perSecond} commits/s`)
    }
  }
  assert.ok(play([steady(10)]).perSecond < 27)
})

test('[S12] who waits for the acknowledgement before going on is not made to wait', () => {
  const alone = play([waiting(1)])
  assert.ok(alone.perSecond > 300, `${alone.perSecond} commits/s`)
  for (const count of [2, 10, 50]) {
    const { perSecond } = play(many(count, waiting(1)))
    assert.ok(perSecond > 300, `${count} authors: ${perSecond} commits/s`)
  }
})

test('[S12] nor is who needs longer to go on, once that is known', () => {
  for (const count of [1, 5, 30]) {
    const { perSecond } = play(many(count, waiting(15)))
    assert.ok(perSecond > 45, `${count} authors: ${perSecond} commits/s`)
  }
})

test('[S12] a steady author who pauses now and then is not taken for one who waits', () => {
  const halting: Author = { next: ({ sentMs }) => sentMs + (sentMs % 1000 < 900 ? 10 : 100) }
  const { perSecond } = play([halting], { forMs: 30_000 })
  assert.ok(perSecond < 30, `${perSecond} commits/s`)
})

test('[S12] a slow disk is not taken for authors who wait', () => {
  const { perSecond } = play([steady(10), steady(13)], { syncMs: 6 })
  assert.ok(perSecond < 35, `${perSecond} commits/s`)
})

test('[S12] enough edits, or enough bytes, go at once', () => {
  const commit = { startMs: 0, endMs: 2, gathered: gather(NOTHING_GATHERED, { edits: 500, bytes: 1 }, 0) }
  const pace = afterCommit(FIRST_PACE, commit)
  const delayMs = (edits: number, bytes: number): number =>
    commitDelayMs(pace, gather(NOTHING_GATHERED, { edits, bytes }, 3), 3)
  assert.is(delayMs(1, 30), 35)
  assert.is(delayMs(128, 30), 0)
  assert.is(delayMs(1, 64 * 1024), 0)
})
