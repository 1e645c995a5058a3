/**
 * Clients of one space: connected together, renewed and echoing as stock ones, some of them typing, moving or leaving;
 * and what each of them sees of it.
 */
import * as prng from 'lib0/prng'
import type * as Y from 'yjs'
import type { RunningServer } from '../targets/target.js'
import { Departures } from './departures.js'
import { Edits } from './edits.js'
import type { Latencies } from './latencies.js'
import { EMPTY_STATE, LoadClient } from './load-client.js'
import { updateMessage } from './messages.js'
import { AwarenessFrames, PresenceEcho, type PresenceNews } from './presence-echo.js'
import { Sightings } from './sightings.js'

export interface RoomOptions {
  readonly server: RunningServer
  readonly space: string
  readonly clients: number
  /** The first so many of them type. */
  readonly writers: number
  readonly seed: number
  /** JSON; each client's state at first. `{}`, that of a stock provider whose app sets none, without it; null: none. */
  readonly stateOf?: (member: number) => string | null
  readonly isDeflating?: boolean
  /** How many connect at a time. */
  readonly joiningAtOnce?: number
  /** How many may join later, one at a time. */
  readonly laterClients?: number
}

interface Member {
  readonly client: LoadClient
  readonly presence: PresenceEcho
  /** What it says of itself, and the clock at which it said so first. */
  state: string | null
  stateClock: number
  renewAtMs: number
  isHere: boolean
}

const RENEW_EVERY_MS = 15_000
const RENEWAL_CHECK_MS = 1_000
const CHECK_MS = 5

export class Room {
  /** Of the states that were announced with a time; those before are forgotten with the old one. */
  sightings = new Sightings()
  departures = new Departures()
  readonly #options: RoomOptions
  readonly #edits: Edits
  readonly #members: Member[] = []
  readonly #ids: readonly number[]
  readonly #frames: AwarenessFrames
  readonly #random: prng.PRNG
  #renewals: NodeJS.Timeout | null = null

  private constructor(options: RoomOptions) {
    this.#options = options
    const random = prng.create(options.seed)
    const ids = Array.from({ length: options.clients + (options.laterClients ?? 0) }, () =>
      prng.uint32(random, 1, 2 ** 32 - 1),
    )
    this.#edits = new Edits(ids.slice(0, options.writers))
    this.#ids = ids
    this.#frames = new AwarenessFrames(new Map(ids.map((id, member) => [id, member])))
    this.#random = random
  }

  /** Resolves when all clients have been answered. */
  static async open(options: RoomOptions): Promise<Room> {
    const room = new Room(options)
    try {
      await room.#joinAll()
    } catch (error) {
      room.close()
      throw error
    }
    return room
  }

  get members(): readonly LoadClient[] {
    return this.#members.map(({ client }) => client)
  }

  /** How often a character reached somebody who did not type it. */
  get deliveries(): number {
    return this.#edits.delivered
  }

  /** From when an edit was due to when another client had it; of those that were measured. */
  get latencies(): Latencies {
    return this.#edits.latencies
  }

  set latencies(latencies: Latencies) {
    this.#edits.latencies = latencies
  }

  get receivedBytes(): number {
    return this.#members.reduce((sum, { client }) => sum + client.receivedBytes, 0)
  }

  /** The writer's next character. @param dueMs when it should have been typed */
  type(writer: number, dueMs: number): void {
    this.#members[writer]!.client.send(updateMessage(this.#edits.type(writer, dueMs)))
  }

  /** A member's awareness state. @param state JSON @param dueMs when it should have been announced, if that is measured */
  announce(member: number, state: string, dueMs?: number): void {
    const announcing = this.#members[member]!
    const { client, presence } = announcing
    announcing.renewAtMs = performance.now() + RENEW_EVERY_MS
    if (dueMs !== undefined) this.sightings.moved(member, presence.own + 1, dueMs)
    client.announce(state)
    if (state === announcing.state) return
    announcing.state = state
    announcing.stateClock = presence.own
  }

  /** How many others each member knows to be there, at least. */
  get fewestKnown(): number {
    return Math.min(...this.#here.map(({ presence }) => presence.others))
  }

  /** How many others a member knows to be there, at most. */
  get mostKnown(): number {
    return Math.max(...this.#here.map(({ presence }) => presence.others))
  }

  /**
   * Whether everybody knows the last state of the first so many, and its last renewal where clients need them; the
   * last to announce are looked at first.
   */
  isKnown(members: number): boolean {
    const here = this.#here
    for (let member = members - 1; member >= 0; member--) {
      const { presence: own, stateClock } = this.#members[member]!
      const clock = this.#options.server.dialect.needsRenewals ? own.own : stateClock
      for (const { presence } of here) if (presence.clockOf(member) < clock) return false
    }
    return true
  }

  /** How long the last member has been waiting for a state of the first so many. */
  behindMs(members: number): number {
    const nowMs = performance.now()
    const last = this.#members.length - 1
    const waits = Array.from({ length: Math.min(members, last) }, (_, member) =>
      this.sightings.behindMs(member, this.#members[last]!.presence.clockOf(member), nowMs),
    )
    return Math.max(0, ...waits)
  }

  /** One of those who may join later. Resolves when it was answered. */
  async join(): Promise<void> {
    await this.#join(this.#members.length)
  }

  /** A member goes: it closes, or its connection stays open and nothing comes of it any more. */
  leave(member: number, how: 'closes' | 'falls silent'): void {
    const { client } = this.#members[member]!
    this.#members[member]!.isHere = false
    const others = [...this.#members.keys()].filter(other => this.#members[other]!.isHere)
    this.departures.left(member, performance.now(), others)
    if (how === 'closes') client.close()
    else client.fallSilent()
  }

  /** From here on nobody says again what was said. */
  stopRenewing(): void {
    if (this.#renewals !== null) clearInterval(this.#renewals)
  }

  /** Resolves when every character has reached everybody. @throws Error after the time, with what is missing */
  async whenDelivered(timeoutMs: number): Promise<void> {
    await this.until('every edit has reached everybody', () => this.#edits.undelivered === 0, timeoutMs)
  }

  /** @throws Error after the time, or when a client was closed */
  async until(what: string, isReached: () => boolean, timeoutMs: number): Promise<void> {
    const deadlineMs = performance.now() + timeoutMs
    while (!isReached()) {
      this.#expectOpen()
      if (performance.now() > deadlineMs) {
        throw new Error(
          `not within ${timeoutMs} ms: ${what} (${this.#edits.undelivered} deliveries are missing)`,
        )
      }
      await new Promise(resolve => setTimeout(resolve, CHECK_MS))
    }
  }

  /** @returns everybody's document @throws Error that says what differs */
  expectConverged(): Y.Doc {
    this.#expectOpen()
    return this.#edits.expectConverged()
  }

  /** Idempotent. */
  close(): void {
    if (this.#renewals !== null) clearInterval(this.#renewals)
    for (const { client } of this.#members) client.terminate()
  }

  get #here(): Member[] {
    return this.#members.filter(({ isHere }) => isHere)
  }

  async #joinAll(): Promise<void> {
    const { clients, joiningAtOnce = 20 } = this.#options
    this.#renewals = setInterval(() => this.#renew(), RENEWAL_CHECK_MS)
    for (let next = 0; next < clients; next += joiningAtOnce) {
      const joining = Array.from({ length: Math.min(joiningAtOnce, clients - next) }, (_, i) =>
        this.#join(next + i),
      )
      await Promise.all(joining)
    }
  }

  async #join(index: number): Promise<void> {
    const { isDeflating = false, server, space, stateOf } = this.#options
    const presence = new PresenceEcho(index, this.#ids.length, news => this.#hear(index, news))
    const address = await server.address(space, `user-${index}`)
    const state = stateOf === undefined ? EMPTY_STATE : stateOf(index)
    const client = new LoadClient({
      address,
      dialect: server.dialect,
      space,
      clientId: this.#ids[index]!,
      state,
      presence,
      frames: this.#frames,
      isDeflating,
      ownUpdate: stateVector => this.#edits.typedBy(index, stateVector),
      onUpdate: update => this.#edits.receive(index, update),
    })
    const member: Member = {
      client,
      presence,
      state,
      stateClock: presence.own,
      // As if they had come at different times.
      renewAtMs: performance.now() + RENEW_EVERY_MS * (0.2 + 0.8 * this.#random.next()),
      isHere: true,
    }
    this.#members[index] = member
    this.#edits.begin(index)
    await client.synced
  }

  #hear(by: number, { member, hasLeft, ...clocks }: PresenceNews): void {
    const nowMs = performance.now()
    if (hasLeft) this.departures.noticed(member, by, nowMs)
    else this.sightings.saw(member, { ...clocks, nowMs })
  }

  #renew(): void {
    const nowMs = performance.now()
    for (const member of this.#members) {
      if (member === undefined || !member.isHere || member.renewAtMs > nowMs) continue
      member.renewAtMs = nowMs + RENEW_EVERY_MS
      member.client.renew()
    }
  }

  #expectOpen(): void {
    for (const { client, isHere } of this.#members) {
      const closed = client.closedWith
      if (isHere && closed !== null) throw new Error(`a client was closed: ${closed.code} ${closed.reason}`)
    }
  }
}
