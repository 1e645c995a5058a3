/**
 * Where a space's document is: built in the engine, or resting as bytes, from which joins are answered as long as
 * nobody needs more. It wakes when somebody does, and what is built then is exactly what was relayed. Calls are
 * made one at a time.
 */
import { PlenumError } from '../../shared/errors.js'
import type { SpaceName } from '../../shared/names.js'
import { encodeMessage } from '../../shared/protocol/index.js'
import { type ApplyResult, type Engine, type EngineInput, EngineStuck, type Folded } from './engine.js'
import { type LoadContext, type LoadedSpace, loadSpace } from './loading.js'
import { reviving } from './reviving.js'
import type { Scheduler } from './scheduler.js'

type Place = { readonly type: 'awake' } | Resting

interface Resting {
  readonly type: 'resting'
  /** What the document is built from. */
  readonly updates: readonly Uint8Array[]
  /** The same as one update. */
  readonly full: Uint8Array
  readonly stateVector: Uint8Array
  /** The whole delete set, once somebody wanted it. */
  deletions: Uint8Array | null
  /** The engine encoded it: some documents are not what their encoding gives. */
  readonly isEncoded: boolean
}

export interface ResidenceOptions extends LoadContext {
  readonly name: SpaceName
  readonly engine: Engine
  readonly scheduler: Scheduler
}

const AWAKE: Place = Object.freeze({ type: 'awake' })

export class Residence {
  readonly #options: ResidenceOptions
  /** Calls for what is in the engine now; they survive the loss of the document. */
  readonly #engine: Engine
  /** What the document was made of at first: a rebuild must find the same. */
  readonly #loaded: Pick<LoadedSpace, 'generation' | 'quarantine'>
  #place: Place
  #position: number
  /** When something was asked that only a document can tell. */
  #neededMs: number
  #stateVector: Uint8Array | null = null
  /** The step 2 for a client that has nothing, as long as the document does not change. */
  #fullState: Uint8Array | null = null

  /** @throws load_failed, and nothing stays behind */
  static async open(options: ResidenceOptions): Promise<{ residence: Residence; loaded: LoadedSpace }> {
    const { name, engine } = options
    let place: Place = AWAKE
    const loaded = await loadSpace(name, options, async updates => {
      const folded = await engine.fold(name, updates)
      if (folded === null) await engine.open(name, updates)
      place = folded === null ? AWAKE : resting(updates, folded)
    })
    return { residence: new Residence(options, loaded, place), loaded }
  }

  private constructor(options: ResidenceOptions, loaded: LoadedSpace, place: Place) {
    this.#options = options
    this.#engine = reviving(options.engine, () => this.rebuild())
    this.#loaded = { generation: loaded.generation, quarantine: loaded.quarantine }
    this.#place = place
    this.#position = loaded.position
    this.#neededMs = options.scheduler.elapsed()
  }

  /** Since when the document is in memory without need, ms on the running clock; null where it is not there. */
  get idleSinceMs(): number | null {
    return this.#place.type === 'awake' ? this.#neededMs : null
  }

  async stateVector(): Promise<Uint8Array> {
    if (this.#place.type === 'resting') return this.#place.stateVector
    this.#stateVector ??= await this.#engine.stateVector(this.#options.name)
    return this.#stateVector
  }

  /** The answer to a step 1, framed. @throws malformed */
  async step2(stateVector: Uint8Array): Promise<Uint8Array> {
    if (!isEqual(stateVector, NOTHING)) {
      return encodeMessage({ type: 'step2', update: await this.diff(stateVector) })
    }
    this.#fullState ??= encodeMessage({ type: 'step2', update: await this.#full() })
    return this.#fullState
  }

  /** What was relayed one after the other, as one update; null where there is none that says the same. */
  join(updates: readonly Uint8Array[]): Promise<Uint8Array | null> {
    return this.#engine.join(updates)
  }

  /** What a replica with this state vector lacks, the whole delete set included. @throws malformed */
  async diff(stateVector: Uint8Array): Promise<Uint8Array> {
    if (this.#place.type === 'resting' && isEqual(stateVector, this.#place.stateVector)) {
      const deletions = await this.#deletions(this.#place)
      if (deletions !== null) return deletions
    }
    await this.#wake()
    return this.#engine.diff(this.#options.name, stateVector)
  }

  /** The exact size of the encoded document. */
  async measure(): Promise<number> {
    return (await this.#full()).length
  }

  get isResting(): boolean {
    return this.#place.type === 'resting'
  }

  /** Whether it can be told without a document that none of the updates brings anything new. */
  async knows(updates: readonly Uint8Array[]): Promise<boolean> {
    const some = updates.filter(update => !isEqual(update, EMPTY_UPDATE))
    if (some.length === 0) return true
    // A replica that has everything answers with what it lacks nothing of: its whole delete set.
    if (this.#place.type !== 'resting' || some.some(update => update[0] !== 0)) return false
    const deletions = await this.#deletions(this.#place)
    return deletions !== null && some.every(update => isEqual(update, deletions))
  }

  /** After `broken` the document has to be rebuilt. */
  async apply(batch: readonly EngineInput[]): Promise<ApplyResult> {
    if (this.#place.type === 'resting') await this.#wake()
    this.#neededMs = this.#options.scheduler.elapsed()
    return this.#engine.apply(this.#options.name, batch)
  }

  /** The document has changed, and the log is at this position. */
  changed(position: number): void {
    this.#position = position
    this.#neededMs = this.#options.scheduler.elapsed()
    this.#stateVector = null
    this.#fullState = null
  }

  /**
   * Builds the document anew: what is stored and what is on its way there is exactly what has been relayed.
   * @throws load_failed where it is not
   */
  async rebuild(): Promise<void> {
    const { name, engine } = this.#options
    const found = await loadSpace(name, this.#options, updates => engine.open(name, updates))
    const { generation, quarantine } = this.#loaded
    const isSame = found.generation === generation && found.quarantine === quarantine
    if (!isSame || found.position !== this.#position) {
      throw new PlenumError('load_failed', 'what is stored is no longer what was relayed')
    }
    this.#place = AWAKE
  }

  /** Keeps the document as bytes. Everything must be on the disk. */
  async rest(): Promise<void> {
    const { name, engine, observer } = this.#options
    if (this.#place.type === 'resting') return
    const stateVector = await this.stateVector()
    const full = await engine.diff(name, null)
    await engine.close(name)
    this.#place = { type: 'resting', updates: [full], full, stateVector, deletions: null, isEncoded: true }
    observer.count('rests')
  }

  /** Frees the document. */
  close(): Promise<void> {
    return this.#engine.close(this.#options.name)
  }

  async #full(): Promise<Uint8Array> {
    if (this.#place.type === 'resting') return this.#place.full
    return this.#engine.diff(this.#options.name, null)
  }

  /** Null where only a document can tell. */
  async #deletions(place: Resting): Promise<Uint8Array | null> {
    const { name, engine } = this.#options
    place.deletions ??= (await engine.fold(name, [place.full]))?.deletions ?? null
    return place.deletions
  }

  async #wake(): Promise<void> {
    const { name, engine, observer, scheduler } = this.#options
    this.#neededMs = scheduler.elapsed()
    const place = this.#place
    if (place.type === 'awake') return
    observer.count('wakes')
    try {
      await engine.open(name, place.updates)
      if (place.isEncoded && !isEqual(await engine.diff(name, null), place.full)) {
        throw new PlenumError('load_failed', 'the document is not what its encoding gives')
      }
      this.#place = AWAKE
    } catch (error) {
      // Once more would take as long.
      if (error instanceof EngineStuck) throw new PlenumError('load_failed', undefined, { cause: error })
      observer.report('warn', 'a resting document is built from what is stored', { space: name, error })
      await this.rebuild()
    }
  }
}

const resting = (updates: readonly Uint8Array[], { update, stateVector, deletions }: Folded): Resting => ({
  type: 'resting',
  updates,
  full: update,
  stateVector,
  deletions,
  isEncoded: false,
})

/** The state vector of a client that has nothing. */
const NOTHING = Uint8Array.of(0)
/** What such a client answers to a step 1. */
const EMPTY_UPDATE = Uint8Array.of(0, 0)

const isEqual = (a: Uint8Array, b: Uint8Array): boolean => {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
