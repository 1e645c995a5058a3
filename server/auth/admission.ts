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
  /** Requests without a connection that one user may have open at a time, and begin per minute. */
  readonly maxRequestsPerUser: number
  readonly maxRequestsPerMinute: number
}

export interface Refusal {
  readonly code: ErrorCode
  readonly message: string
  /** When to come back, ms; null leaves it to the code. */
  readonly retryAfterMs: number | null
}

export interface Place {
  /** What was claimed. */
  readonly seat: Seat | null
  /** The bearer turned out to have no good token. */
  failed(nowMs: number): void
  /** The bearer is known: takes a seat in the space, or says why not. */
  claim(space: SpaceName, access: Access, dialect: Dialect, nowMs: number): Refusal | null
  /** The server closed this connection with that code. */
  closed(code: ErrorCode, nowMs: number): void
  /** Gives the place back. Idempotent. */
  leave(): void
}

/** Somebody who asks something without a connection. */
export interface Visit {
  /** The answer is gone, or will never be. Idempotent. */
  leave(): void
}

const FULL_RETRY_MS = 10_000
/** Requests are over soon. */
const BUSY_RETRY_MS = 1_000
const RATE_WINDOW_MS = 60_000

export class Admission {
  readonly #limits: AdmissionLimits
  readonly #byAddress = new Map<string, number>()
  readonly #bySpace = new Map<string, number>()
  /** Requests that are open, by user. */
  readonly #visits = new Map<string, number>()
  readonly #requests: RateWindow
  readonly #failures: RateWindow
  readonly #penalties = new PenaltyBox()
  #total = 0

  constructor(limits: AdmissionLimits) {
    this.#limits = limits
    this.#requests = new RateWindow(limits.maxRequestsPerMinute, RATE_WINDOW_MS)
    this.#failures = new RateWindow(limits.maxFailedUpgradesPerMinute, RATE_WINDOW_MS)
  }

  get connections(): number {
    return this.#total
  }

  allowsOrigin(origin: OriginCheck): boolean {
    return isOriginAllowed(origin, this.#limits.origins)
  }

  /** Takes a place for one connection, or says why not. */
  enter(address: string, origin: OriginCheck, nowMs: number): Place | Refusal {
    const unheard = this.glance(address, origin, nowMs)
    if (unheard !== null) return unheard
    const key = addressKey(address)
    const isLimited = !isLoopback(key)
    if (this.#total >= this.#limits.maxConnections) return limited('the server is full', FULL_RETRY_MS)
    if (isLimited && (this.#byAddress.get(key) ?? 0) >= this.#limits.maxConnectionsPerIp) {
      return limited('too many connections from this address', FULL_RETRY_MS)
    }
    this.#total++
    raise(this.#byAddress, key)
    return new OnePlace(this.#desk, key)
  }

  /** Why somebody is not even listened to, a request that wants no place included; null where they are. */
  glance(address: string, origin: OriginCheck, nowMs: number): Refusal | null {
    if (!this.allowsOrigin(origin)) {
      return { code: 'origin_denied', message: 'origin not allowed', retryAfterMs: null }
    }
    const key = addressKey(address)
    const waitMs = this.#failures.waitMs(key, nowMs)
    return !isLoopback(key) && waitMs > 0 ? limited('too many requests without a valid token', waitMs) : null
  }

  /** Somebody who took no place turned out to have no good token. */
  failed(address: string, nowMs: number): void {
    this.#failures.add(addressKey(address), nowMs)
  }

  /** A user who is known begins a request without a connection, or is told why not. */
  visit(user: string, nowMs: number): Visit | Refusal {
    const waitMs = this.#requests.waitMs(user, nowMs)
    if (waitMs > 0) return limited('too many requests within a minute', waitMs)
    if ((this.#visits.get(user) ?? 0) >= this.#limits.maxRequestsPerUser) {
      return limited('too many requests at a time', BUSY_RETRY_MS)
    }
    this.#requests.add(user, nowMs)
    raise(this.#visits, user)
    let isOver = false
    return {
      leave: () => {
        if (!isOver) lower(this.#visits, user)
        isOver = true
      },
    }
  }

  /** Forgets what no longer counts. */
  sweep(nowMs: number): void {
    this.#requests.sweep(nowMs)
    this.#failures.sweep(nowMs)
    this.#penalties.sweep(nowMs)
  }

  /** What a place asks of the whole; nobody else does. */
  readonly #desk: Desk = {
    failed: (key, nowMs) => this.#failures.add(key, nowMs),
    seat: (space, user, nowMs) => {
      const penalty = this.#penalties.penalty(user, space, nowMs)
      if (penalty !== null) return { ...penalty, message: 'closed too often for this; wait' }
      if ((this.#bySpace.get(space) ?? 0) >= this.#limits.maxPeersPerSpace) {
        return limited('the space is full', FULL_RETRY_MS)
      }
      raise(this.#bySpace, space)
      return null
    },
    closed: (seat, code, nowMs) => {
      this.#penalties.strike(seat.user, seat.space, seat.dialect, code, nowMs)
    },
    left: (key, space) => {
      this.#total--
      lower(this.#byAddress, key)
      if (space !== null) lower(this.#bySpace, space)
    },
  }
}

export interface Seat {
  readonly space: SpaceName
  readonly user: string
  readonly dialect: Dialect
}

interface Desk {
  failed(key: string, nowMs: number): void
  seat(space: SpaceName, user: string, nowMs: number): Refusal | null
  closed(seat: Seat, code: ErrorCode, nowMs: number): void
  left(key: string, space: SpaceName | null): void
}

/** One of thousands: it holds what is its own, and nothing else. */
class OnePlace implements Place {
  readonly #desk: Desk
  readonly #key: string
  seat: Seat | null = null
  #isLeft = false

  constructor(desk: Desk, key: string) {
    this.#desk = desk
    this.#key = key
  }

  failed(nowMs: number): void {
    this.#desk.failed(this.#key, nowMs)
  }

  claim(space: SpaceName, { user }: Access, dialect: Dialect, nowMs: number): Refusal | null {
    const refusal = this.#desk.seat(space, user, nowMs)
    if (refusal === null) this.seat = { space, user, dialect }
    return refusal
  }

  closed(code: ErrorCode, nowMs: number): void {
    if (this.seat !== null) this.#desk.closed(this.seat, code, nowMs)
  }

  leave(): void {
    if (this.#isLeft) return
    this.#isLeft = true
    this.#desk.left(this.#key, this.seat?.space ?? null)
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
