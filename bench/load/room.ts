/**
 * Clients of one space: connected together, renewed and echoing as stock ones, some of them typing. It knows when
 * every edit has reached everybody and how long each took, and proves at the end that all have the same document.
 */
import * as prng from 'lib0/prng'
import * as Y from 'yjs'
import { difference } from '../../test/support/same-document.js'
import type { RunningServer } from '../targets/target.js'
import { Departures } from './departures.js'
import { Latencies } from './latencies.js'
import { EMPTY_STATE, LoadClient } from './load-client.js'
import { EMPTY_UPDATE, updateMessage } from './messages.js'
import { type ClockRange, type Payload, Payloads } from './payloads.js'
import { AwarenessFrames, PresenceEcho, type PresenceNews } from './presence-echo.js'
import { Sightings } from './sightings.js'
import { TEXT_NAME, Typist } from './typist.js'

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
  /** In the order of arrival, by their index in the room's payloads. */
  readonly received: number[]
  last: Payload
  /** By writer: all characters below have arrived. */
  readonly have: Int32Array
  /** What arrived before what it builds on, in order. */
  ahead: ClockRange[]
  renewAtMs: number
  isHere: boolean
}

const RENEW_EVERY_MS = 15_000
const RENEWAL_CHECK_MS = 1_000
const CHECK_MS = 5

export class Room {
  /** From when an edit was due to when another client had it; of those that were measured. */
  latencies = new Latencies()
  /** Of the states that were announced with a time; those before are forgotten with the old one. */
  sightings = new Sightings()
  departures = new Departures()
  readonly #options: RoomOptions
  readonly #payloads = new Payloads()
  readonly #typists: Typist[]
  readonly #writerOf: ReadonlyMap<number, number>
  readonly #dueMs: number[][]
  readonly #ownUpdates: Uint8Array[][]
  readonly #members: Member[] = []
  readonly #ids: readonly number[]
  readonly #frames: AwarenessFrames
  readonly #random: prng.PRNG
  /** Characters that have not reached somebody who did not type them. */
  #undelivered = 0
  #delivered = 0
  #renewals: NodeJS.Timeout | null = null

  private constructor(options: RoomOptions) {
    this.#options = options
    const random = prng.create(options.seed)
    const ids = Array.from({ length: options.clients + (options.laterClients ?? 0) }, () =>
      prng.uint32(random, 1, 2 ** 32 - 1),
    )
    this.#typists = ids.slice(0, options.writers).map(id => new Typist(id))
    this.#writerOf = new Map(this.#typists.map(({ clientId }, writer) => [clientId, writer]))
    this.#dueMs = this.#typists.map(() => [])
    this.#ownUpdates = this.#typists.map(() => [])
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
    return this.#delivered
  }

  get receivedBytes(): number {
    return this.#members.reduce((sum, { client }) => sum + client.receivedBytes, 0)
  }

  /** The writer's next character. @param dueMs when it should have been typed */
  type(writer: number, dueMs: number): void {
    const update = this.#typists[writer]!.type()
    this.#dueMs[writer]!.push(dueMs)
    this.#ownUpdates[writer]!.push(update)
    this.#undelivered += this.#members.length - 1
    this.#members[writer]!.client.send(updateMessage(update))
  }

  /** A member's awareness state. @param state JSON @param dueMs when it should have been announced, if that is measured */
  announce(member: number, state: string, dueMs?: number): void {
    const { client, presence } = this.#members[member]!
    this.#members[member]!.renewAtMs = performance.now() + RENEW_EVERY_MS
    if (dueMs !== undefined) this.sightings.moved(member, presence.own + 1, dueMs)
    client.announce(state)
  }

  /** How many others each member knows to be there, at least. */
  get fewestKnown(): number {
    return Math.min(...this.#here.map(({ presence }) => presence.others))
  }

  /** How many others a member knows to be there, at most. */
  get mostKnown(): number {
    return Math.max(...this.#here.map(({ presence }) => presence.others))
  }

  /** Whether everybody knows the last state of the first so many; the last to announce are looked at first. */
  isKnown(members: number): boolean {
    const here = this.#here
    for (let member = members - 1; member >= 0; member--) {
      const clock = this.#members[member]!.presence.own
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
    await this.until('every edit has reached everybody', () => this.#undelivered === 0, timeoutMs)
  }

  /** @throws Error after the time, or when a client was closed */
  async until(what: string, isReached: () => boolean, timeoutMs: number): Promise<void> {
    const deadlineMs = performance.now() + timeoutMs
    while (!isReached()) {
      this.#expectOpen()
      if (performance.now() > deadlineMs) {
        throw new Error(`not within ${timeoutMs} ms: ${what} (${this.#undelivered} deliveries are missing)`)
      }
      await new Promise(resolve => setTimeout(resolve, CHECK_MS))
    }
  }

  /**
   * Everybody's document, made of the bytes that they were sent: all the same, with nothing pending.
   * @returns one of them
   * @throws Error that says what differs
   */
  expectConverged(): Y.Doc {
    this.#expectOpen()
    const documents = new Map<string, Y.Doc>()
    for (const [index, { received }] of this.#members.entries()) {
      // Who typed has its own characters, whether they were sent back or not.
      const isWriter = index < this.#typists.length
      const key = `${isWriter ? index : 'reader'} ${received.join(' ')}`
      if (documents.has(key)) continue
      const doc = new Y.Doc()
      doc.transact(() => {
        for (const update of this.#ownUpdates[index] ?? []) Y.applyUpdate(doc, update)
        for (const payload of received) Y.applyUpdate(doc, this.#payloads.at(payload).bytes)
      })
      doc.getText(TEXT_NAME)
      documents.set(key, doc)
    }
    const [first, ...others] = documents.values()
    const typed = this.#typists.reduce((sum, { clock }) => sum + clock, 0)
    if (first!.getText(TEXT_NAME).length < typed)
      throw new Error('it does not converge: characters are missing')
    for (const doc of others) {
      const differs = difference(first!, doc)
      if (differs !== null) throw new Error(`it does not converge: ${differs}`)
    }
    return first!
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
    const { isDeflating = false, server, space, stateOf, writers } = this.#options
    const presence = new PresenceEcho(index, this.#ids.length, news => this.#hear(index, news))
    const address = await server.address(space, `user-${index}`)
    const client = new LoadClient({
      address,
      dialect: server.dialect,
      space,
      clientId: this.#ids[index]!,
      state: stateOf === undefined ? EMPTY_STATE : stateOf(index),
      presence,
      frames: this.#frames,
      isDeflating,
      ownUpdate: stateVector =>
        Y.diffUpdate(Y.mergeUpdates([...(this.#ownUpdates[index] ?? []), EMPTY_UPDATE]), stateVector),
      onUpdate: update => this.#receive(member, index, update),
    })
    const member: Member = {
      client,
      presence,
      received: [],
      last: this.#payloads.start,
      have: new Int32Array(writers),
      ahead: [],
      // As if they had come at different times.
      renewAtMs: performance.now() + RENEW_EVERY_MS * (0.2 + 0.8 * this.#random.next()),
      isHere: true,
    }
    this.#members[index] = member
    await client.synced
  }

  #hear(by: number, { member, hasLeft, ...clocks }: PresenceNews): void {
    const nowMs = performance.now()
    if (hasLeft) this.departures.noticed(member, by, nowMs)
    else this.sightings.saw(member, { ...clocks, nowMs })
  }

  #receive(member: Member, index: number, update: Uint8Array): void {
    const payload = this.#payloads.after(member.last, update)
    member.last = payload
    member.received.push(payload.index)
    for (const range of payload.ranges) {
      const writer = this.#writerOf.get(range.clientId)
      if (writer === undefined || writer === index) continue
      if (range.from > member.have[writer]!) member.ahead.push(range)
      else this.#count(member, writer, range.to)
    }
    // Of what came too early it counts when what was before it has come: a document shows it no sooner.
    if (member.ahead.length === 0) return
    for (const range of member.ahead) {
      const writer = this.#writerOf.get(range.clientId)!
      if (range.from <= member.have[writer]!) this.#count(member, writer, range.to)
    }
    member.ahead = member.ahead.filter(({ clientId, to }) => to > member.have[this.#writerOf.get(clientId)!]!)
  }

  #count(member: Member, writer: number, to: number): void {
    const nowMs = performance.now()
    const dueMs = this.#dueMs[writer]!
    for (let clock = member.have[writer]!; clock < to; clock++) {
      this.latencies.add(nowMs - dueMs[clock]!)
      this.#undelivered--
      this.#delivered++
    }
    if (to > member.have[writer]!) member.have[writer] = to
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
