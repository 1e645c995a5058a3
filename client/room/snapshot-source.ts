/**
 * Asks for a snapshot while it is wanted: once a moment has passed, again after half a minute, and after a failure
 * with growing pauses. Not wanted, it holds no timer and no request; what was fetched stays.
 */
import { PlenumError } from '../../shared/errors.js'
import { backoffMs, type Pace } from '../channel/backoff.js'
import type { Clock } from '../channel/clock.js'
import { fetchToken, type TokenSource } from '../channel/token-source.js'
import { readSnapshot, type Snapshot } from './snapshot.js'

/** The part of `fetch` that is used. */
export type Fetch = (
  url: string,
  init: { readonly headers: Readonly<Record<string, string>>; readonly signal: AbortSignal },
) => Promise<Response>

export interface SnapshotSourceOptions {
  readonly url: string
  readonly clock: Clock
  readonly fetch: Fetch
  token(): TokenSource | undefined
  /** The user that this client is, where that is known. */
  self(): string | null
  /** There is another snapshot. */
  onSnapshot(): void
}

export interface Fetched {
  readonly snapshot: Snapshot
  /** When it was asked for, on the clock that never jumps: it is no older than it seems. */
  readonly atMs: number
}

/** Most connections are there before. */
const PATIENCE_MS = 1_000
const REFRESH_MS = 30_000
const TIMEOUT_MS = 10_000
const PACE: Pace = Object.freeze({ baseMs: 2_000, maxMs: 60_000 })

export class SnapshotSource {
  readonly #options: SnapshotSourceOptions
  #latest: Fetched | null = null
  #failures = 0
  #notBeforeMs = 0
  #isWanted = false
  #cancelWait = (): void => {}
  #request: AbortController | null = null

  constructor(options: SnapshotSourceOptions) {
    this.#options = options
  }

  /** Null as long as there was none. */
  get latest(): Fetched | null {
    return this.#latest
  }

  want(isWanted: boolean): void {
    if (isWanted === this.#isWanted) return
    this.#isWanted = isWanted
    this.#cancelWait()
    this.#request?.abort()
    this.#request = null
    // However often it is wanted anew: the pauses are kept.
    if (isWanted) this.#wait(Math.max(PATIENCE_MS, this.#notBeforeMs - this.#options.clock.now()))
  }

  #wait(delayMs: number): void {
    this.#cancelWait = this.#options.clock.after(delayMs, () => void this.#ask())
  }

  /** Never rejects: what there is stays when there is nothing newer. */
  async #ask(): Promise<void> {
    const { clock } = this.#options
    const request = new AbortController()
    this.#request = request
    const cancelTimeout = clock.after(TIMEOUT_MS, () => request.abort())
    // Stopped for good with the request that it belongs to.
    this.#cancelWait = cancelTimeout
    const atMs = clock.now()
    // Until there is an answer it has failed: that it is broken off must not make for more of them.
    this.#failures++
    this.#notBeforeMs = atMs + backoffMs(this.#failures, clock.random(), PACE)
    let snapshot: Snapshot | null = null
    try {
      // Whoever does not heed the signal is not waited for.
      snapshot = await Promise.race([this.#fetch(request.signal), aborted(request.signal)])
    } catch {
      // Told by the age of what is shown.
    }
    cancelTimeout()
    if (this.#request !== request) return
    this.#request = null
    if (snapshot !== null) this.#failures = 0
    const pauseMs = snapshot === null ? backoffMs(this.#failures, clock.random(), PACE) : REFRESH_MS
    this.#notBeforeMs = clock.now() + pauseMs
    this.#wait(pauseMs)
    if (snapshot === null) return
    this.#latest = { snapshot, atMs }
    this.#options.onSnapshot()
  }

  async #fetch(signal: AbortSignal): Promise<Snapshot> {
    const { url, fetch, token: source, self } = this.#options
    const given = source()
    const token = given === undefined ? null : await fetchToken(given)
    const headers = token === null ? {} : { Authorization: `Bearer ${token}` }
    signal.throwIfAborted()
    const response = await fetch(url, { headers, signal })
    if (!response.ok) throw new PlenumError('internal', `the snapshot: ${response.status}`)
    return readSnapshot(await response.json(), self())
  }
}

const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
