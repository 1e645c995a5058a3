/**
 * Who announces which awareness state in one space. A connection speaks for one clientID only; the server never
 * changes a clock; a clientID that peers already know is made visible again by a nudge. No I/O and no clock:
 * every call returns what has to be sent.
 */
import { type AwarenessEntry, decodeAwareness, encodeAwarenessMessage } from './awareness-codec.js'
import type { PeerId } from './peer.js'

/** How many clientIDs that left are remembered with their last clock, the oldest forgotten first. */
const MAX_DEPARTED = 2048

/** A connection as presence sees it. */
export interface Announcer {
  readonly id: PeerId
  readonly user: string
  /** Which connection of the space it was: the later of two has the greater number. */
  readonly order: number
  /** Whether others' entries were sent to it: stock clients send every entry that they receive back. */
  readonly hasPresence: boolean
}

export interface AnnounceResult {
  /** clientIDs whose entry peers must be sent. */
  readonly changed: readonly number[]
  /** To be sent to the announcer alone, or null. */
  readonly nudge: Uint8Array | null
  /** The connection that has to go for the other of the same client: the older of the two; or null. */
  readonly replaces: PeerId | null
  /** Entries dropped without an effect. */
  readonly dropped: number
}

interface Present {
  clock: number
  state: string
  owner: PeerId
  order: number
  user: string
}

export class Presence {
  readonly #maxStateBytes: number
  readonly #present = new Map<number, Present>()
  readonly #departed = new Map<number, { readonly clock: number }>()
  /** The clientID that each connection speaks for, from its first announcement to its end. */
  readonly #bound = new Map<PeerId, number>()

  constructor(options: { readonly maxStateBytes: number }) {
    this.#maxStateBytes = options.maxStateBytes
  }

  /** clientIDs that are present. */
  get clientIds(): number[] {
    return [...this.#present.keys()]
  }

  clientIdOf(peer: PeerId): number | undefined {
    return this.#bound.get(peer)
  }

  /** @throws malformed where the bytes are not an awareness update */
  announce(announcer: Announcer, update: Uint8Array): AnnounceResult {
    const { entries, dropped: unacceptable } = decodeAwareness(update, this.#maxStateBytes)
    const changed: number[] = []
    let nudge: Uint8Array | null = null
    let replaces: PeerId | null = null
    let dropped = unacceptable
    for (const entry of entries) {
      const bound = this.#bound.get(announcer.id)
      if (bound === entry.clientId) {
        if (this.#update(announcer, entry)) changed.push(entry.clientId)
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
    return { changed, nudge, replaces, dropped }
  }

  /** The connection is closed. @returns the clientIDs whose removal peers must be sent */
  leave(peer: PeerId): number[] {
    const clientId = this.#bound.get(peer)
    this.#bound.delete(peer)
    if (clientId === undefined || this.#present.get(clientId)?.owner !== peer) return []
    this.#depart(clientId)
    return [clientId]
  }

  /** One frame with the latest of these clientIDs but `except`; null where nothing is left to say. */
  encode(clientIds: Iterable<number>, except: number | undefined): Uint8Array | null {
    const entries: AwarenessEntry[] = []
    for (const clientId of clientIds) {
      if (clientId === except) continue
      const present = this.#present.get(clientId)
      const clock = present?.clock ?? this.#departed.get(clientId)?.clock
      if (clock !== undefined) entries.push({ clientId, clock, state: present?.state ?? null })
    }
    return entries.length === 0 ? null : encodeAwarenessMessage(entries)
  }

  /** @returns whether peers have to hear of it */
  #update(announcer: Announcer, { clientId, clock, state }: AwarenessEntry): boolean {
    const present = this.#present.get(clientId)
    if (present === undefined) {
      const known = this.#departed.get(clientId)?.clock ?? -1
      if (state === null || clock <= known) return false
      this.#arrive(announcer, clientId, clock, state)
      return true
    }
    if (clock < present.clock || (clock === present.clock && state !== null)) return false
    if (state === null) {
      present.clock = clock
      this.#depart(clientId)
    } else {
      present.clock = clock
      present.state = state
    }
    return true
  }

  /** The first announcement of a connection, or null where it may not speak for this clientID. */
  #bind(announcer: Announcer, entry: AwarenessEntry) {
    const { clientId, clock, state } = entry
    if (state === null) return null
    const present = this.#present.get(clientId)
    const knownClock = present?.clock ?? this.#departed.get(clientId)?.clock
    // Only what was sent to a connection can come back as an echo, and an echo never has a newer clock.
    if (present !== undefined && (announcer.hasPresence || present.user !== announcer.user)) return null
    if (knownClock !== undefined && announcer.hasPresence && clock <= knownClock) return null
    // What an older connection sent may arrive late.
    if (present !== undefined && present.order > announcer.order) {
      return { nudge: null, replaces: announcer.id, isVisible: false }
    }
    this.#bound.set(announcer.id, clientId)
    const replaces = present?.owner ?? null
    if (replaces !== null) this.#bound.delete(replaces)
    this.#arrive(announcer, clientId, Math.max(clock, knownClock ?? 0), state)
    if (knownClock === undefined) return { nudge: null, replaces, isVisible: true }
    // Peers ignore a state at a clock that they know. Told that it is gone, the client says so at a higher one
    // (y-websocket issue 122).
    const nudge = encodeAwarenessMessage([{ clientId, clock: Math.max(clock, knownClock), state: null }])
    return { nudge, replaces, isVisible: clock > knownClock }
  }

  #arrive(announcer: Announcer, clientId: number, clock: number, state: string): void {
    this.#departed.delete(clientId)
    this.#present.set(clientId, {
      clock,
      state,
      owner: announcer.id,
      order: announcer.order,
      user: announcer.user,
    })
  }

  #depart(clientId: number): void {
    const { clock } = this.#present.get(clientId)!
    this.#present.delete(clientId)
    this.#departed.set(clientId, { clock })
    if (this.#departed.size > MAX_DEPARTED) this.#departed.delete(this.#departed.keys().next().value!)
  }
}
