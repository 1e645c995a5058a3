/** What travels through the second door around the frames. */
import {
  decodeFrames,
  encodeFrames,
  MAX_BODY_FRAMES,
  MAX_SHARED_BODY_BYTES,
  parseStreamClosed,
  parseStreamOpened,
} from '../../../shared/protocol/index.js'
import { throwsCode } from '../../support/expect.js'
import { createRng, int, seedFrom } from '../../support/rng.js'
import { assert, note, suite } from '../../support/suite.js'

const test = suite('event stream protocol')

test('[D17] frames come out of a body as they went in, empty ones and none included', () => {
  const seed = seedFrom()
  note(`seed ${seed}`)
  const rng = createRng(seed)
  for (let round = 0; round < 200; round++) {
    const frames = Array.from({ length: int(rng, 0, 8) }, () =>
      Uint8Array.from({ length: int(rng, 0, 400) }, () => int(rng, 0, 255)),
    )
    assert.equal(
      decodeFrames(encodeFrames(frames)).map(frame => [...frame]),
      frames.map(frame => [...frame]),
    )
  }
})

test('[D17] a body that is cut anywhere inside a frame, or lies about a length, is malformed', () => {
  const body = encodeFrames([new Uint8Array(3).fill(1), new Uint8Array(300).fill(2)])
  const boundary = 4
  for (let length = 1; length < body.length; length++) {
    if (length !== boundary) throwsCode('malformed', () => decodeFrames(body.subarray(0, length)))
  }
  throwsCode('malformed', () => decodeFrames(Uint8Array.of(5, 1, 2)))
  throwsCode('malformed', () => decodeFrames(new Uint8Array(20).fill(0xff)))
})

test('[D17] a body holds one frame of any size, or several that are bounded together', () => {
  const [large, rest] = [new Uint8Array(MAX_SHARED_BODY_BYTES), new Uint8Array(1)]
  assert.is(decodeFrames(encodeFrames([new Uint8Array(2 * MAX_SHARED_BODY_BYTES)])).length, 1)
  assert.is(decodeFrames(encodeFrames([large.subarray(1), rest])).length, 2)
  throwsCode('malformed', () => decodeFrames(encodeFrames([large, rest])))
  throwsCode('malformed', () => decodeFrames(encodeFrames([rest, large])))
  // Zeros are frames of no length.
  assert.is(decodeFrames(new Uint8Array(MAX_BODY_FRAMES)).length, MAX_BODY_FRAMES)
  throwsCode('malformed', () => decodeFrames(new Uint8Array(MAX_BODY_FRAMES + 1)))
})

test('[D17] an opening event names a session and a beat, a closing one a code', () => {
  assert.equal(parseStreamOpened('{"session":"a","beatMs":5,"more":1}'), { session: 'a', beatMs: 5 })
  for (const data of ['', '[]', 'null', '{}', '{"session":"","beatMs":5}', '{"session":"a","beatMs":0}']) {
    throwsCode('malformed', () => parseStreamOpened(data))
  }
  // What no header can carry.
  for (const session of ['a\nb', 'a b', '李']) {
    throwsCode('malformed', () => parseStreamOpened(JSON.stringify({ session, beatMs: 5 })))
  }
  assert.equal(parseStreamClosed('{"code":4401,"reason":"x"}'), { code: 4401, reason: 'x' })
  assert.equal(parseStreamClosed('{"code":4401}'), { code: 4401, reason: '' })
  for (const data of ['{', '{"code":"4401"}', '{"code":1.5}', '{}']) {
    throwsCode('malformed', () => parseStreamClosed(data))
  }
})
