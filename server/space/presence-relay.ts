/**
 * Brings presence to the connections of one space: changes of a turn leave as one frame per connection, a
 * removal leaves at once, and no connection is sent entries of its own clientID.
 */
import type { Observer } from './observer.js'
import { Presence } from './presence.js'
import type { Session } from './session.js'

export class PresenceRelay {
  readonly #maxStateBytes: number
  #presence: Presence
  readonly #sessions: ReadonlySet<Session>
  readonly #observer: Observer
  readonly #changed = new Set<number>()

  constructor(options: { sessions: ReadonlySet<Session>; observer: Observer; maxStateBytes: number }) {
    this.#maxStateBytes = options.maxStateBytes
    this.#presence = new Presence(options)
    this.#sessions = options.sessions
    this.#observer = options.observer
  }

  get hasChanges(): boolean {
    return this.#changed.size > 0
  }

  /** Takes an awareness update of a connection. @throws malformed */
  announce(session: Session, update: Uint8Array): void {
    const { peer, access, order, hasPresence } = session
    const announcer = { id: peer.id, user: access.user, order, hasPresence }
    const { changed, nudge, replaces, dropped } = this.#presence.announce(announcer, update)
    for (const clientId of changed) this.#changed.add(clientId)
    if (dropped > 0) this.#observer.count('awareness_dropped', dropped)
    if (replaces !== null) {
      this.#observer.count('replaced')
      for (const other of this.#sessions) if (other.peer.id === replaces) other.close('replaced')
    }
    if (nudge !== null) session.sendFrame(nudge)
  }

  /** Sends everybody's state to one connection, which hears of every change from then on. */
  sendAll(session: Session): void {
    session.hasPresence = true
    if (session.flow.type === 'behind') {
      for (const clientId of this.#presence.clientIds) session.flow.missedClientIds.add(clientId)
    } else this.#send(session, this.#presence.clientIds)
  }

  /** What a connection that was behind has missed: the latest of each. */
  sendMissed(session: Session, clientIds: ReadonlySet<number>): void {
    if (session.hasPresence) this.#send(session, clientIds)
  }

  /** The connection is closed: its state leaves in this tick, with whatever else has changed. */
  leave(session: Session): void {
    const gone = this.#presence.leave(session.peer.id)
    if (gone.length === 0) return
    for (const clientId of gone) this.#changed.add(clientId)
    this.flush()
  }

  /** Every connection is being closed: there is nobody left to tell. */
  clear(): void {
    this.#changed.clear()
    this.#presence = new Presence({ maxStateBytes: this.#maxStateBytes })
  }

  /** Sends what has changed since the last flush. */
  flush(): void {
    if (this.#changed.size === 0) return
    const clientIds = [...this.#changed]
    this.#changed.clear()
    let shared: Uint8Array | null = null
    for (const session of this.#sessions) {
      if (!session.hasPresence) continue
      if (session.flow.type === 'behind') {
        for (const clientId of clientIds) session.flow.missedClientIds.add(clientId)
        continue
      }
      const own = this.#presence.clientIdOf(session.peer.id)
      if (own !== undefined && clientIds.includes(own)) {
        this.#send(session, clientIds)
        continue
      }
      shared ??= this.#presence.encode(clientIds, undefined)
      if (shared !== null) session.sendFrame(shared)
    }
  }

  #send(session: Session, clientIds: Iterable<number>): void {
    const frame = this.#presence.encode(clientIds, this.#presence.clientIdOf(session.peer.id))
    if (frame !== null) session.sendFrame(frame)
  }
}
