/**
 * Joins consecutive updates of one Yjs client into one update, typed text into one struct: integrating a burst
 * of keystrokes then costs what one costs. Only what is known to fit is joined, so that a run never leaves
 * anything pending, and the content is the same as if each had been applied by itself.
 */
import * as encoding from 'lib0/encoding'
import type { ClockRange } from '../engine.js'
import { CONTENT, INFO } from './update-format.js'
import type { StructBytes, StructId, UpdateFacts } from './update-reader.js'

/** How many clocks of a client the document has. */
export type KnownClocks = (client: number) => number

interface Member {
  readonly index: number
  readonly update: Uint8Array
  readonly facts: UpdateFacts
}

/** An update that is one piece of text behind the same client's last. */
interface Typed {
  readonly info: number
  readonly origin: StructId
  readonly rightOrigin: StructId | null
  readonly text: Uint8Array
}

/** A text under a parent's key is no typing. */
const KIND = INFO.content | INFO.hasParentSub

export class Run {
  readonly client: number
  readonly members: Member[] = []
  readonly #start: number
  #end: number

  /** @param clock how much of the client the document has */
  constructor(client: number, clock: number) {
    this.client = client
    this.#start = clock
    this.#end = clock
  }

  /** Whether the update can follow. @param known of the document, without this run */
  fits({ structs, deletions, references }: UpdateFacts, known: KnownClocks): boolean {
    const own = structs[0]
    if (own !== undefined && (own.client !== this.client || own.clock !== this.#end)) return false
    const end = this.#end + (own?.length ?? 0)
    const isKnown = ({ client, clock }: StructId): boolean => clock < known(client)
    return (
      references?.every(isKnown) === true &&
      deletions.every(({ client, clock, length }) =>
        client === this.client ? clock + length <= end : clock + length <= known(client),
      )
    )
  }

  /** Takes an update that fits. The bytes must not change until the run is encoded. */
  add(index: number, update: Uint8Array, facts: UpdateFacts): void {
    this.members.push({ index, update, facts })
    this.#end += facts.structs[0]?.length ?? 0
  }

  /** One update, v1; that of a single member is the member's own. */
  encode(): Uint8Array {
    const [only, ...others] = this.members
    if (only !== undefined && others.length === 0) return only.update
    const structs = new StructWriter()
    const deletions: ClockRange[] = []
    for (const { update, facts } of this.members) {
      for (const range of facts.deletions) addDeletion(deletions, range)
      if (facts.body !== null) structs.add(update, facts.body, facts.structs[0]!)
    }
    structs.close()
    return encoding.encode(e => {
      encoding.writeVarUint(e, structs.count > 0 ? 1 : 0)
      if (structs.count > 0) {
        encoding.writeVarUint(e, structs.count)
        encoding.writeVarUint(e, this.client)
        encoding.writeVarUint(e, this.#start)
        encoding.writeBinaryEncoder(e, structs.encoder)
      }
      writeDeletions(e, deletions)
    })
  }
}

/** The structs of one client, one behind the other; typed text that goes on is one struct. */
export class StructWriter {
  readonly encoder = encoding.createEncoder()
  count = 0
  /** The last struct, while text may still follow. */
  #typed: { readonly first: Typed; readonly pieces: Uint8Array[]; bytes: number } | null = null

  add(update: Uint8Array, body: StructBytes, { client, clock }: ClockRange): void {
    const typed = body.count === 1 ? readTyped(update, body.from) : null
    if (typed === null) {
      this.close()
      encoding.writeUint8Array(this.encoder, update.subarray(body.from, body.to))
      this.count += body.count
    } else if (this.#typed !== null && follows(typed, this.#typed.first, client, clock)) {
      this.#typed.pieces.push(typed.text)
      this.#typed.bytes += typed.text.length
    } else {
      this.close()
      this.#typed = { first: typed, pieces: [typed.text], bytes: typed.text.length }
      this.count++
    }
  }

  /** No text follows the last. */
  close(): void {
    if (this.#typed === null) return
    const { first, pieces, bytes } = this.#typed
    this.#typed = null
    const e = this.encoder
    encoding.writeUint8(e, first.info)
    writeId(e, first.origin)
    if (first.rightOrigin !== null) writeId(e, first.rightOrigin)
    encoding.writeVarUint(e, bytes)
    for (const piece of pieces) encoding.writeUint8Array(e, piece)
  }
}

/** Backspaces delete one after the other what stands side by side. */
const addDeletion = (deletions: ClockRange[], range: ClockRange): void => {
  const last = deletions.at(-1)
  if (last?.client === range.client && last.clock === range.clock + range.length) {
    deletions[deletions.length - 1] = { ...range, length: range.length + last.length }
  } else if (last?.client === range.client && last.clock + last.length === range.clock) {
    deletions[deletions.length - 1] = { ...last, length: last.length + range.length }
  } else deletions.push(range)
}

/** Yjs itself would merge the two: typed right behind it, with the same right neighbour. */
const follows = (next: Typed, first: Typed, client: number, clock: number): boolean =>
  next.info === first.info &&
  next.origin.client === client &&
  next.origin.clock === clock - 1 &&
  next.rightOrigin?.client === first.rightOrigin?.client &&
  next.rightOrigin?.clock === first.rightOrigin?.clock

/** @param at of the only struct of an update that was read before without complaint */
const readTyped = (update: Uint8Array, at: number): Typed | null => {
  const info = update[at]!
  if ((info & KIND) !== CONTENT.string || (info & INFO.hasOrigin) === 0) return null
  let next = at + 1
  const varUint = (): number => {
    let value = 0
    let factor = 1
    while (true) {
      const byte = update[next++]!
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
      factor *= 128
    }
  }
  const origin = { client: varUint(), clock: varUint() }
  const rightOrigin = (info & INFO.hasRightOrigin) === 0 ? null : { client: varUint(), clock: varUint() }
  const length = varUint()
  return { info, origin, rightOrigin, text: update.subarray(next, next + length) }
}

const writeId = (e: encoding.Encoder, { client, clock }: StructId): void => {
  encoding.writeVarUint(e, client)
  encoding.writeVarUint(e, clock)
}

const writeDeletions = (e: encoding.Encoder, deletions: readonly ClockRange[]): void => {
  const byClient = new Map<number, ClockRange[]>()
  for (const range of deletions) {
    const ranges = byClient.get(range.client)
    if (ranges === undefined) byClient.set(range.client, [range])
    else ranges.push(range)
  }
  encoding.writeVarUint(e, byClient.size)
  for (const [client, ranges] of byClient) {
    encoding.writeVarUint(e, client)
    encoding.writeVarUint(e, ranges.length)
    for (const { clock, length } of ranges) {
      encoding.writeVarUint(e, clock)
      encoding.writeVarUint(e, length)
    }
  }
}
