/**
 * Who announces which awareness state in one space. A connection speaks for one clientID only; the server never
 * changes a clock; a clientID that peers already know is made visible again by a nudge. States are
 * stamped when somebody is to see them, and kept as bytes. No I/O and no clock: every call returns what has to be sent.
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
import { concat, copyOf, isEqual } from './byte-strings.js'
import { Departures } from './departures.js'
import type { SpaceLimits } from './limits.js'
import { type AwarenessState, type IdentityPath, type Stamp, stamped, stampOn } from './stamp.js'

/** Peers compare clocks as numbers; one near 2^53 could never be passed again. */
const MAX_CLOCK = 2 ** 32

/** A connection as presence sees it. */
export interface Announcer {
  /** Which connection of the space it was: the later of two has the greater number. */
  readonly order: number
  /** Whether others' entries were sent to it: stock clients send every entry that they receive back. */
  readonly hasPresence: boolean
  /** The clientID that it speaks for, from its first announcement to its end; null before. Presence alone sets it. */
  clientId: number | null
}

export interface AnnounceResult<Connection> {
  /** clientIDs whose entry peers must be sent. */
  readonly changed: readonly number[]
  /** clientIDs of which peers know everything but the latest clock. */
  readonly renewed: readonly number[]
  /** To be sent to the announcer alone, or null. */
  readonly nudge: Uint8Array | null
  /** The connection that has to go for the other of the same client: the older of the two; or null. */
  readonly replaces: Connection | null
  /** Entries dropped without an effect. */
  readonly dropped: number
  /** Whether somebody who was present has another state: the member did something. */
  readonly isActivity: boolean
}

interface Present<Connection> {
  clock: number
  /** JSON in UTF-8: the state as others see it, and behind it, as it came. In one piece, which each member costs. */
  bytes: Uint8Array
  toldBytes: number
  /** What others are to see, until somebody looks: many a state is replaced before. The bytes are as it came. */
  unstamped: Unstamped | null
  /** Peers were sent this state, and took it. */
  isTold: boolean
  /** Peers take this state at a later clock only: they may know another at this one, and nobody takes a first at 0. */
  otherClock: number
  owner: Connection
  user: string
  /** Not something that was heard of another tab before the server told of it. */
  isSurelyOwn: boolean
}

/** A state, and what is to be written into it. */
interface Unstamped {
  readonly state: AwarenessState
  readonly stamp: Stamp
}

export interface PresenceOptions {
  readonly limits: Pick<SpaceLimits, 'maxAwarenessBytes'>
  readonly identityPaths: readonly IdentityPath[]
  readonly roster: StampBook
}

/** Who knows whether it was us who wrote this into a state. */
export interface StampBook {
  isStampOf(user: string, joinedAtMs: number): boolean
}

/** What an entry of a connection's own clientID came to. */
type Effect = 'none' | 'acted' | 'changed' | 'renewed' | 'unacceptable'

export class Presence<Connection extends Announcer> {
  readonly #options: PresenceOptions
  readonly #present = new Map<number, Present<Connection>>()
  readonly #departed = new Departures()

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
    for (const [clientId, present] of this.#present) {
      const json = textDecoder.decode(this.#toldOf(present))
      yield { clientId, user: present.user, state: JSON.parse(json) as AwarenessState }
    }
  }

  /** The clientID that is present on this connection. */
  clientIdOn(connection: Connection): number | null {
    const { clientId } = connection
    return clientId !== null && this.#present.get(clientId)?.owner === connection ? clientId : null
  }

  /**
   * @param stamp what is written into its states; `lastSeenMs` only while they do not change
   * @param nowMs what a state that changes says of when its member was last seen
   * @throws malformed where the bytes are not an awareness update
   */
  announce(
    announcer: Connection,
    update: Uint8Array,
    { stamp, nowMs }: { readonly stamp: Stamp; readonly nowMs: number },
  ): AnnounceResult<Connection> {
    const speaksFor = announcer.clientId
    const { entries, skipped } = decodeAwareness(
      update,
      clientId => speaksFor === null || speaksFor === clientId,
    )
    const changed: number[] = []
    const renewed: number[] = []
    let nudge: Uint8Array | null = null
    let replaces: Connection | null = null
    let dropped = skipped
    let isActivity = false
    for (const entry of entries) {
      const bound = announcer.clientId
      if (bound === entry.clientId) {
        const effect = this.#update(announcer, entry, { stamp, nowMs })
        if (effect === 'changed' || effect === 'acted') changed.push(bound)
        if (effect === 'acted') isActivity = true
        if (effect === 'renewed') renewed.push(bound)
        if (effect === 'unacceptable') dropped++
        continue
      }
      const first = bound === null ? this.#bind(announcer, entry, stamp) : null
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
  leave(connection: Connection): number[] {
    const clientId = this.clientIdOn(connection)
    connection.clientId = null
    if (clientId === null) return []
    this.#depart(clientId)
    return [clientId]
  }

  /** The latest of these clientIDs, to be sent; whoever is not known any more is left out. */
  batch(clientIds: Iterable<number>): AwarenessBatch {
    const entries: AwarenessEntry[] = []
    for (const clientId of clientIds) {
      const entry = this.#entryOf(clientId)
      if (entry !== null) entries.push(entry)
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
    const entries: AwarenessEntry[] = []
    for (const [clientId, clock] of clocks) {
      entries.push(this.#entryOf(clientId) ?? { clientId, clock, json: GONE })
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

  #entryOf(clientId: number): AwarenessEntry | null {
    const present = this.#present.get(clientId)
    if (present !== undefined) return { clientId, clock: present.clock, json: this.#toldOf(present) }
    const clock = this.#departed.clockOf(clientId)
    return clock === undefined ? null : { clientId, clock, json: GONE }
  }

  #update(
    announcer: Connection,
    { clientId, clock, json }: AwarenessEntry,
    { stamp, nowMs }: { readonly stamp: Stamp; readonly nowMs: number },
  ): Effect {
    const present = this.#present.get(clientId)
    const known = present?.clock ?? this.#departed.clockOf(clientId) ?? -1
    if (clock > MAX_CLOCK) return 'unacceptable'
    if (clock < known) return 'none'
    if (present !== undefined && isEqual(json, rawOf(present))) {
      if (clock === known) return 'none'
      present.clock = clock
      return present.isTold ? 'renewed' : 'changed'
    }
    const read = readState(json, this.#options.limits.maxAwarenessBytes)
    if (read.type === 'unacceptable') return 'unacceptable'
    if (present === undefined) {
      if (read.type === 'gone' || clock === known) return 'none'
      const unstamped = { state: read.state, stamp: seenAt(nowMs, stamp) }
      this.#arrive(announcer, { clientId, clock, json }, { unstamped, otherClock: 0 })
      return 'acted'
    }
    if (read.type === 'gone') {
      present.clock = clock
      this.#depart(clientId)
      return 'changed'
    }
    if (clock === known) return 'none'
    present.clock = clock
    present.bytes = copyOf(json)
    present.toldBytes = 0
    present.unstamped = { state: read.state, stamp: seenAt(nowMs, stamp) }
    present.isTold = false
    return 'acted'
  }

  /** The first announcement of a connection, or null where it may not speak for this clientID. */
  #bind(announcer: Connection, entry: AwarenessEntry, stamp: Stamp) {
    const { clientId, clock, json } = entry
    const present = this.#present.get(clientId)
    const knownClock = present?.clock ?? this.#departed.clockOf(clientId)
    // Only what was sent to a connection can come back as an echo, and an echo never has a newer clock.
    if (present !== undefined && (announcer.hasPresence || present.user !== stamp.user)) return null
    if (knownClock !== undefined && announcer.hasPresence && clock <= knownClock) return null
    if (clock > MAX_CLOCK) return null
    const read = readState(json, this.#options.limits.maxAwarenessBytes)
    if (read.type !== 'state' || this.#isEcho(read.state)) return null
    // What an older connection sent may arrive late.
    if (present !== undefined && present.owner.order > announcer.order) {
      return { nudge: null, replaces: announcer, isVisible: false }
    }
    if (present !== undefined) present.owner.clientId = null
    announcer.clientId = clientId
    // A tab that passed on what it heard of another only loses what it never had.
    const replaces = present?.isSurelyOwn ? present.owner : null
    const latest = { clientId, clock: Math.max(clock, knownClock ?? 0), json }
    this.#arrive(announcer, latest, {
      unstamped: { state: read.state, stamp },
      otherClock: knownClock ?? 0,
    })
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

  #toldOf(present: Present<Connection>): Uint8Array {
    const { unstamped } = present
    if (unstamped !== null) {
      const told = stamped(unstamped.state, unstamped.stamp, this.#options.identityPaths)
      present.bytes = concat([told, present.bytes])
      present.toldBytes = told.length
      present.unstamped = null
    }
    return present.bytes.subarray(0, present.toldBytes)
  }

  #arrive(
    announcer: Connection,
    { clientId, clock, json }: AwarenessEntry,
    { unstamped, otherClock }: { unstamped: Unstamped; otherClock: number },
  ): void {
    this.#departed.remove(clientId)
    this.#present.set(clientId, {
      clock,
      bytes: copyOf(json),
      toldBytes: 0,
      unstamped,
      isTold: false,
      otherClock,
      owner: announcer,
      user: unstamped.stamp.user,
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

const seenAt = (nowMs: number, stamp: Stamp): Stamp =>
  nowMs <= stamp.lastSeenMs ? stamp : { ...stamp, lastSeenMs: nowMs }

const rawOf = ({ bytes, toldBytes }: Present<unknown>): Uint8Array => bytes.subarray(toldBytes)

const textDecoder = new TextDecoder()
