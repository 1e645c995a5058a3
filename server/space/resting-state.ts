/**
 * A document as bytes alone: what it is built from, and what newcomers are sent. Bytes that nobody asks for are
 * packed; once unpacked they stay for a while.
 */
import type { SpaceName } from '../../shared/names.js'
import { concat } from './byte-strings.js'
import type { Engine, Folded } from './engine.js'
import type { Packing } from './packing.js'

type Bytes =
  | {
      readonly type: 'loose'
      /** What the document is built from. */
      readonly updates: readonly Uint8Array[]
      /** The same as one update; null until it is wanted. */
      full: Uint8Array | null
      packed: Packed | null
    }
  | { readonly type: 'packed'; readonly packed: Packed }

/** The updates one behind the other. */
interface Packed {
  readonly bytes: Uint8Array
  readonly lengths: readonly number[]
}

/** Bytes that nobody asked for are packed after this long. */
const PACK_AFTER_MS = 5_000
/** Less is not worth it. */
const MIN_PACKED_BYTES = 1024

export interface RestingContext {
  readonly engine: Engine
  readonly packing: Packing
}

export class RestingState {
  readonly stateVector: Uint8Array
  /** The engine encoded it: some documents are not what their encoding gives. */
  readonly isEncoded: boolean
  #bytes: Bytes
  /** The whole delete set, as long as the bytes are loose and once somebody wanted it. */
  #deletions: Uint8Array | null
  #usedMs: number
  #isPacking = false

  /** What was stored. */
  static folded(updates: readonly Uint8Array[], folded: Folded, nowMs: number): RestingState {
    const { update, stateVector, deletions } = folded
    return new RestingState({ updates, full: update, stateVector, deletions, isEncoded: false, nowMs })
  }

  /** What the engine encoded. */
  static encoded(full: Uint8Array, stateVector: Uint8Array, nowMs: number): RestingState {
    return new RestingState({ updates: [full], full, stateVector, deletions: null, isEncoded: true, nowMs })
  }

  private constructor(options: {
    readonly updates: readonly Uint8Array[]
    readonly full: Uint8Array
    readonly stateVector: Uint8Array
    readonly deletions: Uint8Array | null
    readonly isEncoded: boolean
    readonly nowMs: number
  }) {
    const { updates, full, stateVector, deletions, isEncoded, nowMs } = options
    this.stateVector = stateVector
    this.isEncoded = isEncoded
    this.#bytes = { type: 'loose', updates, full, packed: null }
    this.#deletions = deletions
    this.#usedMs = nowMs
  }

  /** What the document is built from, applied in order. */
  async updates({ packing }: RestingContext, nowMs: number): Promise<readonly Uint8Array[]> {
    return (await this.#loosen(packing, nowMs)).updates
  }

  /** One update with everything in it; null where only a document can tell. */
  async full(space: SpaceName, context: RestingContext, nowMs: number): Promise<Uint8Array | null> {
    const loose = await this.#loosen(context.packing, nowMs)
    loose.full ??= (await context.engine.fold(space, loose.updates, true))?.update ?? null
    return loose.full
  }

  /** The whole delete set, as an update without structs; null where only a document can tell. */
  async deletions(space: SpaceName, context: RestingContext, nowMs: number): Promise<Uint8Array | null> {
    const { updates } = await this.#loosen(context.packing, nowMs)
    this.#deletions ??= (await context.engine.fold(space, updates))?.deletions ?? null
    return this.#deletions
  }

  /** Whether nobody has asked for the bytes for a while. */
  isPackingDue(nowMs: number): boolean {
    if (this.#bytes.type === 'packed' || this.#isPacking || nowMs - this.#usedMs < PACK_AFTER_MS) return false
    return this.#bytes.updates.reduce((sum, { length }) => sum + length, 0) >= MIN_PACKED_BYTES
  }

  /** Packs the bytes, unless somebody asks for them meanwhile. @throws what packing throws; it is not tried again */
  async pack(packing: Packing): Promise<void> {
    if (this.#bytes.type === 'packed') return
    const { updates, packed } = this.#bytes
    const usedMs = this.#usedMs
    this.#isPacking = true
    const smaller = packed ?? {
      bytes: await packing.pack(concat(updates)),
      lengths: updates.map(({ length }) => length),
    }
    this.#isPacking = false
    if (this.#usedMs !== usedMs) return
    this.#bytes = { type: 'packed', packed: smaller }
    this.#deletions = null
  }

  async #loosen(packing: Packing, nowMs: number): Promise<Bytes & { type: 'loose' }> {
    this.#usedMs = nowMs
    if (this.#bytes.type === 'loose') return this.#bytes
    const { packed } = this.#bytes
    const total = packed.lengths.reduce((sum, length) => sum + length, 0)
    const bytes = await packing.unpack(packed.bytes, total)
    let at = 0
    const updates = packed.lengths.map(length => {
      at += length
      return bytes.subarray(at - length, at)
    })
    const loose: Bytes = { type: 'loose', updates, full: updates.length === 1 ? updates[0]! : null, packed }
    this.#bytes = loose
    return loose
  }
}
