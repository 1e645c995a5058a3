/**
 * The way up beside an event stream: frames leave in their order, one POST under way at a time, each with all that
 * gathered meanwhile. A POST that may not have arrived is repeated under its number, which the server counts once.
 */
import * as decoding from 'lib0/decoding'
import {
  encodeFrames,
  FRAMES_TYPE,
  MAX_BODY_FRAMES,
  MESSAGE,
  SEQUENCE_HEADER,
  SESSION_HEADER,
} from '../../../shared/protocol/index.js'
import type { Clock } from '../clock.js'
import type { Close } from '../connection-closed.js'
import { patiently } from '../patience.js'
import { readRefusal } from './http-refusal.js'

export interface PostLaneOptions {
  readonly fetch: typeof fetch
  readonly url: string
  readonly clock: Clock
  readonly session: string
  /** Null where the URL carries it. */
  readonly token: string | null
  /** Nothing more goes up. */
  onFailed(close: Close): void
}

interface Batch {
  readonly frames: readonly Uint8Array[]
  /** The one that these frames hand in. */
  readonly nextToken: string | null
}

const LOST = 1006
const TIMEOUT_MS = 20_000
const RETRY_MS = [250, 500, 1_000, 2_000, 4_000]
/** What a browser sends for a page that is no more. */
const MAX_KEEPALIVE_BYTES = 32_768

/** Headers of a request that belongs to a session. @throws TypeError for a token that no header can carry */
export const sessionHeaders = (session: string | null, token: string | null): Headers => {
  const headers = new Headers()
  if (session !== null) headers.set(SESSION_HEADER, session)
  if (token !== null) headers.set('authorization', `Bearer ${token}`)
  return headers
}

export class PostLane {
  /** Larger bodies hold one frame each. */
  maxBodyBytes = 65_536
  readonly #options: PostLaneOptions
  readonly #abort = new AbortController()
  #token: string | null
  #queue: Uint8Array[] = []
  #unsentBytes = 0
  #posted = 0
  #hasArrived = false
  /** The running of the lane; null while nothing is under way. */
  #running: Promise<void> | null = null
  #isOver = false
  #isClosing = false
  /** Ends the wait for the next try. */
  #wake = (): void => {}

  constructor(options: PostLaneOptions) {
    this.#options = options
    this.#token = options.token
  }

  /** The latest that was handed in. */
  get token(): string | null {
    return this.#token
  }

  /** Whether a POST of this session got through. */
  get hasArrived(): boolean {
    return this.#hasArrived
  }

  /** Bytes that the server has not said it has. */
  get bufferedBytes(): number {
    return this.#unsentBytes
  }

  send(frame: Uint8Array): void {
    if (this.#isOver || this.#isClosing) return
    this.#queue.push(frame)
    this.#unsentBytes += frame.length
    this.#running ??= this.#run(false)
  }

  /** A sign of life, unless one is under way. */
  answer(): void {
    if (!this.#isOver && !this.#isClosing) this.#running ??= this.#run(true)
  }

  /** Takes nothing more. Resolves once all that it took has gone up, or cannot. */
  async close(): Promise<void> {
    this.#isClosing = true
    this.#wake()
    await this.#running
  }

  /** Idempotent; what is under way is given up. */
  cut(): void {
    this.#isOver = true
    this.#abort.abort()
    this.#wake()
  }

  async #run(isAnswer: boolean): Promise<void> {
    // Whatever else this turn sends goes with it.
    await undefined
    for (let isFirst = true; this.#queue.length > 0 || (isFirst && isAnswer); isFirst = false) {
      const batch = this.#take()
      const close = await this.#post(batch)
      if (this.#isOver) return
      if (close !== null) {
        this.#isOver = true
        this.#options.onFailed(close)
        return
      }
      this.#hasArrived = true
      for (const { length } of batch.frames) this.#unsentBytes -= length
      if (batch.nextToken !== null && canTravel(batch.nextToken)) this.#token = batch.nextToken
    }
    this.#running = null
  }

  #take(): Batch {
    let count = 0
    let bytes = 0
    let nextToken: string | null = null
    for (const frame of this.#queue) {
      bytes += frame.length
      if (count > 0 && (bytes > this.maxBodyBytes || count === MAX_BODY_FRAMES)) break
      count++
      nextToken = handedIn(frame)
      // What follows goes with the fresh one.
      if (nextToken !== null) break
    }
    return { frames: this.#queue.splice(0, count), nextToken }
  }

  /** @returns why it failed for good */
  async #post({ frames }: Batch): Promise<Close | null> {
    const number = ++this.#posted
    const body = encodeFrames(frames)
    for (const delayMs of [...RETRY_MS, null]) {
      const outcome = await this.#try(number, body)
      if (outcome !== 'again') return outcome
      // Whoever closes has one more try, and no patience.
      if (delayMs === null || this.#isClosing || this.#isOver) break
      await this.#pause(delayMs)
    }
    return { code: LOST, reason: 'nothing goes up' }
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise(resolve => {
      const cancel = this.#options.clock.after(delayMs, resolve)
      this.#wake = () => {
        cancel()
        resolve()
      }
    })
  }

  async #try(number: number, body: Uint8Array<ArrayBuffer>): Promise<Close | 'again' | null> {
    const { fetch, url, clock, session } = this.#options
    const headers = sessionHeaders(session, this.#token)
    headers.set(SEQUENCE_HEADER, String(number))
    headers.set('content-type', FRAMES_TYPE)
    const attempt = new AbortController()
    const giveUp = (): void => attempt.abort()
    const cancel = patiently(clock, TIMEOUT_MS, giveUp)
    this.#abort.signal.addEventListener('abort', giveUp)
    const keepalive = this.#isClosing && body.length <= MAX_KEEPALIVE_BYTES
    try {
      if (this.#isOver) return 'again'
      const response = await fetch(url, { method: 'POST', headers, body, keepalive, signal: attempt.signal })
      if (response.status === 204) return null
      const { close, isAnswer } = await readRefusal(response)
      return isAnswer || response.status < 500 ? close : 'again'
    } catch {
      return 'again'
    } finally {
      cancel()
      this.#abort.signal.removeEventListener('abort', giveUp)
    }
  }
}

/** A message can carry what no header can: then the one before goes on, as long as it lasts. */
const canTravel = (token: string): boolean => {
  try {
    sessionHeaders(null, token)
    return true
  } catch {
    return false
  }
}

/** The token of a message that our own encoder made; null for any other. */
const handedIn = (frame: Uint8Array): string | null => {
  if (frame[0] !== MESSAGE.authenticate) return null
  const decoder = decoding.createDecoder(frame)
  decoding.readVarUint(decoder)
  return decoding.readVarString(decoder)
}
