/** The engine on the calling thread: a document per open space, nothing else. */
import { PlenumError } from '../../../shared/errors.js'
import type { SpaceName } from '../../../shared/names.js'
import type {
  ApplyResult,
  Engine,
  EngineInput,
  Folded,
  IntentionsFound,
  Root,
  RootsFound,
} from '../engine.js'
import { Document } from './document.js'
import { foldUpdates } from './fold.js'
import { joinUpdates } from './join.js'

export interface InlineEngineOptions {
  /** A clock in milliseconds that never jumps: with one, batches are told what they cost. */
  readonly elapsed?: () => number
  /** Told which input of a batch is worked on; null while it is none of them. */
  readonly atInput?: (index: number | null) => void
}

export class InlineEngine implements Engine {
  readonly #options: InlineEngineOptions
  readonly #documents = new Map<SpaceName, Document>()

  constructor(options: InlineEngineOptions = {}) {
    this.#options = options
  }

  /** How many documents are in memory. */
  get size(): number {
    return this.#documents.size
  }

  async fold(_space: SpaceName, updates: readonly Uint8Array[], isBrief = false): Promise<Folded | null> {
    return foldUpdates(updates, isBrief)
  }

  async join(updates: readonly Uint8Array[]): Promise<Uint8Array | null> {
    return joinUpdates(updates)
  }

  async open(space: SpaceName, updates: readonly Uint8Array[]): Promise<void> {
    this.#free(space)
    try {
      this.#documents.set(space, new Document(updates))
    } catch (cause) {
      throw new PlenumError('load_failed', 'the stored state of the space does not load', { cause })
    }
  }

  async apply(space: SpaceName, batch: readonly EngineInput[]): Promise<ApplyResult> {
    const { elapsed, atInput } = this.#options
    const startMs = elapsed?.()
    const result = this.#document(space).apply(batch, atInput)
    if (result.type === 'broken') {
      this.#free(space)
      return result
    }
    if (startMs === undefined) return result
    const { type, outcomes, updates } = result
    return { type, outcomes, updates, costMs: elapsed!() - startMs }
  }

  async stateVector(space: SpaceName): Promise<Uint8Array> {
    return this.#document(space).stateVector()
  }

  async diff(space: SpaceName, stateVector: Uint8Array | null): Promise<Uint8Array> {
    return this.#document(space).diff(stateVector)
  }

  async intentions(space: SpaceName): Promise<IntentionsFound> {
    return this.#document(space).intentions()
  }

  async json(space: SpaceName, roots: readonly Root[] | null): Promise<RootsFound> {
    return this.#document(space).json(roots)
  }

  async close(space: SpaceName): Promise<void> {
    this.#free(space)
  }

  #document(space: SpaceName): Document {
    const document = this.#documents.get(space)
    if (document === undefined) throw new PlenumError('internal', 'the space is not open in the engine')
    return document
  }

  #free(space: SpaceName): void {
    this.#documents.get(space)?.destroy()
    this.#documents.delete(space)
  }
}
