/**
 * Brings presence to the connections of one space: what has changed leaves as one frame per connection, a
 * removal leaves at once, and no connection is sent entries of its own clientID. Everybody is told of everybody,
 * so that batches have to grow with the room: each kind of news has a window of its own.
 */
import type { AwarenessBatch } from './awareness-batch.js'
import { afterFlush, flushDelayMs, OPEN_WINDOW } from './flush-window.js'
import { LeanSet } from './lean-collections.js'
import type { SpaceLimits } from './limits.js'
import type { Observer } from './observer.js'
import { Presence } from './presence.js'
import type { Roster } from './roster.js'
import type { Scheduler } from './scheduler.js'
import type { Session } from './session.js'
import type { PresentClient } from './space-desk.js'
import type { IdentityPath } from './stamp.js'

/** The share of the clock that telling of changes may take before it waits, and that of renewals. */
const CHANGES_SHARE = 0.05
const RENEWALS_SHARE = 0.01
/** How long changes wait at most for each member of the room, ms: 100 for a hundred; and in all. */
const CHANGES_WAIT_PER_MEMBER_MS = 1
const CHANGES_MAX_WAIT_MS = 1_000
/** Stock clients renew after 15 to 18 s and give up after 30. */
const RENEWALS_PACE = { share: RENEWALS_SHARE, maxWaitMs: 4_000 }
/** What a frame costs the process, ms: to write, and to read again what stock clients send back. */
const COST_PER_FRAME_MS = 0.03
const COST_PER_BYTE_MS = 1e-6

export interface PresenceRelayOptions {
  readonly sessions: ReadonlySet<Session>
  readonly observer: Observer
  readonly scheduler: Scheduler
  readonly roster: Roster
  readonly identityPaths: readonly IdentityPath[]
  readonly limits: SpaceLimits
}

interface News {
  readonly clientIds: readonly number[]
  readonly batch: AwarenessBatch
}

export class PresenceRelay {
  readonly #options: PresenceRelayOptions
  #presence: Presence<Session>
  readonly #changed = new LeanSet<number>()
  readonly #renewed = new LeanSet<number>()
  #changes = OPEN_WINDOW
  #renewals = OPEN_WINDOW
  #removals = OPEN_WINDOW
  /** Everybody, as of when the first newcomer since the last news came; what is newer, the next news tell. */
  #everybody: AwarenessBatch | null = null
  /** How many take others for gone that are not renewed: the others are told of changes only. */
  #needingRenewals = 0

  constructor(options: PresenceRelayOptions) {
    this.#options = options
    this.#presence = new Presence(this.#options)
  }

  /** How long what there is to tell may wait; infinity where there is nothing. */
  get waitMs(): number {
    if (this.#changed.size === 0 && this.#renewed.size === 0) return Number.POSITIVE_INFINITY
    const nowMs = this.#options.scheduler.elapsed()
    return this.#changed.size > 0
      ? flushDelayMs(this.#changes, nowMs, CHANGES_SHARE)
      : flushDelayMs(this.#renewals, nowMs, RENEWALS_SHARE)
  }

  /** Everybody who is present, as others see them. */
  get states(): readonly PresentClient[] {
    return [...this.#presence.states()]
  }

  /** As which user a clientID is present. */
  userOf(clientId: number): string | undefined {
    return this.#presence.userOf(clientId)
  }

  /** The clientID that is present on this connection. */
  clientIdOf(session: Session): number | null {
    return this.#presence.clientIdOn(session)
  }

  /** Takes an awareness update of a connection. @throws malformed */
  announce(session: Session, update: Uint8Array): void {
    const { observer, scheduler, roster } = this.#options
    const { access } = session
    const nowMs = scheduler.now()
    const { joinedAtMs, lastSeenMs } = roster.member(access.user) ?? { joinedAtMs: nowMs, lastSeenMs: nowMs }
    const stamp = { user: access.user, name: access.name, joinedAtMs, lastSeenMs }
    const result = this.#presence.announce(session, update, { stamp, nowMs })
    const { changed, renewed, nudge, replaces, dropped } = result
    if (result.isActivity) roster.act(access.user, nowMs)
    for (const clientId of changed) this.#changed.add(clientId)
    if (this.#needingRenewals > 0) for (const clientId of renewed) this.#renewed.add(clientId)
    if (dropped > 0) observer.count('awareness_dropped', dropped)
    if (replaces !== null) {
      observer.count('replaced')
      replaces.close('replaced')
    }
    if (nudge !== null) {
      session.sendFrame(nudge)
      // It is here again, and nobody will be told before it says so once more.
      this.#everybody = null
    }
  }

  /** Sends everybody's state to one connection, which hears of every change from then on. */
  sendAll(session: Session): void {
    if (session.needsRenewals && !session.hasPresence) this.#needingRenewals++
    session.hasPresence = true
    const { clientIds } = this.#presence
    if (session.flow.type === 'behind') {
      this.#presence.addClocks(clientIds, session.flow.missedClocks)
      return
    }
    this.#everybody ??= this.#presence.batch(clientIds)
    this.#send(session, this.#everybody)
  }

  /** What a connection that was behind has missed: the latest of each. @param clocks as `addClocks` left them */
  sendMissed(session: Session, clocks: ReadonlyMap<number, number>): void {
    if (session.hasPresence) this.#send(session, this.#presence.missed(clocks))
  }

  /**
   * The connection is closed: its state leaves in this tick. Only when a crowd leaves a large room do the
   * removals wait for each other, as changes do.
   */
  leave(session: Session): void {
    if (session.needsRenewals && session.hasPresence) this.#needingRenewals--
    const gone = this.#presence.leave(session)
    if (gone.length === 0) return
    this.#everybody = null
    const nowMs = this.#options.scheduler.elapsed()
    if (flushDelayMs(this.#removals, nowMs, CHANGES_SHARE) > 0) {
      for (const clientId of gone) this.#changed.add(clientId)
      return
    }
    for (const clientId of gone) this.#changed.delete(clientId)
    const flush = { costMs: this.#tell(gone), endMs: nowMs }
    this.#removals = afterFlush(this.#removals, flush, this.#changesPace)
  }

  /** Every connection is being closed: there is nobody left to tell. */
  clear(): void {
    this.#changed.clear()
    this.#renewed.clear()
    this.#needingRenewals = 0
    this.#everybody = null
    this.#presence = new Presence(this.#options)
  }

  /** Sends what has changed since the last flush, if it is time. @returns whether anybody may have been told */
  flush(): boolean {
    if (this.waitMs > 0) return false
    const hasChanges = this.#changed.size > 0
    const [changed, renewed] = [[...this.#changed], [...this.#renewed]]
    this.#changed.clear()
    this.#renewed.clear()
    const startMs = this.#options.scheduler.elapsed()
    const framesMs = this.#tell(changed, renewed)
    const endMs = this.#options.scheduler.elapsed()
    const cost = { costMs: framesMs + endMs - startMs, endMs }
    if (hasChanges) this.#changes = afterFlush(this.#changes, cost, this.#changesPace)
    else this.#renewals = afterFlush(this.#renewals, cost, RENEWALS_PACE)
    return true
  }

  get #changesPace(): { readonly share: number; readonly maxWaitMs: number } {
    const { limits, sessions } = this.#options
    const forRoomMs = Math.min(sessions.size * CHANGES_WAIT_PER_MEMBER_MS, CHANGES_MAX_WAIT_MS)
    return { share: CHANGES_SHARE, maxWaitMs: Math.max(limits.flushWindowMaxMs, forRoomMs) }
  }

  /** @returns what the frames will cost, ms */
  #tell(changed: readonly number[], renewed: readonly number[] = []): number {
    this.#everybody = null
    const changes = this.#newsOf(changed)
    const all = renewed.length === 0 ? changes : this.#newsOf([...new Set([...changed, ...renewed])])
    this.#presence.told(changed)
    let costMs = 0
    for (const session of this.#options.sessions) {
      if (!session.hasPresence || (changed.length === 0 && !session.needsRenewals)) continue
      const { clientIds, batch } = session.needsRenewals ? all : changes
      if (session.flow.type === 'behind') {
        this.#presence.addClocks(clientIds, session.flow.missedClocks)
        continue
      }
      this.#send(session, batch)
      costMs += COST_PER_FRAME_MS + batch.bytes * COST_PER_BYTE_MS
    }
    return costMs
  }

  #newsOf(clientIds: readonly number[]): News {
    return { clientIds, batch: this.#presence.batch(clientIds) }
  }

  #send(session: Session, batch: AwarenessBatch): void {
    const message = batch.messageFor(session.clientId)
    if (message !== null) session.sendFrame(message)
  }
}
