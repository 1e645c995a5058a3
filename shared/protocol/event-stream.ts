/**
 * The second door's own words: frames travel down as events of a text stream, base64 each, and up as bodies of
 * POST requests, each behind its length. What the frames say is the same as over a WebSocket.
 */
import * as decoding from 'lib0/decoding'
import * as encoding from 'lib0/encoding'
import { PlenumError } from '../errors.js'

export const EVENT_STREAM_TYPE = 'text/event-stream'
export const FRAMES_TYPE = 'application/octet-stream'

/** Header names, as HTTP/2 has them. */
export const SESSION_HEADER = 'plenum-session'
/** The number of a POST in its session, from 1. */
export const SEQUENCE_HEADER = 'plenum-seq'
/** The number of a poll in its session; the opening GET is 1. */
export const POLL_HEADER = 'plenum-poll'

/** `?delivery=poll`: each answer ends, for proxies that hold back what has not ended. */
export const DELIVERY_PARAMETER = 'delivery'
export const DELIVERY_POLL = 'poll'

/** Events with a name; those without carry one frame each. */
export const STREAM_EVENT = Object.freeze({ open: 'open', ping: 'ping', close: 'close' })

/** A WebSocket subprotocol for whoever wants to know whether a WebSocket opens and answers, and no more. */
export const SUBPROTOCOL_PROBE = 'plenum.probe'
/** What each end of a probe sends once. */
export const PROBE_FRAME: Uint8Array = Uint8Array.of(0)

/** Data of the first event. */
export interface StreamOpened {
  /** Names the session in requests; whoever knows it still needs a token of the same user. */
  readonly session: string
  /** How often the server gives a sign of life at least, ms. */
  readonly beatMs: number
}

/** Data of the last event. */
export interface StreamClosed {
  readonly code: number
  readonly reason: string
}

/** @throws malformed */
export const parseStreamOpened = (data: string): StreamOpened => {
  const { session, beatMs } = parseObject(data)
  // It is to travel in headers.
  if (typeof session !== 'string' || !/^[!-~]+$/.test(session)) {
    return wrong('the opening event names no session')
  }
  if (!isPositive(beatMs)) return wrong('the opening event names no beat')
  return { session, beatMs }
}

/** @throws malformed */
export const parseStreamClosed = (data: string): StreamClosed => {
  const { code, reason } = parseObject(data)
  if (!isPositive(code) || !Number.isInteger(code)) return wrong('the closing event has no code')
  return { code, reason: typeof reason === 'string' ? reason : '' }
}

/**
 * One frame travels in a body of any size, several in one of so many and so many bytes: what waits for its turn behind
 * them is bounded.
 */
export const MAX_BODY_FRAMES = 4_096
export const MAX_SHARED_BODY_BYTES = 262_144

/** The body of a POST; a fresh buffer that the caller owns. */
export const encodeFrames = (frames: readonly Uint8Array[]): Uint8Array<ArrayBuffer> =>
  encoding.encode(encoder => {
    for (const frame of frames) encoding.writeVarUint8Array(encoder, frame)
  }) as Uint8Array<ArrayBuffer>

/**
 * The frames of a body: views into it.
 * @throws malformed for a body that does not end where its last frame does or holds too much, and then none of it
 * counts
 */
export const decodeFrames = (body: Uint8Array): Uint8Array[] => {
  const decoder = decoding.createDecoder(body)
  const frames: Uint8Array[] = []
  let bytes = 0
  try {
    while (decoding.hasContent(decoder)) {
      const length = decoding.readVarUint(decoder)
      bytes += length
      if (frames.length === MAX_BODY_FRAMES) return wrong('too many frames in one body')
      if (frames.length > 0 && bytes > MAX_SHARED_BODY_BYTES) return wrong('too much in one body')
      if (length > body.length - decoder.pos) return wrong('a frame is longer than the body')
      frames.push(decoding.readUint8Array(decoder, length))
    }
  } catch (cause) {
    throw cause instanceof PlenumError ? cause : new PlenumError('malformed', 'malformed body', { cause })
  }
  return frames
}

const parseObject = (data: string): Record<string, unknown> => {
  try {
    const value: unknown = JSON.parse(data)
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  } catch {}
  return wrong('the data of an event is no JSON object')
}

const isPositive = (value: unknown): value is number =>
  typeof value === 'number' && value > 0 && Number.isFinite(value)

const wrong = (what: string): never => {
  throw new PlenumError('malformed', `malformed stream: ${what}`)
}
