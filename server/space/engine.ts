/**
 * The port to what merges documents. Asynchronous, bytes in and bytes out, without socket, timer or clock, so
 * that the same engine runs inline or in worker threads. A caller has at most one call per space under way.
 * Buffers passed in may be kept by the engine; buffers that come out are the caller's.
 */
import { type ErrorCode, PlenumError } from '../../shared/errors.js'
import type { Intention, InvalidIntention } from '../../shared/intentions/intention.js'
import type { SpaceName } from '../../shared/names.js'

/** New structs of one Yjs client: clocks start…start+length−1. */
export interface ClockRange {
  readonly client: number
  readonly clock: number
  readonly length: number
}

/** New clocks of these clients come from these users and from nobody else. */
export interface Guard {
  readonly owners: ReadonlyMap<number, string>
  /** Who sends. */
  readonly user: string
}

export interface EngineInput {
  /** `step2` is an answer to a state vector: it may carry the sender's own pending structs and old deletions. */
  readonly kind: 'update' | 'step2'
  /** A Yjs update, v1, from outside and not trusted. */
  readonly update: Uint8Array
  readonly mayEdit: boolean
  /** False where the document is at its quota: deletions are welcome, new content is refused with too_large. */
  readonly mayGrow: boolean
  /** Absent where there is nothing to guard. */
  readonly guard?: Guard
}

export type EngineOutcome =
  /** Integrated, or there was nothing new in it. `ranges` are the clocks that it brought. */
  | { readonly type: 'applied'; readonly ranges: readonly ClockRange[] }
  /** Some of it builds on structs that are not here. What did fit is integrated, the rest is dropped. */
  | { readonly type: 'gap'; readonly ranges: readonly ClockRange[] }
  /** A step 2 whose rest is the sender's own pending: dropped, and nothing is missing. */
  | { readonly type: 'pending-dropped'; readonly ranges: readonly ClockRange[] }
  /** New clocks that are another user's to bring were left out: `held`. `update` is what was let in of it. */
  | {
      readonly type: 'held'
      readonly ranges: readonly ClockRange[]
      readonly held: readonly ClockRange[]
      readonly update: Uint8Array
    }
  /** From a reader, and without an edit of theirs: no effect. `extras` says that something was left out. */
  | { readonly type: 'ignored'; readonly extras: boolean }
  /** Not applied at all. */
  | { readonly type: 'refused'; readonly code: ErrorCode; readonly reason: string }

export type ApplyResult =
  | {
      readonly type: 'applied'
      /** One per input, in order. */
      readonly outcomes: readonly EngineOutcome[]
      /** Every update event of the batch, in order: relay and store all of them. */
      readonly updates: readonly Uint8Array[]
      /** How long it was worked on, ms; absent where the engine has no clock. */
      readonly costMs?: number
    }
  /**
   * Input `offender` threw while it was integrated, or took longer than it may (`cause` is then an
   * `EngineStuck`); null where the whole batch's clean-up did. The document is gone and no output of the call
   * counts: open the space again from what is stored and apply the batch without the offender, or one by one.
   */
  | { readonly type: 'broken'; readonly offender: number | null; readonly cause: unknown }

/** Through no fault of the call its document is gone: open the space again from what is stored, and repeat it. */
export class DocumentLost extends PlenumError {
  constructor(message = 'the document was lost with its thread', options?: { cause?: unknown }) {
    super('internal', message, options)
  }
}

/** The call took longer than it may, or its thread died of it. The document is gone. */
export class EngineStuck extends PlenumError {
  /** The input of the batch that was worked on, where one is known. */
  readonly offender: number | null

  constructor(message: string, offender: number | null = null) {
    super('internal', message)
    this.offender = offender
  }
}

/** What stored updates amount to, told from their bytes. */
export interface Folded {
  /** One update that brings a client with nothing all of it. */
  readonly update: Uint8Array
  /** As Yjs encodes it. */
  readonly stateVector: Uint8Array
  /** The whole delete set, as Yjs encodes it in an update without structs; null in brief. */
  readonly deletions: Uint8Array | null
}

/** An intention, and the structs that say so. */
export interface WrittenIntention {
  readonly intention: Intention
  /** `entry` is the entry itself, the others are its fields by name. */
  readonly items: Readonly<Record<string, ClockRange>>
}

export interface IntentionsFound {
  readonly intentions: readonly WrittenIntention[]
  readonly invalid: readonly InvalidIntention[]
}

/** How a root of a document is to be read: text → string, map → object, array → list, xml → string. */
export const ROOT_TYPES = ['text', 'map', 'array', 'xml'] as const
export type RootType = (typeof ROOT_TYPES)[number]

export interface Root {
  readonly name: string
  readonly type: RootType
}

/** The roots of a document by name, each as a value of JSON. */
export type RootsFound = Readonly<Record<string, unknown>>

/**
 * Where a document is lost to others' faults, `apply`, `stateVector`, `diff`, `intentions` and `json` throw
 * `DocumentLost`.
 */
export interface Engine {
  /**
   * Folds updates that were stored before into one without building a document.
   * @param isBrief whether the delete set may be left out
   * @returns null where only a document can tell
   */
  fold(space: SpaceName, updates: readonly Uint8Array[], isBrief?: boolean): Promise<Folded | null>
  /**
   * Joins a few updates that were relayed one after the other into one.
   * @returns null where they leave a hole between them
   */
  join(updates: readonly Uint8Array[]): Promise<Uint8Array | null>
  /**
   * Builds the document from updates that were stored before, in place of one that may be there.
   * @throws load_failed, or EngineStuck; and keeps nothing
   */
  open(space: SpaceName, updates: readonly Uint8Array[]): Promise<void>
  apply(space: SpaceName, batch: readonly EngineInput[]): Promise<ApplyResult>
  stateVector(space: SpaceName): Promise<Uint8Array>
  /**
   * What a replica with this state vector lacks, the whole delete set included; null asks for everything.
   * @throws malformed for a state vector that cannot be read; EngineStuck
   */
  diff(space: SpaceName, stateVector: Uint8Array | null): Promise<Uint8Array>
  /** What members mean to do, as the document has it. */
  intentions(space: SpaceName): Promise<IntentionsFound>
  /**
   * Roots of the document as JSON; null asks for every root that there is, each by its evident type.
   * @throws bad_request where a root is evidently of another type; too_large where something nests too deeply
   */
  json(space: SpaceName, roots: readonly Root[] | null): Promise<RootsFound>
  /** Frees the document; harmless where there is none. */
  close(space: SpaceName): Promise<void>
}
