/**
 * Reads a Yjs update (encoding v1) from outside without building anything: the whole of it is checked before
 * a document sees a byte, because Yjs integrates the structs of an update before it has read the delete set.
 * Format source: yjs 13.6 `encoding.js`, `Item.js`, `DeleteSet.js`, `UpdateDecoder.js`; lib0 `decoding.js`.
 */
import { PlenumError } from '../../../shared/errors.js'
import type { ClockRange } from '../engine.js'
import { ANY, CONTENT, INFO, STRUCT, TYPE } from './update-format.js'

export interface UpdateFacts {
  /** One per client that the update has structs of; skips are part of the range. */
  readonly structs: readonly ClockRange[]
  /** As written: not sorted, not merged. */
  readonly deletions: readonly ClockRange[]
  /** What structs of one client build on of other clients; null where there are too many to list. */
  readonly references: readonly StructId[] | null
  /** Where the structs of an update of one client stand, and how many they are; null for other updates. */
  readonly body: StructBytes | null
  /** Whether it is one piece of text and nothing else, as a key press makes it: encoded anew it would be the same. */
  readonly isText: boolean
}

export interface StructId {
  readonly client: number
  readonly clock: number
}

/** Bytes from…to of an update hold `count` structs. */
export interface StructBytes {
  readonly from: number
  readonly to: number
  readonly count: number
}

/** Deeper values make encoders overflow the stack later on. */
const MAX_VALUE_DEPTH = 200
const MAX_CLOCK = Number.MAX_SAFE_INTEGER
/** What a person does in one go builds on few things. */
const MAX_REFERENCES = 16
const NONE: readonly never[] = Object.freeze([])
/** A JSON text this short cannot nest deeper than `MAX_VALUE_DEPTH`. */
const SHALLOW_JSON_BYTES = 2 * MAX_VALUE_DEPTH

/**
 * @throws malformed for anything that is not exactly one update: truncated, trailing bytes, lengths beyond
 *   the end, empty structs, unknown content, invalid UTF-8 or JSON, a client named twice
 */
export const readUpdate = (update: Uint8Array): UpdateFacts => {
  const reader = new Reader(update)
  const { structs, body } = readStructs(reader)
  const deletions = readDeletions(reader)
  if (!reader.isAtEnd) return malformed('trailing bytes')
  const content = body?.count === 1 ? update[body.from]! & INFO.content : null
  const isText = content === CONTENT.string && deletions.length === 0 && reader.isMinimal
  return { structs, deletions, references: reader.references, body, isText }
}

/** The structs of one client in an update. */
export interface StructSection extends ClockRange {
  readonly count: number
  /** Its structs are the bytes from…to of the update. */
  readonly from: number
  readonly to: number
  /** Some of its clocks are left out. */
  readonly hasSkip: boolean
}

/**
 * Where the structs of each client stand, and all that is deleted: structs that are nothing but a deletion are
 * among `deletions`.
 * @throws malformed, as `readUpdate`
 */
export const readSections = (update: Uint8Array): { sections: StructSection[]; deletions: ClockRange[] } => {
  const reader = new Reader(update)
  const sections: StructSection[] = []
  const deletions: ClockRange[] = []
  for (let left = reader.varUint(); left > 0; left--) {
    const count = reader.varUint()
    const client = reader.varUint()
    const clock = reader.varUint()
    const from = reader.at
    let end = clock
    let hasSkip = false
    for (let s = 0; s < count; s++) {
      const content = (update[reader.at] ?? 0) & INFO.content
      const length = readStruct(reader, client, end)
      if (content === STRUCT.gc || content === CONTENT.deleted) deletions.push({ client, clock: end, length })
      else if (content === STRUCT.skip) hasSkip = true
      end += length
    }
    sections.push({ client, clock, length: end - clock, count, from, to: reader.at, hasSkip })
  }
  for (const range of readDeletions(reader)) deletions.push(range)
  if (!reader.isAtEnd) return malformed('trailing bytes')
  return { sections, deletions }
}

/**
 * The number of clients in an encoded state vector, all of it checked.
 * @throws malformed
 */
export const readStateVectorSize = (stateVector: Uint8Array): number => {
  const reader = new Reader(stateVector)
  const count = reader.varUint()
  for (let i = 0; i < count; i++) {
    reader.varUint()
    reader.varUint()
  }
  if (!reader.isAtEnd) return malformed('trailing bytes in a state vector')
  return count
}

const malformed = (why: string): never => {
  throw new PlenumError('malformed', `malformed update: ${why}`)
}

const readStructs = (reader: Reader): { structs: ClockRange[]; body: StructBytes | null } => {
  const structs: ClockRange[] = []
  let body: StructBytes | null = null
  const clientCount = reader.varUint()
  const seen = clientCount > 1 ? new Set<number>() : null
  for (let c = 0; c < clientCount; c++) {
    const structCount = reader.varUint()
    const client = reader.varUint()
    const clock = reader.varUint()
    if (structCount === 0) return malformed('a client without structs')
    if (seen?.has(client)) return malformed('a client named twice')
    seen?.add(client)
    const from = reader.at
    let end = clock
    for (let s = 0; s < structCount; s++) {
      const length = readStruct(reader, client, end)
      if (length === 0) return malformed('an empty struct')
      end += length
      if (end > MAX_CLOCK) return malformed('a clock out of range')
    }
    structs.push({ client, clock, length: end - clock })
    if (clientCount === 1) body = { from, to: reader.at, count: structCount }
  }
  return { structs, body }
}

/** Reads past the struct at this place and returns how many clocks it takes. */
const readStruct = (reader: Reader, client: number, clock: number): number => {
  const info = reader.byte()
  const content = info & INFO.content
  if (content === STRUCT.gc || content === STRUCT.skip) {
    // The readers of Yjs do not agree on what flags mean here.
    if (info !== content) return malformed('flags on a struct that takes none')
    return reader.varUint()
  }
  if (info & INFO.hasOrigin) reader.earlierId(client, clock)
  if (info & INFO.hasRightOrigin) reader.earlierId(client, clock)
  if ((info & (INFO.hasOrigin | INFO.hasRightOrigin)) === 0) {
    if (reader.varUint() === 1) reader.text()
    else reader.earlierId(client, clock)
    if (info & INFO.hasParentSub) reader.text()
  }
  return readContent(reader, content)
}

const readContent = (reader: Reader, content: number): number => {
  switch (content) {
    case CONTENT.deleted:
      return reader.varUint()
    case CONTENT.json: {
      const count = reader.varUint()
      for (let i = 0; i < count; i++) reader.json(true)
      return count
    }
    case CONTENT.binary:
      reader.bytes()
      return 1
    case CONTENT.string:
      return reader.text()
    case CONTENT.embed:
      reader.json(false)
      return 1
    case CONTENT.format:
      reader.text()
      reader.json(false)
      return 1
    case CONTENT.type: {
      const type = reader.varUint()
      if (type > TYPE.last) return malformed('an unknown shared type')
      if (type === TYPE.xmlElement || type === TYPE.xmlHook) reader.text()
      return 1
    }
    case CONTENT.any: {
      const count = reader.varUint()
      for (let i = 0; i < count; i++) reader.any(0)
      return count
    }
    case CONTENT.doc:
      reader.text()
      // Yjs reads fields of it without a look.
      if (!reader.isObjectNext) return malformed('a subdocument without options')
      reader.any(0)
      return 1
    default:
      return malformed('unknown content')
  }
}

const readDeletions = (reader: Reader): readonly ClockRange[] => {
  const clientCount = reader.varUint()
  if (clientCount === 0) return NONE
  const deletions: ClockRange[] = []
  for (let c = 0; c < clientCount; c++) {
    const client = reader.varUint()
    const count = reader.varUint()
    for (let i = 0; i < count; i++) {
      const clock = reader.varUint()
      const length = reader.varUint()
      if (length === 0) return malformed('an empty deletion')
      if (clock + length > MAX_CLOCK) return malformed('a clock out of range')
      deletions.push({ client, clock, length })
    }
  }
  return deletions
}

/** A cursor that never leaves its bytes and allocates nothing but JSON values. */
class Reader {
  #references: StructId[] | null | undefined
  readonly #bytes: Uint8Array
  #at = 0
  #isMinimal = true

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get at(): number {
    return this.#at
  }

  /** The ids of other clients that structs build on; null where there are too many to list. */
  get references(): readonly StructId[] | null {
    return this.#references === undefined ? NONE : this.#references
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length
  }

  /** Whether no integer took more bytes than it needs. */
  get isMinimal(): boolean {
    return this.#isMinimal
  }

  /** Whether the next `any` is an object. */
  get isObjectNext(): boolean {
    return this.#bytes[this.#at] === ANY.object
  }

  byte(): number {
    return this.#bytes[this.#at++] ?? malformed('truncated')
  }

  /** Up to 2^53 − 1, as lib0 reads it. */
  varUint(): number {
    let value = 0
    let factor = 1
    while (true) {
      const byte = this.#bytes[this.#at++]
      if (byte === undefined) return malformed('truncated')
      value += (byte & 0x7f) * factor
      if (byte < 0x80) {
        if (byte === 0 && factor > 1) this.#isMinimal = false
        return value <= Number.MAX_SAFE_INTEGER ? value : malformed('an integer out of range')
      }
      factor *= 128
      if (factor > 2 ** 53) return malformed('an integer out of range')
    }
  }

  /** What a struct builds on: where it is of the same client, Yjs takes for granted that it is there. */
  earlierId(client: number, clock: number): void {
    const onClient = this.varUint()
    const onClock = this.varUint()
    if (onClient !== client) this.#refer(onClient, onClock)
    else if (onClock >= clock) malformed('a struct that builds on itself or what follows')
  }

  #refer(client: number, clock: number): void {
    if (this.#references === null) return
    this.#references ??= []
    if (this.#references.length < MAX_REFERENCES) this.#references.push({ client, clock })
    else this.#references = null
  }

  /** A length-prefixed view. */
  bytes(): Uint8Array {
    const length = this.varUint()
    if (length > this.#bytes.length - this.#at) return malformed('a length beyond the end')
    const view = this.#bytes.subarray(this.#at, this.#at + length)
    this.#at += length
    return view
  }

  /** Reads past a text. @returns its length in UTF-16 code units: the clocks that a string takes */
  text(): number {
    const view = this.bytes()
    // Typed text is short and mostly ASCII, which is its own proof.
    for (const byte of view) if (byte >= 0x80) return decodeText(view).length
    return view.length
  }

  json(mayBeUndefined: boolean): void {
    const view = this.bytes()
    const text = decodeText(view)
    if (mayBeUndefined && text === 'undefined') return
    try {
      const value: unknown = JSON.parse(text)
      if (view.length > SHALLOW_JSON_BYTES && isDeeperThan(value, MAX_VALUE_DEPTH))
        malformed('a value nested too deeply')
    } catch (error) {
      if (error instanceof PlenumError) throw error
      malformed('invalid JSON')
    }
  }

  any(depth: number): void {
    if (depth > MAX_VALUE_DEPTH) malformed('a value nested too deeply')
    const tag = this.byte()
    switch (tag) {
      case ANY.undefined:
      case ANY.null:
      case ANY.false:
      case ANY.true:
        return
      case ANY.integer:
        this.#varInt()
        return
      case ANY.float32:
        this.#skip(4)
        return
      case ANY.float64:
      case ANY.bigint:
        this.#skip(8)
        return
      case ANY.string:
        this.text()
        return
      case ANY.object: {
        const count = this.varUint()
        for (let i = 0; i < count; i++) {
          this.text()
          this.any(depth + 1)
        }
        return
      }
      case ANY.array: {
        const count = this.varUint()
        for (let i = 0; i < count; i++) this.any(depth + 1)
        return
      }
      case ANY.bytes:
        this.bytes()
        return
      default:
        malformed('an unknown value')
    }
  }

  /** Six bits and a sign in the first byte, then seven bits a byte. */
  #varInt(): void {
    let byte = this.byte()
    if (byte < 0x80) return
    let value = byte & 0x3f
    let factor = 64
    do {
      byte = this.byte()
      value += (byte & 0x7f) * factor
      factor *= 128
      if (value > Number.MAX_SAFE_INTEGER) malformed('an integer out of range')
    } while (byte >= 0x80)
  }

  #skip(length: number): void {
    if (length > this.#bytes.length - this.#at) malformed('truncated')
    this.#at += length
  }
}

const textDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

const decodeText = (bytes: Uint8Array): string => {
  try {
    return textDecoder.decode(bytes)
  } catch {
    return malformed('invalid UTF-8')
  }
}

const isDeeperThan = (root: unknown, limit: number): boolean => {
  let level = [root]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > limit) return true
    level = level.flatMap(value => (typeof value === 'object' && value !== null ? Object.values(value) : []))
  }
  return false
}
