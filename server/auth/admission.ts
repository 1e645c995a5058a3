/**
 * Who may come in at all, before and beside any token: origins, numbers of connections, rates, penalties.
 * Counts and clocks only; every connection takes one place and gives it back exactly once.
 */
import type { ErrorCode } from '../../shared/errors.js'
import type { SpaceName } from '../../shared/names.js'
import type { Access, Dialect } from '../space/peer.js'
import { addressKey, isLoopback } from './address.js'
import { isOriginAllowed, type OriginCheck } from './origin.js'
import { PenaltyBox } from './penalty-box.js'
import { RateWindow } from './rate-window.js'

export interface AdmissionLimits {
  /** Exact origins; empty allows the same host only, `*` every page. */
  readonly origins: readonly string[]
  readonly maxConnections: number
  readonly maxConnectionsPerIp: number
  readonly maxPeersPerSpace: number
  /** Upgrades without a good token that one address may make per minute. */
  readonly maxFailedUpgradesPerMinute: number
}

export interface Refusal {
  readonly code: ErrorCode
  readonly message: string
  /** When to come back, ms; null leaves it to the code. */
  readonly retryAfterMs: number | null
}

export interface Place {
  /** The bearer turned out to have no good token. */
  failed(nowMs: number): void
  /** The bearer is known: takes a seat in the space, or says why not. */
  claim(space: SpaceName, access: Access, dialect: Dialect, nowMs: number): Refusal | null
  /** The server closed this connection with that code. */
  closed(code: ErrorCode, nowMs: number): void
  /** Gives the place back. Idempotent. */
  leave(): void
}

const FULL_RETRY_MS = 10_000
const RATE_WINDOW_MS = 60_000

export class Admission {
  readonly #limits: AdmissionLimits
  readonly #byAddress = new Map<string, number>()
  readonly #bySpace = new Map<string, number>()
  readonly #failures: RateWindow
  readonly #penalties = new PenaltyBox()
  #total = 0

  constructor(limits: AdmissionLimits) {
    this.#limits = limits
    this.#failures = new RateWindow(limits.maxFailedUpgradesPerMinute, RATE_WINDOW_MS)
  }

  get connections(): number {
    return this.#total
  }

  /** Takes a place for one upgrade, or says why not. */
  enter(address: string, origin: OriginCheck, nowMs: number): Place | Refusal {
    const key = addressKey(address)
    const isLimited = !isLoopback(key)
    if (!isOriginAllowed(origin, this.#limits.origins)) {
      return { code: 'origin_denied', message: 'origin not allowed', retryAfterMs: null }
    }
    const waitMs = this.#failures.waitMs(key, nowMs)
    if (isLimited && waitMs > 0) return limited('too many upgrades without a valid token', waitMs)
    if (this.#total >= this.#limits.maxConnections) return limited('the server is full', FULL_RETRY_MS)
    if (isLimited && (this.#byAddress.get(key) ?? 0) >= this.#limits.maxConnectionsPerIp) {
      return limited('too many connections from this address', FULL_RETRY_MS)
    }
    this.#total++
    raise(this.#byAddress, key)
    return this.#place(key)
  }

  /** Forgets what no longer counts. */
  sweep(nowMs: number): void {
    this.#failures.sweep(nowMs)
    this.#penalties.sweep(nowMs)
  }

  #place(key: string): Place {
    let seat: { space: SpaceName; user: string; dialect: Dialect } | null = null
    let isLeft = false
    return {
      failed: nowMs => this.#failures.add(key, nowMs),
      claim: (space, { user }, dialect, nowMs) => {
        const penalty = this.#penalties.penalty(user, space, nowMs)
        if (penalty !== null) return { ...penalty, message: 'closed too often for this; wait' }
        if ((this.#bySpace.get(space) ?? 0) >= this.#limits.maxPeersPerSpace) {
          return limited('the space is full', FULL_RETRY_MS)
        }
        raise(this.#bySpace, space)
        seat = { space, user, dialect }
        return null
      },
      closed: (code, nowMs) => {
        if (seat !== null) this.#penalties.strike(seat.user, seat.space, seat.dialect, code, nowMs)
      },
      leave: () => {
        if (isLeft) return
        isLeft = true
        this.#total--
        lower(this.#byAddress, key)
        if (seat !== null) lower(this.#bySpace, seat.space)
      },
    }
  }
}

const limited = (message: string, retryAfterMs: number): Refusal => ({
  code: 'rate_limited',
  message,
  retryAfterMs,
})

const raise = (counts: Map<string, number>, key: string): void => {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

const lower = (counts: Map<string, number>, key: string): void => {
  const left = (counts.get(key) ?? 0) - 1
  if (left > 0) counts.set(key, left)
  else counts.delete(key)
}
