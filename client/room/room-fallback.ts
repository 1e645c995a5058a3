/**
 * What a room shows while it is cut off: what was last known of who is here and of what they mean to do, and how old
 * that is. A snapshot is asked for only while somebody looks and a connection is tried for in vain.
 */
import type { Intention } from '../../shared/intentions/intention.js'
import type { Clock } from '../channel/clock.js'
import type { TokenSource } from '../channel/token-source.js'
import { isEmptyDocument } from '../document-link.js'
import type { Member } from '../presence/member.js'
import type { SpaceProvider } from '../space-provider.js'
import { chooseOrigin, type Origin } from './fallback.js'
import { isShallowEqual } from './same.js'
import { snapshotUrl } from './snapshot.js'
import { type Fetch, type Fetched, SnapshotSource } from './snapshot-source.js'
import { View } from './store.js'
import type { PresentWindow } from './windows.js'

export interface PresenceWithFallback extends Origin {
  readonly members: readonly Member[]
  readonly windows: readonly PresentWindow[]
}

export interface IntentionsWithFallback extends Origin {
  readonly intentions: readonly Intention[]
}

export interface RoomFallbackOptions {
  readonly url: string
  readonly space: string
  readonly clock: Clock
  readonly fetch: Fetch
  provider(): SpaceProvider
  token(): TokenSource | undefined
  self(): string | null
  windows(): readonly PresentWindow[]
  intentions(): readonly Intention[]
}

const NO_MEMBERS: readonly Member[] = Object.freeze([])
const NO_WINDOWS: readonly PresentWindow[] = Object.freeze([])
const NO_INTENTIONS: readonly Intention[] = Object.freeze([])

export class RoomFallback {
  readonly presence: View<PresenceWithFallback>
  readonly intentions: View<IntentionsWithFallback>
  readonly #options: RoomFallbackOptions
  readonly #source: SnapshotSource
  /** As they were when there was a connection. */
  #windows = NO_WINDOWS
  /** When the server was last heard, on its clock and on the one here that never jumps. */
  #heard: { readonly asOf: number | null; readonly atMs: number | null } = { asOf: null, atMs: null }
  #isClosed = false

  constructor(options: RoomFallbackOptions) {
    this.#options = options
    const view = { isSame: isShallowEqual, onWatched: () => this.#look() }
    this.presence = new View<PresenceWithFallback>(() => this.#readPresence(), view)
    this.intentions = new View<IntentionsWithFallback>(() => this.#readIntentions(), view)
    const { url, space, clock, fetch, token, self } = options
    this.#source = new SnapshotSource({
      url: snapshotUrl(url, space),
      clock,
      fetch,
      token,
      self,
      onSnapshot: () => this.changed(),
    })
  }

  /** How old a value is now, ms; null where it is live, or nobody knows. */
  age({ atMs }: Origin): number | null {
    return atMs === null ? null : Math.max(0, Math.round(this.#options.clock.now() - atMs))
  }

  changed(): void {
    this.#look()
    this.presence.changed()
    this.intentions.changed()
  }

  presenceChanged(): void {
    this.#look()
    this.presence.changed()
  }

  /** Idempotent. */
  close(): void {
    this.#isClosed = true
    this.#look()
  }

  #look(): void {
    const isWatched = this.presence.isWatched || this.intentions.isWatched
    const { connection, presence } = this.#options.provider()
    const isTrying =
      connection.state === 'connecting' || (connection.state === 'offline' && connection.retryInMs !== null)
    this.#source.want(isWatched && isTrying && !this.#isClosed)
    // Not those that a lost connection leaves, nor those that a new one begins with.
    const isLive = presence.isLive && connection.state === 'connected'
    if (this.presence.isWatched && isLive) this.#windows = this.#options.windows()
  }

  #readPresence(): PresenceWithFallback {
    const { presence, connection } = this.#options.provider()
    const isLive = presence.isLive && connection.state === 'connected'
    const copy = presence.asOf === null ? null : { ...this.#lastHeard(presence.asOf), hasOwnEdits: false }
    const { latest } = this.#source
    const origin = chooseOrigin({ isLive, copy, snapshot: timesOf(latest) })
    switch (origin.source) {
      case 'live':
        return Object.freeze({ ...origin, members: presence.members, windows: this.#options.windows() })
      case 'copy':
        return Object.freeze({ ...origin, members: presence.members, windows: this.#windows })
      default: {
        const { members = NO_MEMBERS, windows = NO_WINDOWS } = latest?.snapshot ?? {}
        return Object.freeze({ ...origin, members, windows })
      }
    }
  }

  #readIntentions(): IntentionsWithFallback {
    const { presence, connection, synced, doc, hasUnsavedEdits } = this.#options.provider()
    const { asOf } = presence
    const hasCopy = asOf !== null || !isEmptyDocument(doc)
    const { latest } = this.#source
    const origin = chooseOrigin({
      isLive: synced && connection.state === 'connected',
      copy: hasCopy ? { ...this.#lastHeard(asOf), hasOwnEdits: hasUnsavedEdits } : null,
      snapshot: timesOf(latest),
    })
    // Looked at in any case: what is written into the copy is heard of from now on.
    const ofDocument = this.#options.intentions()
    const isOfDocument = origin.source === 'live' || origin.source === 'copy'
    const intentions = isOfDocument ? ofDocument : latest?.snapshot.intentions
    return Object.freeze({ ...origin, intentions: intentions ?? NO_INTENTIONS })
  }

  /** The same for the same moment, whatever the clocks do. */
  #lastHeard(asOf: number | null): { readonly asOf: number | null; readonly atMs: number | null } {
    if (asOf !== this.#heard.asOf) {
      const serverNow = this.#options.provider().serverNow()
      const isKnown = asOf !== null && serverNow !== null
      this.#heard = { asOf, atMs: isKnown ? this.#options.clock.now() - (serverNow - asOf) : null }
    }
    return this.#heard
  }
}

const timesOf = (latest: Fetched | null): { readonly asOf: number; readonly atMs: number } | null =>
  latest && { asOf: latest.snapshot.asOf, atMs: latest.atMs }
