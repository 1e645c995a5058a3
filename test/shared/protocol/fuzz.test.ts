/** Random and mutated frames: whatever arrives, decoding answers with a message or with `malformed`. */

import { PlenumError } from '../../../shared/errors.js'
import {
  type ClientMessage,
  decodeClientMessage,
  decodeServerMessage,
  encodeMessage,
  type ServerMessage,
} from '../../../shared/protocol/index.js'
import { bytes, createRng, int, pick, type Rng, seedFrom } from '../../support/rng.js'
import { assert, isLongRun, suite } from '../../support/suite.js'
import { frameOf, GOLDEN_FRAMES } from './golden-frames.js'

const test = suite('fuzz')
const ROUNDS = isLongRun ? 2_000_000 : 60_000

const golden = GOLDEN_FRAMES.map(frameOf).filter(frame => frame.length < 1000)

const decodeOrNull = (frame: Uint8Array, decode: (frame: Uint8Array) => ClientMessage | ServerMessage) => {
  try {
    return decode(frame)
  } catch (error) {
    if (error instanceof PlenumError && error.code === 'malformed') return null
    throw new Error(`frame ${Buffer.from(frame).toString('hex')}`, { cause: error })
  }
}

/** What decodes must encode to the very same bytes: nothing was ignored, and nothing has two encodings. */
const tryBoth = (frame: Uint8Array): number => {
  let taken = 0
  for (const decode of [decodeClientMessage, decodeServerMessage]) {
    const message = decodeOrNull(frame, decode)
    if (message === null) continue
    taken++
    const same = Buffer.from(frame).equals(encodeMessage(message))
    if (!same) assert.unreachable(`two encodings: ${Buffer.from(frame).toString('hex')}`)
  }
  return taken
}

const MUTATIONS: readonly ((rng: Rng, frame: Uint8Array) => Uint8Array)[] = [
  (rng, frame) => frame.with(int(rng, 0, frame.length - 1), int(rng, 0, 255)),
  (rng, frame) => frame.with(int(rng, 0, frame.length - 1), pick(rng, [0, 0x7f, 0x80, 0xff])),
  (rng, frame) => frame.slice(0, int(rng, 0, frame.length)),
  (rng, frame) => Uint8Array.from([...frame, ...bytes(rng, int(rng, 1, 4))]),
  (rng, frame) => {
    const at = int(rng, 0, frame.length)
    return Uint8Array.from([...frame.slice(0, at), ...bytes(rng, int(rng, 1, 10)), ...frame.slice(at)])
  },
  (rng, frame) => {
    const at = int(rng, 0, frame.length - 1)
    return Uint8Array.from([...frame.slice(0, at), ...frame.slice(at + int(rng, 1, 4))])
  },
  (rng, frame) => Uint8Array.from([...frame.slice(0, int(rng, 0, frame.length)), ...pick(rng, golden)]),
]

test('[W7] random bytes', { timeoutMs: 300_000 }, () => {
  const rng = createRng(seedFrom())
  for (let round = 0; round < ROUNDS; round++) tryBoth(bytes(rng, int(rng, 0, 40)))
})

test('[W7] mutated golden frames', { timeoutMs: 300_000 }, () => {
  const rng = createRng(seedFrom())
  let taken = 0
  for (let round = 0; round < ROUNDS; round++) {
    let frame: Uint8Array = pick(rng, golden)
    for (let times = int(rng, 1, 3); times > 0 && frame.length > 0; times--)
      frame = pick(rng, MUTATIONS)(rng, frame)
    taken += tryBoth(frame)
  }
  // Otherwise the mutations only ever try the first bytes.
  assert.ok(taken > ROUNDS / 100, `only ${taken} of ${ROUNDS} frames decoded`)
})

test('[W7] a lying length allocates nothing', () => {
  const lies = [
    '00 02 ffffffff07',
    '00 02 ffffffffffff7f',
    '01 ffffffff7f',
    '67 ffffffff07',
    '02 00 ffffffff07',
  ]
  const frames = lies.map(hex => frameOf({ hex }))
  globalThis.gc?.()
  const before = process.memoryUsage()
  for (let round = 0; round < 2_000; round++) for (const frame of frames) tryBoth(frame)
  globalThis.gc?.()
  const after = process.memoryUsage()
  assert.ok(after.arrayBuffers - before.arrayBuffers < 1_000_000)
  assert.ok(after.rss - before.rss < 100_000_000)
})
