/** The wire, byte for byte: what is written, what is read, and what is refused. */
import * as encoding from 'lib0/encoding'
import {
  type ClientMessage,
  decodeClientMessage,
  decodeServerMessage,
  EMPTY_AWARENESS_FRAME,
  encodeMessage,
  MAX_TOKEN_BYTES,
  MESSAGE,
  MIN_SUPPORTED_VERSION,
  PROTOCOL_VERSION,
  type ServerMessage,
  SUBPROTOCOL_PLENUM,
  SUBPROTOCOL_STOCK,
} from '../../../shared/protocol/index.js'
import { throwsCode } from '../../support/expect.js'
import { assert, suite } from '../../support/suite.js'
import { frameOf, GOLDEN_FRAMES, type GoldenFrame } from './golden-frames.js'

const test = suite('codec')

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

type Decode = (frame: Uint8Array) => ClientMessage | ServerMessage

const decodersOf = ({ from }: Pick<GoldenFrame, 'from'>): Decode[] => {
  switch (from) {
    case 'client':
      return [decodeClientMessage]
    case 'server':
      return [decodeServerMessage]
    case 'both':
      return [decodeClientMessage, decodeServerMessage]
  }
}

/** The frame among others in one buffer, as pooled network buffers are. */
const amongOthers = (frame: Uint8Array): Uint8Array => {
  const pool = new Uint8Array(frame.length + 64).fill(0xff)
  pool.set(frame, 32)
  return pool.subarray(32, 32 + frame.length)
}

const frame = (write: (e: encoding.Encoder) => void): Uint8Array => encoding.encode(write)
const hex = (text: string): Uint8Array => frameOf({ hex: text })

const bothRefuse = (bytes: Uint8Array): void => {
  throwsCode('malformed', () => decodeClientMessage(bytes))
  throwsCode('malformed', () => decodeServerMessage(bytes))
}

for (const golden of GOLDEN_FRAMES) {
  test(`[W1] golden bytes: ${golden.name}`, () => {
    assert.is(hexOf(encodeMessage(golden.message)), hexOf(frameOf(golden)))
    for (const decode of decodersOf(golden)) {
      assert.equal(decode(frameOf(golden)), golden.message)
      assert.equal(decode(amongOthers(frameOf(golden))), golden.message)
    }
  })
}

test('[W1] every message type has a golden frame', () => {
  const types = new Set(GOLDEN_FRAMES.map(golden => frameOf(golden)[0]))
  assert.equal([...types].sort(), Object.values(MESSAGE).sort())
})

test('[W1] the keepalive is an awareness message without entries', () => {
  assert.equal(decodeServerMessage(EMPTY_AWARENESS_FRAME), { type: 'awareness', entries: hex('00') })
})

test('[W1] a number with padding is refused: it would be a second encoding', () => {
  bothRefuse(hex('8000 00 01 00'))
  bothRefuse(hex('00 8000 01 00'))
  bothRefuse(hex('00 00 8100 00'))
})

test('[W3] every truncation of every golden frame is malformed', () => {
  for (const golden of GOLDEN_FRAMES) {
    const whole = frameOf(golden)
    for (const decode of decodersOf(golden)) {
      for (let length = 0; length < Math.min(whole.length, 1000); length++) {
        throwsCode('malformed', () => decode(whole.subarray(0, length)))
      }
      throwsCode('malformed', () => decode(whole.subarray(0, -1)))
    }
  }
})

test('[W3] trailing bytes are malformed', () => {
  for (const golden of GOLDEN_FRAMES) {
    for (const decode of decodersOf(golden)) {
      throwsCode('malformed', () => decode(Uint8Array.from([...frameOf(golden), 0])))
      throwsCode('malformed', () => decode(Uint8Array.from([...frameOf(golden), ...frameOf(golden)])))
    }
  }
})

test('[W3] a length beyond the frame is malformed, even where the buffer goes on', () => {
  const lies = ['00 00 02 00', '00 02 7f 00', '00 02 ffffffff0f 00', '00 02 ffffffffffffff0f 00', '01 02 00']
  for (const lie of lies) {
    bothRefuse(hex(lie))
    bothRefuse(amongOthers(hex(lie)))
  }
  throwsCode('malformed', () => decodeClientMessage(amongOthers(hex('67 06 612e622e63'))))
})

test('[W3] a length below what follows is malformed', () => bothRefuse(hex('00 02 02 010203')))

test('[W4] unknown types are malformed', () => {
  for (const type of [4, 5, 99, 108, 127, 128, 255, 2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
    bothRefuse(frame(e => encoding.writeVarUint(e, type)))
    bothRefuse(frame(e => [type, 0, 0].forEach(n => void encoding.writeVarUint(e, n))))
  }
  bothRefuse(hex('00 03 01 00'))
  bothRefuse(hex('00 64 01 00'))
  throwsCode('malformed', () => decodeServerMessage(hex('02 01 00')))
})

test('[W4] a message of the other side is malformed', () => {
  for (const golden of GOLDEN_FRAMES) {
    if (golden.from === 'server') throwsCode('malformed', () => decodeClientMessage(frameOf(golden)))
    if (golden.from === 'client') throwsCode('malformed', () => decodeServerMessage(frameOf(golden)))
  }
})

test('[W5] numbers above 2^53 − 1 are malformed', () => {
  const tooLarge = [
    '8080808080808010', // 2^53
    'ffffffffffffff7f', // 2^56 − 1
    'ffffffffffffffffff01', // 2^64 − 1
    `${'80'.repeat(200)}01`, // beyond what a double holds
    `${'80'.repeat(200)}00`, // 0 × Infinity
  ]
  for (const number of tooLarge) {
    bothRefuse(hex(number))
    bothRefuse(hex(`00 ${number} 01 00`))
    bothRefuse(hex(`00 02 ${number} 00`))
    bothRefuse(hex(`00 02 ${number}`))
    throwsCode('malformed', () => decodeServerMessage(hex(`65 ${number} 00`)))
    throwsCode('malformed', () => decodeServerMessage(hex(`65 00 ${number}`)))
    throwsCode('malformed', () => decodeServerMessage(hex(`6b ${number} 00`)))
    throwsCode('malformed', () => decodeServerMessage(hex(`6b 00 ${number}`)))
  }
})

test('[W6] text that is not UTF-8 is malformed', () => {
  for (const text of ['ff', 'c080', 'eda080', 'f4908080', 'e282']) {
    const length = (text.length / 2).toString(16).padStart(2, '0')
    throwsCode('malformed', () => decodeClientMessage(hex(`67 ${length} ${text}`)))
    throwsCode('malformed', () => decodeServerMessage(hex(`02 00 ${length} ${text}`)))
  }
})

test('[W6] a token up to its limit is read, one beyond is malformed', () => {
  const token = 'a'.repeat(MAX_TOKEN_BYTES)
  const message = { type: 'authenticate', token } as const
  assert.equal(decodeClientMessage(encodeMessage(message)), message)
  throwsCode('malformed', () => decodeClientMessage(encodeMessage({ ...message, token: `${token}a` })))
})

test('[W6] a text up to 4096 bytes is read, one beyond is malformed', () => {
  const message = { type: 'permission-denied', reason: 'ä'.repeat(2048) } as const
  assert.equal(decodeServerMessage(encodeMessage(message)), message)
  throwsCode('malformed', () =>
    decodeServerMessage(encodeMessage({ ...message, reason: `${message.reason}b` })),
  )
})

test('[W6] unknown roles, codes and notices are malformed', () => {
  const text = (value: string): string => hexOf(frame(e => encoding.writeVarString(e, value)))
  for (const name of ['owner', '', 'READ', 'toString', '__proto__', 'constructor']) {
    throwsCode('malformed', () => decodeServerMessage(hex(`68 ${text(name)} 00`)))
    throwsCode('malformed', () => decodeServerMessage(hex(`66 01 ${text(name)} 00`)))
  }
  throwsCode('malformed', () => decodeServerMessage(hex('6b 06 00')))
})

test('[W8] a decoded payload is a view into the frame', () => {
  const update = decodeClientMessage(hex('00 02 03 010203'))
  assert.ok(update.type === 'update')
  const bytes = hex('00 02 03 010203')
  const message = decodeClientMessage(bytes)
  assert.ok(message.type === 'update' && message.update.buffer === bytes.buffer)
})

test('[W8] an encoded message shares no memory with its payload', () => {
  const payload = hex('010203')
  const encoded = encodeMessage({ type: 'update', update: payload })
  payload.fill(0xff)
  assert.is(hexOf(encoded), '000203010203')
  assert.is(encoded.buffer.byteLength, encoded.length)
})

test('[W9] extensions are numbered from 100, and the versions are in order', () => {
  const { sync, awareness, auth, queryAwareness, ...extensions } = MESSAGE
  assert.equal([sync, awareness, auth, queryAwareness], [0, 1, 2, 3])
  for (const type of Object.values(extensions)) assert.ok(type >= 100)
  assert.ok(MIN_SUPPORTED_VERSION <= PROTOCOL_VERSION)
  assert.equal([SUBPROTOCOL_PLENUM, SUBPROTOCOL_STOCK], ['plenum.v1', 'yjs'])
})
