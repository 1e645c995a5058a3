/**
 * Brings the roster to the plenum connections of one space: whole to whoever comes, in one frame that newcomers
 * share, and then what changes, together where there is much. Stock connections are sent nothing.
 */
import { encodeMessage } from '../../shared/protocol/index.js'
import { afterFlush, flushDelayMs, OPEN_WINDOW } from './flush-window.js'
import type { Roster, RosterNews } from './roster.js'
import type { Scheduler } from './scheduler.js'
import type { Session } from './session.js'

/** The share of the clock that telling may take before it waits, and how long it waits at most, ms. */
const SHARE = 0.02
const MAX_WAIT_MS = 1_000
/** How often it is told who did something, and nothing else. */
const SEEN_EVERY_MS = 10_000
/** How long newcomers share a frame: what it says of the time is off by that. */
const SHARED_MS = 1_000
const COST_PER_FRAME_MS = 0.02
const COST_PER_BYTE_MS = 1e-6

export interface RosterRelayOptions {
  readonly roster: Roster
  readonly sessions: ReadonlySet<Session>
  readonly scheduler: Scheduler
}

export class RosterRelay {
  readonly #options: RosterRelayOptions
  #window = OPEN_WINDOW
  #seenDueMs: number
  #whole: { readonly frame: Uint8Array; readonly atMs: number; readonly version: number } | null = null

  constructor(options: RosterRelayOptions) {
    this.#options = options
    this.#seenDueMs = options.scheduler.elapsed() + SEEN_EVERY_MS
  }

  /** How long what there is to tell may wait; infinity where there is nothing. */
  get waitMs(): number {
    const { roster, scheduler } = this.#options
    return roster.hasNews ? flushDelayMs(this.#window, scheduler.elapsed(), SHARE) : Number.POSITIVE_INFINITY
  }

  /** Sends the whole roster to one connection, which is told of every change from then on. */
  sendAll(session: Session): void {
    if (session.dialect !== 'plenum') return
    if (session.flow.type === 'behind') {
      session.roster = 'missed'
      return
    }
    const { roster, scheduler } = this.#options
    const nowMs = scheduler.elapsed()
    if (this.#whole === null || nowMs - this.#whole.atMs > SHARED_MS) {
      const frame = this.#encode({ members: [...roster.members], forgotten: [] }, true)
      this.#whole = { frame, atMs: nowMs, version: roster.version }
    }
    session.sendFrame(this.#whole.frame)
    session.roster = 'told'
    session.rosterVersion = this.#whole.version
  }

  /** Tells what has changed, if it is time. @returns whether anybody may have been told */
  flush(): boolean {
    if (this.waitMs > 0) return false
    const { roster, scheduler } = this.#options
    const costMs = this.#tell(roster.takeNews(false), roster.version)
    const flush = { costMs, endMs: scheduler.elapsed() }
    this.#window = afterFlush(this.#window, flush, { share: SHARE, maxWaitMs: MAX_WAIT_MS })
    return true
  }

  /** Once a second: who has done something, and everything for those who missed some of it. */
  sweep(): void {
    const { roster, sessions, scheduler } = this.#options
    for (const session of sessions) if (session.roster === 'missed') this.sendAll(session)
    const nowMs = scheduler.elapsed()
    if (this.#whole !== null && nowMs - this.#whole.atMs > SHARED_MS) this.#whole = null
    if (nowMs < this.#seenDueMs || roster.unseen === 0) return
    const costMs = this.#tell(roster.takeNews(true), null)
    this.#seenDueMs = nowMs + Math.max(SEEN_EVERY_MS, costMs / SHARE)
  }

  /** @param known the version that whoever was sent it needs no news of @returns what it costs, ms */
  #tell(news: RosterNews, known: number | null): number {
    this.#whole = null
    let frame: Uint8Array | null = null
    let frames = 0
    for (const session of this.#options.sessions) {
      if (session.roster !== 'told' || session.rosterVersion === known) continue
      if (session.flow.type === 'behind') {
        session.roster = 'missed'
        continue
      }
      frame ??= this.#encode(news, false)
      session.sendFrame(frame)
      frames++
    }
    return frames * (COST_PER_FRAME_MS + (frame?.length ?? 0) * COST_PER_BYTE_MS)
  }

  #encode({ members, forgotten }: RosterNews, isWhole: boolean): Uint8Array {
    const serverTimeMs = this.#options.scheduler.now()
    return encodeMessage({ type: 'roster', isWhole, serverTimeMs, members, forgotten })
  }
}
