/** Frames that no client may send, and the close code that must answer each. */
import * as Y from 'yjs'
import { encodeMessage } from '../../shared/protocol/index.js'
import { OPCODE, rawFrame } from './raw-socket.js'

export type BadFrame = readonly [what: string, bytes: Buffer, close: number]

export interface BadFrameOptions {
  readonly maxFrameBytes: number
  readonly maxDocumentBytes: number
  /** Of the user who sends it. */
  readonly expiredToken: string
}

const varUint = (value: number): number[] => {
  const bytes: number[] = []
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) | 128)
  return [...bytes, value]
}

export const updateMessage = (update: Uint8Array): Uint8Array => encodeMessage({ type: 'update', update })

const someDocument = (): Y.Doc => {
  const doc = new Y.Doc()
  doc.getText('text').insert(0, 'from outside')
  return doc
}

export const v1 = (): Uint8Array => Y.encodeStateAsUpdate(someDocument())

/** Whole frames of RFC 6455 and the code that must answer them. */
export const badFrames = ({ maxFrameBytes, maxDocumentBytes, expiredToken }: BadFrameOptions): BadFrame[] => {
  const message = (...bytes: number[]): Buffer => rawFrame(Uint8Array.from(bytes))
  const huge = [255, 255, 255, 255, 255, 255, 255, 15]
  return [
    ['a text frame', rawFrame(Buffer.from('hello'), { opcode: OPCODE.text }), 4400],
    ['an empty frame', message(), 4400],
    ['an unknown type', message(77, 0), 4400],
    ['a type of the server', message(101, 1, 1), 4400],
    ['an unknown sync step', message(0, 9, 1, 0), 4400],
    ['a step 1 without a body', message(0, 0), 4400],
    ['a step 1 that is cut short', message(0, 0, 9, 1, 1), 4400],
    ['a length near 2^53', message(0, 2, ...huge), 4400],
    ['a length beyond 2^53', message(0, 2, ...huge.map(() => 255), 255, 255, 127), 4400],
    ['a step 1 with trailing bytes', message(0, 0, 1, 0, 7), 4400],
    ['a state vector that lies about its size', message(0, 0, ...varUint(5), 200, 200, 200, 1, 1), 4400],
    ['an update that is no update', rawFrame(updateMessage(Uint8Array.of(1, 2, 3))), 4400],
    ['an update that is cut short', rawFrame(updateMessage(v1().slice(0, -3))), 4400],
    ['an update with trailing bytes', rawFrame(updateMessage(Uint8Array.of(...v1(), 0))), 4400],
    [
      'an update that claims 2^40 structs',
      rawFrame(updateMessage(Uint8Array.of(1, ...varUint(2 ** 40), 5, 0))),
      4400,
    ],
    ['an update of encoding v2', rawFrame(updateMessage(Y.encodeStateAsUpdateV2(someDocument()))), 4400],
    ['awareness that is none', message(1, 3, 9, 9, 9), 4400],
    ['awareness with a lying length', message(1, 3, 1, 5, 200), 4400],
    ['a token that is none', rawFrame(encodeMessage({ type: 'authenticate', token: 'nothing' })), 4401],
    [
      'a token that has expired',
      rawFrame(encodeMessage({ type: 'authenticate', token: expiredToken })),
      4501,
    ],
    ['a message over the limit', rawFrame(updateMessage(new Uint8Array(maxFrameBytes))), 4413],
    ['a frame over every limit', rawFrame(new Uint8Array(maxDocumentBytes + 1)), 1009],
    ['a frame that claims 2^40 bytes', rawFrame(new Uint8Array(9), { claimedLength: 2 ** 40 }), 1009],
    ['a frame without a mask', rawFrame(Uint8Array.of(3), { isMasked: false }), 1002],
    ['a frame with reserved bits', rawFrame(Uint8Array.of(3), { reserved: 0x20 }), 1002],
    ['a frame of an unknown kind', rawFrame(Uint8Array.of(3), { opcode: 5 }), 1002],
    ['a ping of 1,000 bytes', rawFrame(new Uint8Array(1_000), { opcode: OPCODE.ping }), 1002],
  ]
}
