/** Who is alive: the pulse as a function of signs and time. */
import {
  type Beat,
  firstPulse,
  nextPulse,
  type Pulse,
  type Signs,
  sweptBeatMs,
} from '../../../server/transport/heartbeat.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('heartbeat')

const LIMITS = { beatMs: 15_000, stuckMs: 45_000 }
const SILENT: Signs = { wasHeard: false, wasPaused: false, unsentBytes: 0, takenBytes: 0 }

/** Sweeps once a second from the first pulse on; the signs are asked for at each sweep. */
const sweeps = (
  signsAt: (second: number) => Partial<Signs>,
  seconds: number,
): [second: number, beat: Beat][] => {
  let pulse: Pulse = firstPulse(0, LIMITS)
  const beats: [number, Beat][] = []
  for (let second = 1; second <= seconds; second++) {
    const result = nextPulse(pulse, { ...SILENT, ...signsAt(second) }, second * 1000, LIMITS)
    if (result.pulse !== pulse) beats.push([second, result.beat])
    pulse = result.pulse
    if (result.beat === 'dead') break
  }
  return beats
}

test('[D8] a connection that answers is asked once a beat, and never dead', () => {
  const beats = sweeps(() => ({ wasHeard: true }), 60)

  assert.equal(beats, [
    [15, 'ask'],
    [30, 'ask'],
    [45, 'ask'],
    [60, 'ask'],
  ])
})

test('[D8] silence is death within two beats, whenever it begins', () => {
  for (let last = 1; last <= 45; last++) {
    // What was heard in a beat shows at its end.
    const beats = sweeps(
      second => ({ wasHeard: second - last < 15 && second >= last && last > second - 15 }),
      120,
    )
    const [second, beat] = beats.at(-1)!

    assert.is(beat, 'dead')
    assert.ok(second - last <= 30 || second <= 30, `heard last at ${last}, dead at ${second}`)
  }
})

test('[D8] nor does it take longer where a beat has to wait for a sweep', () => {
  const [promisedMs, sweepMs] = [15_000, 1_000]
  const limits = { ...LIMITS, beatMs: sweptBeatMs(promisedMs, sweepMs) }
  for (let sweepsFromMs = 1; sweepsFromMs <= sweepMs; sweepsFromMs += 333) {
    for (let endMs = 100; endMs < 60_000; endMs += 100) {
      let pulse = firstPulse(0, limits)
      let askedMs = 0
      let isDead = false
      let nowMs = sweepsFromMs
      for (; !isDead; nowMs += sweepMs) {
        // It answers as long as it is there.
        const next = nextPulse(pulse, { ...SILENT, wasHeard: askedMs < endMs }, nowMs, limits)
        if (next.pulse !== pulse) askedMs = nowMs
        pulse = next.pulse
        isDead = next.beat === 'dead'
      }
      const tookMs = nowMs - sweepMs - endMs
      assert.ok(tookMs <= 2 * promisedMs, `sweeps from ${sweepsFromMs}, ended at ${endMs}: ${tookMs}`)
    }
  }
})

test('[D8] a slow connection that takes bytes is alive, although the ping waits behind them', () => {
  const beats = sweeps(second => ({ unsentBytes: 1_000_000 - second * 1000, takenBytes: second * 1000 }), 300)

  assert.ok(beats.every(([, beat]) => beat === 'ask'))
})

test('[D8] one that takes nothing of what waits for it is given the time of a slow one', () => {
  const beats = sweeps(second => ({ wasHeard: second <= 15, unsentBytes: 1000, takenBytes: 500 }), 300)

  assert.equal(beats.at(-1), [60, 'dead'])
})

test('[D8] what the operating system takes into an empty buffer is no sign of life', () => {
  const beats = sweeps(second => ({ wasHeard: second <= 15, takenBytes: second * 100 }), 300)

  assert.equal(beats.at(-1), [30, 'dead'])
})

test('[D8] while we do not read, silence says nothing', () => {
  const beats = sweeps(second => ({ wasPaused: second <= 105 }), 300)

  assert.equal(beats.at(-1), [120, 'dead'])
})

test('[D8] late sweeps do not make up for missed beats', () => {
  const late = nextPulse(firstPulse(0, LIMITS), SILENT, 100_000, LIMITS)

  assert.is(late.beat, 'ask')
  assert.is(nextPulse(late.pulse, SILENT, 101_000, LIMITS).beat, 'early')
})
