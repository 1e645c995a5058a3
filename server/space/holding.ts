/**
 * Nobody takes the clocks that a client who is here will use next: Yjs knows an edit by client and clock alone, so
 * that whoever brings other content under them first has the owner's edits discarded as known. New clocks of a
 * client that is live on another user's connection are therefore left out, unacknowledged, and their sender is
 * asked for them again once the owner has delivered them or is gone. Nothing is kept of what is left out.
 */
import type { ClockRange, Guard } from './engine.js'
import { LeanMap } from './lean-collections.js'
import type { Inbound, Session } from './session.js'
import type { Delivery } from './update-store.js'

export interface HoldingOptions {
  readonly sessions: ReadonlySet<Session>
  readonly presence: {
    /** As which user a clientID is present. */
    userOf(clientId: number): string | undefined
    /** The clientID that is present on a connection. */
    clientIdOf(session: Session): number | null
  }
}

/** Of one sender so many clients are waited for; for any more it is asked too early. */
const MAX_CLIENTS = 64

/** What was left out of one sender's messages. */
interface Held {
  /** Of each client up to which clock. */
  readonly until: Map<number, number>
  /** Some of it has come since, or may be brought. */
  hasProgress: boolean
}

const SEVERAL = -1
const NONE = -2

export class Holding {
  readonly #options: HoldingOptions
  readonly #held = new LeanMap<Session, Held>()
  /** What this flush has brought. */
  #delivered: readonly Delivery[] = []
  /** Whose clients are live, as long as the flush lasts. */
  #owners: Map<number, string> | null = null

  constructor(options: HoldingOptions) {
    this.#options = options
  }

  /** What the engine has to leave out; undefined for nearly every message, at the cost of one look. */
  guardOf({ user, update }: Inbound): Guard | undefined {
    const client = clientIn(update)
    if (client === NONE) return
    if (client !== SEVERAL) {
      const presentAs = this.#options.presence.userOf(client)
      if (presentAs === undefined || presentAs === user) return
    }
    this.#owners ??= this.#liveOwners()
    return this.#owners.size === 0 ? undefined : { user, owners: this.#owners }
  }

  /** These were left out of what the session sent. */
  hold(session: Session, ranges: readonly ClockRange[]): void {
    const held = this.#held.get(session) ?? { until: new Map<number, number>(), hasProgress: false }
    this.#held.set(session, held)
    const { until } = held
    for (const { client, clock, length } of ranges) {
      if (until.size < MAX_CLIENTS || until.has(client)) {
        until.set(client, Math.max(clock + length, until.get(client) ?? 0))
      }
    }
  }

  isHeld(session: Session): boolean {
    return this.#held.has(session)
  }

  /** These clocks are here now. */
  delivered(deliveries: readonly Delivery[]): void {
    this.#delivered = this.#delivered.length === 0 ? deliveries : [...this.#delivered, ...deliveries]
  }

  leave(session: Session): void {
    this.#held.delete(session)
  }

  clear(): void {
    this.#held.clear()
    this.endFlush()
  }

  /** What comes next is judged anew. */
  endFlush(): void {
    this.#delivered = []
    this.#owners = null
  }

  /**
   * Who may bring now what was left out, each once. To be called at the end of a flush, and when somebody went.
   * Where an owner waits, too, their edits may build on each other's, and what has come may be what the sender's
   * own were waiting for.
   */
  release(): Session[] {
    if (this.#held.size === 0) return []
    const owners = this.#liveOwners()
    const { presence } = this.#options
    const waiting = new Set([...this.#held.keys()].map(session => presence.clientIdOf(session)))
    const free: Session[] = []
    for (const [session, held] of this.#held) {
      const { until } = held
      for (const { client, clock, length } of this.#delivered) {
        const end = until.get(client)
        if (end === undefined) continue
        held.hasProgress = true
        if (clock + length >= end) until.delete(client)
      }
      for (const client of until.keys()) {
        const owner = owners.get(client)
        if (owner !== undefined && owner !== session.access.user) continue
        held.hasProgress = true
        until.delete(client)
      }
      const isStuck = held.hasProgress && [...until.keys()].some(client => waiting.has(client))
      if (until.size > 0 && !isStuck) continue
      this.#held.delete(session)
      free.push(session)
    }
    return free
  }

  /** Before a connection has said what it has, others may be bringing back what a crash took from it. */
  #liveOwners(): Map<number, string> {
    const { sessions, presence } = this.#options
    const owners = new Map<number, string>()
    for (const session of sessions) {
      const client = session.ledger.replies > 0 ? presence.clientIdOf(session) : null
      if (client !== null) owners.set(client, session.access.user)
    }
    return owners
  }
}

/** The client of an update's structs, from its first bytes; they may be anything. */
const clientIn = (update: Uint8Array): number => {
  if (update[0] === 0) return NONE
  if (update[0] !== 1) return SEVERAL
  let at = 1
  while ((update[at] ?? 0) >= 0x80) at++
  let client = 0
  for (let factor = 1; ; factor *= 128) {
    const byte = update[++at] ?? 0
    client += (byte & 0x7f) * factor
    if (byte < 0x80) return client
  }
}
