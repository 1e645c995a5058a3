/**
 * Remembers who makes the server close them again and again: stock clients upload the same oversized
 * document for ever, and some hammer a server that accepts and closes. After the second strike within a
 * minute the same user is refused at the same space for ten minutes.
 */
import { ERRORS, type ErrorCode } from '../../shared/errors.js'
import type { SpaceName } from '../../shared/names.js'
import type { Dialect } from '../space/peer.js'

export const STRIKE_WINDOW_MS = 60_000
export const PENALTY_MS = 600_000
const STRIKES = 2
/** Two tabs with one clientID take turns; a flaky network looks alike for a while. */
const STRIKES_WHEN_REPLACED = 20
/** What is remembered at most; beyond it the oldest entry goes. */
const MAX_ENTRIES = 10_000

interface Entry {
  readonly sinceMs: number
  readonly strikes: number
  readonly penalty: { readonly code: ErrorCode; readonly untilMs: number } | null
}

export interface Penalty {
  readonly code: ErrorCode
  readonly retryAfterMs: number
}

export class PenaltyBox {
  readonly #entries = new Map<string, Entry>()

  get size(): number {
    return this.#entries.size
  }

  /** Notes that the server closed a connection of this user with this code. */
  strike(user: string, space: SpaceName, dialect: Dialect, code: ErrorCode, nowMs: number): void {
    const needed = strikesFor(dialect, code)
    if (needed === null) return
    const key = keyOf(user, space, code)
    const known = this.#entries.get(key)
    const isFresh = known === undefined || nowMs - known.sinceMs > STRIKE_WINDOW_MS
    const strikes = isFresh ? 1 : known.strikes + 1
    const penalty = strikes >= needed ? { code, untilMs: nowMs + PENALTY_MS } : null
    this.#entries.delete(key)
    this.#entries.set(key, { sinceMs: isFresh ? nowMs : known.sinceMs, strikes, penalty })
    if (this.#entries.size > MAX_ENTRIES) this.#entries.delete(this.#entries.keys().next().value as string)
  }

  /** The penalty that this user serves at this space, or null. */
  penalty(user: string, space: SpaceName, nowMs: number): Penalty | null {
    if (this.#entries.size === 0) return null
    for (const code of PUNISHED) {
      const penalty = this.#entries.get(keyOf(user, space, code))?.penalty
      if (penalty && penalty.untilMs > nowMs) return { code, retryAfterMs: penalty.untilMs - nowMs }
    }
    return null
  }

  /** Forgets what no longer counts. */
  sweep(nowMs: number): void {
    for (const [key, { sinceMs, penalty }] of this.#entries) {
      const isOver = penalty === null ? nowMs - sinceMs > STRIKE_WINDOW_MS : penalty.untilMs <= nowMs
      if (isOver) this.#entries.delete(key)
    }
  }
}

/** Expiry is left out: the next upgrade with that token is refused by itself. */
const PUNISHED: readonly ErrorCode[] = (Object.keys(ERRORS) as ErrorCode[]).filter(
  code => (ERRORS[code].close < 4500 && code !== 'revoked') || code === 'rate_limited',
)

/** How many closes it takes, or null where this code is never held against anyone. */
const strikesFor = (dialect: Dialect, code: ErrorCode): number | null => {
  if (code === 'too_large') return STRIKES
  // Our own client stops by itself at a permanent code.
  if (dialect === 'plenum' || !PUNISHED.includes(code)) return null
  return code === 'replaced' ? STRIKES_WHEN_REPLACED : STRIKES
}

const keyOf = (user: string, space: SpaceName, code: ErrorCode): string => `${code}\n${space}\n${user}`
