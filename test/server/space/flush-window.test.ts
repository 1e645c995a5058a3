/** The allowance that decides when a space flushes. */
import { afterFlush, flushDelayMs, OPEN_WINDOW } from '../../../server/space/flush-window.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('flush window')

const MAX_WINDOW_MS = 30
const SHARE = 0.05

/** Turns of `costMs` as often as `everyMs`, or as the window allows. @returns when each began, ms */
const play = (costMs: number, everyMs: number, durationMs: number): number[] => {
  let window = OPEN_WINDOW
  const starts: number[] = []
  for (let nowMs = 0; nowMs < durationMs; ) {
    const startMs = nowMs + flushDelayMs(window, nowMs, SHARE)
    starts.push(startMs)
    window = afterFlush(
      window,
      { costMs, endMs: startMs + costMs },
      { share: SHARE, maxWaitMs: MAX_WINDOW_MS },
    )
    nowMs = Math.max(startMs + costMs, nowMs + everyMs)
  }
  return starts
}

test('[R12] an idle space flushes at once, and so does a lightly loaded one every time', () => {
  assert.is(flushDelayMs(OPEN_WINDOW, 5, SHARE), 0)

  const starts = play(0.4, 10, 10_000)

  for (const [i, startMs] of starts.entries()) assert.is(startMs, i * 10)
})

test('[R12] a busy space spends a bounded share of the time, in longer windows', () => {
  const starts = play(2, 0, 10_000)

  const share = (starts.length * 2) / 10_000
  assert.ok(share < SHARE + 0.02, `share ${share}`)
})

test('[R12] no window is longer than its maximum, whatever a turn cost', () => {
  const starts = play(500, 0, 10_000)

  for (let i = 1; i < starts.length; i++) {
    assert.ok(
      starts[i]! - starts[i - 1]! - 500 <= MAX_WINDOW_MS + 1e-6,
      `window ${starts[i]! - starts[i - 1]! - 500}`,
    )
  }
})
