/**
 * Who announces which awareness state in one space. A connection speaks for one clientID only; the server never
 * changes a clock; a clientID that peers already know is made visible again by a nudge. States are stamped when
 * they change, and kept as bytes. No I/O and no clock: every call returns what has to be sent.
 */
import { AwarenessBatch } from './awareness-batch.js'
import {
  type AwarenessEntry,
  awarenessMessage,
  decodeAwareness,
  encodeEntry,
  GONE,
  readState,
} from './awareness-codec.js'
import { isEqual } from './byte-strings.js'
import { Departures } from './departures.js'
import type { PeerId } from './peer.js'
import { type AwarenessState, type IdentityPath, type Stamp, stamped, stampOn } from './stamp.js'

/** Peers compare clocks as numbers; one near 2^53 could never be passed again. */
const MAX_CLOCK = 2 ** 32

/** A connection as presence sees it. */
export interface Announcer {
  readonly id: PeerId
  /** What is written into its states; `lastSeenMs` only while they do not change. */
  readonly stamp: Stamp
  /** Which connection of the space it was: the later of two has the greater number. */
  readonly order: number
  /** Whether others' entries were sent to it: stock clients send every entry that they receive back. */
  readonly hasPresence: boolean
}

export interface AnnounceResult {
  /** clientIDs whose entry peers must be sent. */
  readonly changed: readonly number[]
  /** clientIDs of which peers know everything but the latest clock. */
  readonly renewed: readonly number[]
  /** To be sent to the announcer alone, or null. */
  readonly nudge: Uint8Array | null
  /** The connection that has to go for the other of the same client: the older of the two; or null. */
  readonly replaces: PeerId | null
  /** Entries dropped without an effect. */
  readonly dropped: number
  /** Whether somebody who was present has another state: the member did something. */
  readonly isActivity: boolean
}

interface Present {
  clock: number
  /** The state as it came, JSON in UTF-8. */
  raw: Uint8Array
  /** The latest entry as it is sent, and how many bytes of its end are the state as others see it. */
  entry: Uint8Array
  stateBytes: number
  /** Peers were sent this state, and took it. */
  isTold: boolean
  /** Peers take this state at a later clock only: they may know another at this one, and nobody takes a first at 0. */
  otherClock: number
  owner: PeerId
  order: number
  user: string
  /** Not something that was heard of another tab before the server told of it. */
  isSurelyOwn: boolean
}

export interface PresenceOptions {
  readonly maxStateBytes: number
  readonly identityPaths: readonly IdentityPath[]
  readonly roster: StampBook
}

/** Who knows whether it was us who wrote this into a state. */
export interface StampBook {
  isStampOf(user: string, joinedAtMs: number): boolean
}

/** What an entry of a connection's own clientID came to. */
type Effect = 'none' | 'acted' | 'changed' | 'renewed' | 'unacceptable'

export class Presence {
  readonly #options: PresenceOptions
  readonly #present = new Map<number, Present>()
  readonly #departed = new Departures()
  /** The clientID that each connection speaks for, from its first announcement to its end. */
  readonly #bound = new Map<PeerId, number>()

  constructor(options: PresenceOptions) {
    this.#options = options
  }

  /** clientIDs that are present. */
  get clientIds(): Iterable<number> {
    return this.#present.keys()
  }

  /** As which user a clientID is present. */
  userOf(clientId: number): string | undefined {
    return this.#present.get(clientId)?.user
  }

  /** Everybody who is present, as others see them. */
  *states(): Generator<{ clientId: number; user: string; state: AwarenessState }> {
    for (const [clientId, { user, entry, stateBytes }] of this.#present) {
      const json = textDecoder.decode(entry.subarray(entry.length - stateBytes))
      yield { clientId, user, state: JSON.parse(json) as AwarenessState }
    }
  }

  /** Whether it is on this connection that the clientID is present. */
  isPresentOn(peer: PeerId, clientId: number): boolean {
    return this.#present.get(clientId)?.owner === peer
  }

  clientIdOf(peer: PeerId): number | undefined {
    return this.#bound.get(peer)
  }

  /**
   * @param nowMs what a state that changes says of when its member was last seen
   * @throws malformed where the bytes are not an awareness update
   */
  announce(announcer: Announcer, update: Uint8Array, nowMs: number): AnnounceResult {
    const speaksFor = this.#bound.get(announcer.id)
    const { entries, skipped } = decodeAwareness(
      update,
      clientId => speaksFor === undefined || speaksFor === clientId,
    )
    const changed: number[] = []
    const renewed: number[] = []
    let nudge: Uint8Array | null = null
    let replaces: PeerId | null = null
    let dropped = skipped
    let isActivity = false
    for (const entry of entries) {
      const bound = this.#bound.get(announcer.id)
      if (bound === entry.clientId) {
        const effect = this.#update(announcer, entry, nowMs)
        if (effect === 'changed' || effect === 'acted') changed.push(bound)
        if (effect === 'acted') isActivity = true
        if (effect === 'renewed') renewed.push(bound)
        if (effect === 'unacceptable') dropped++
        continue
      }
      const first = bound === undefined ? this.#bind(announcer, entry) : null
      if (first === null) {
        dropped++
        continue
      }
      nudge = first.nudge
      replaces = first.replaces
      if (first.isVisible) changed.push(entry.clientId)
    }
    return { changed, renewed, nudge, replaces, dropped, isActivity }
  }

  /** The connection is closed. @returns the clientIDs whose removal peers must be sent */
  leave(peer: PeerId): number[] {
    const clientId = this.#bound.get(peer)
    this.#bound.delete(peer)
    if (clientId === undefined || this.#present.get(clientId)?.owner !== peer) return []
    this.#depart(clientId)
    return [clientId]
  }

  /** The latest of these clientIDs, to be sent; whoever is not known any more is left out. */
  batch(clientIds: Iterable<number>): AwarenessBatch {
    const entries = new Map<number, Uint8Array>()
    for (const clientId of clientIds) {
      const entry = this.#entryOf(clientId)
      if (entry !== null) entries.set(clientId, entry)
    }
    return new AwarenessBatch(entries)
  }

  /** Keeps what somebody has to know who is not told now: the clocks that these clientIDs have by now. */
  addClocks(clientIds: Iterable<number>, clocks: Map<number, number>): void {
    for (const clientId of clientIds) {
      const clock = this.#present.get(clientId)?.clock ?? this.#departed.clockOf(clientId)
      if (clock !== undefined) clocks.set(clientId, clock)
    }
  }

  /** The latest of these clientIDs: whoever is not known any more is gone. */
  missed(clocks: ReadonlyMap<number, number>): AwarenessBatch {
    const entries = new Map<number, Uint8Array>()
    for (const [clientId, clock] of clocks) {
      entries.set(clientId, this.#entryOf(clientId) ?? encodeEntry(clientId, clock, GONE))
    }
    return new AwarenessBatch(entries)
  }

  /** Peers were sent the latest of these clientIDs. */
  told(clientIds: Iterable<number>): void {
    for (const clientId of clientIds) {
      const present = this.#present.get(clientId)
      if (present !== undefined && present.clock > present.otherClock) present.isTold = true
      this.#departed.told(clientId)
    }
  }

  #entryOf(clientId: number): Uint8Array | null {
    const present = this.#present.get(clientId)
    if (present !== undefined) return present.entry
    const clock = this.#departed.clockOf(clientId)
    return clock === undefined ? null : encodeEntry(clientId, clock, GONE)
  }

  #update(announcer: Announcer, { clientId, clock, json }: AwarenessEntry, nowMs: number): Effect {
    const present = this.#present.get(clientId)
    const known = present?.clock ?? this.#departed.clockOf(clientId) ?? -1
    if (clock > MAX_CLOCK) return 'unacceptable'
    if (clock < known) return 'none'
    if (present !== undefined && isEqual(json, present.raw)) {
      if (clock === known) return 'none'
      present.clock = clock
      const state = present.entry.subarray(present.entry.length - present.stateBytes)
      present.entry = encodeEntry(clientId, clock, state)
      return present.isTold ? 'renewed' : 'changed'
    }
    const read = readState(json, this.#options.maxStateBytes)
    if (read.type === 'unacceptable') return 'unacceptable'
    if (present === undefined) {
      if (read.type === 'gone' || clock === known) return 'none'
      this.#arrive(announcer, { clientId, clock, json }, this.#stamped(read.state, announcer.stamp, nowMs))
      return 'acted'
    }
    if (read.type === 'gone') {
      present.clock = clock
      this.#depart(clientId)
      return 'changed'
    }
    if (clock === known) return 'none'
    present.clock = clock
    present.raw = new Uint8Array(json)
    const state = this.#stamped(read.state, announcer.stamp, nowMs)
    present.entry = encodeEntry(clientId, clock, state)
    present.stateBytes = state.length
    present.isTold = false
    return 'acted'
  }

  /** The first announcement of a connection, or null where it may not speak for this clientID. */
  #bind(announcer: Announcer, entry: AwarenessEntry) {
    const { clientId, clock, json } = entry
    const present = this.#present.get(clientId)
    const knownClock = present?.clock ?? this.#departed.clockOf(clientId)
    // Only what was sent to a connection can come back as an echo, and an echo never has a newer clock.
    if (present !== undefined && (announcer.hasPresence || present.user !== announcer.stamp.user)) return null
    if (knownClock !== undefined && announcer.hasPresence && clock <= knownClock) return null
    if (clock > MAX_CLOCK) return null
    const read = readState(json, this.#options.maxStateBytes)
    if (read.type !== 'state' || this.#isEcho(read.state)) return null
    // What an older connection sent may arrive late.
    if (present !== undefined && present.order > announcer.order) {
      return { nudge: null, replaces: announcer.id, isVisible: false }
    }
    this.#bound.set(announcer.id, clientId)
    if (present !== undefined) this.#bound.delete(present.owner)
    // A tab that passed on what it heard of another only loses what it never had.
    const replaces = present?.isSurelyOwn ? present.owner : null
    const latest = { clientId, clock: Math.max(clock, knownClock ?? 0), json }
    this.#arrive(announcer, latest, this.#stamped(read.state, announcer.stamp, 0), knownClock)
    if (knownClock === undefined) return { nudge: null, replaces, isVisible: true }
    // Peers ignore a state at a clock that they know. Told that it is gone, the client says so at a higher one
    // (y-websocket issue 122).
    const nudge = awarenessMessage(1, [encodeEntry(clientId, Math.max(clock, knownClock), GONE)])
    return { nudge, replaces, isVisible: clock > knownClock }
  }

  /** Whether it was the server that told the announcer of this state: nobody has a stamp on their own. */
  #isEcho(state: AwarenessState): boolean {
    const stamp = stampOn(state)
    return stamp !== null && this.#options.roster.isStampOf(stamp.user, stamp.joinedAtMs)
  }

  #stamped(state: AwarenessState, stamp: Stamp, nowMs: number): Uint8Array {
    const lastSeenMs = Math.max(nowMs, stamp.lastSeenMs)
    return stamped(state, { ...stamp, lastSeenMs }, this.#options.identityPaths)
  }

  #arrive(
    announcer: Announcer,
    { clientId, clock, json }: AwarenessEntry,
    told: Uint8Array,
    otherClock = 0,
  ): void {
    this.#departed.remove(clientId)
    this.#present.set(clientId, {
      clock,
      // The frame that it came in goes.
      raw: new Uint8Array(json),
      entry: encodeEntry(clientId, clock, told),
      stateBytes: told.length,
      isTold: false,
      otherClock,
      owner: announcer.id,
      order: announcer.order,
      user: announcer.stamp.user,
      // A client announces itself before it can have been told of others.
      isSurelyOwn: !announcer.hasPresence,
    })
  }

  #depart(clientId: number): void {
    const { clock } = this.#present.get(clientId)!
    this.#present.delete(clientId)
    this.#departed.add(clientId, clock)
  }
}

const textDecoder = new TextDecoder()
