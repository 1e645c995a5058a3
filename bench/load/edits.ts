/**
 * What is typed in a room, and what of it has reached whom. It knows when every character has arrived everywhere and how
 * long each took, and proves at the end, from the bytes that were sent, that all have the same document.
 */
import * as Y from 'yjs'
import { difference } from '../../test/support/same-document.js'
import { Latencies } from './latencies.js'
import { EMPTY_UPDATE } from './messages.js'
import { type ClockRange, type Payload, Payloads } from './payloads.js'
import { TEXT_NAME, Typist } from './typist.js'

/** What a member was sent. */
interface Copy {
  /** In the order of arrival, by their index in the payloads. */
  readonly received: number[]
  last: Payload
  /** By writer: all characters below have arrived. */
  readonly have: Int32Array
  /** What arrived before what it builds on, in order. */
  ahead: ClockRange[]
}

export class Edits {
  /** From when an edit was due to when another member had it; of those that were measured. */
  latencies = new Latencies()
  readonly #payloads = new Payloads()
  readonly #typists: readonly Typist[]
  readonly #writerOf: ReadonlyMap<number, number>
  readonly #dueMs: number[][]
  readonly #ownUpdates: Uint8Array[][]
  readonly #copies: Copy[] = []
  #undelivered = 0
  #delivered = 0

  /** @param writers their clientIDs: the first members */
  constructor(writers: readonly number[]) {
    this.#typists = writers.map(id => new Typist(id))
    this.#writerOf = new Map(writers.map((id, writer) => [id, writer]))
    this.#dueMs = writers.map(() => [])
    this.#ownUpdates = writers.map(() => [])
  }

  /** Characters that have not reached somebody who did not type them. */
  get undelivered(): number {
    return this.#undelivered
  }

  /** How often a character reached somebody who did not type it. */
  get delivered(): number {
    return this.#delivered
  }

  /** A member's copy, empty. */
  begin(member: number): void {
    this.#copies[member] = {
      received: [],
      last: this.#payloads.start,
      have: new Int32Array(this.#typists.length),
      ahead: [],
    }
  }

  /** The writer's next character, as an update. @param dueMs when it should have been typed */
  type(writer: number, dueMs: number): Uint8Array {
    const update = this.#typists[writer]!.type()
    this.#dueMs[writer]!.push(dueMs)
    this.#ownUpdates[writer]!.push(update)
    this.#undelivered += this.#copies.length - 1
    return update
  }

  /** What a member has typed and this state vector lacks. */
  typedBy(member: number, stateVector: Uint8Array): Uint8Array {
    return Y.diffUpdate(Y.mergeUpdates([...(this.#ownUpdates[member] ?? []), EMPTY_UPDATE]), stateVector)
  }

  /** A member was sent this. */
  receive(member: number, update: Uint8Array): void {
    const copy = this.#copies[member]!
    const payload = this.#payloads.after(copy.last, update)
    copy.last = payload
    copy.received.push(payload.index)
    for (const range of payload.ranges) {
      const writer = this.#writerOf.get(range.clientId)
      if (writer === undefined || writer === member) continue
      if (range.from > copy.have[writer]!) copy.ahead.push(range)
      else this.#count(copy, writer, range.to)
    }
    // Of what came too early it counts when what was before it has come: a document shows it no sooner.
    if (copy.ahead.length === 0) return
    for (const range of copy.ahead) {
      const writer = this.#writerOf.get(range.clientId)!
      if (range.from <= copy.have[writer]!) this.#count(copy, writer, range.to)
    }
    copy.ahead = copy.ahead.filter(({ clientId, to }) => to > copy.have[this.#writerOf.get(clientId)!]!)
  }

  /**
   * Everybody's document, made of the bytes that they were sent: all the same, with nothing pending.
   * @returns one of them
   * @throws Error that says what differs
   */
  expectConverged(): Y.Doc {
    const documents = new Map<string, Y.Doc>()
    for (const [member, { received }] of this.#copies.entries()) {
      // Who typed has its own characters, whether they were sent back or not.
      const isWriter = member < this.#typists.length
      const key = `${isWriter ? member : 'reader'} ${received.join(' ')}`
      if (documents.has(key)) continue
      const doc = new Y.Doc()
      doc.transact(() => {
        for (const update of this.#ownUpdates[member] ?? []) Y.applyUpdate(doc, update)
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

  #count(copy: Copy, writer: number, to: number): void {
    const nowMs = performance.now()
    const dueMs = this.#dueMs[writer]!
    for (let clock = copy.have[writer]!; clock < to; clock++) {
      this.latencies.add(nowMs - dueMs[clock]!)
      this.#undelivered--
      this.#delivered++
    }
    if (to > copy.have[writer]!) copy.have[writer] = to
  }
}
