/**
 * Where a space's document is: built in the engine, or resting as bytes, from which joins are answered as long as
 * nobody needs more. It wakes when somebody does, and what is built then is exactly what was relayed. Calls are
 * made one at a time.
 */
import { PlenumError } from '../../shared/errors.js'
import type { SpaceName } from '../../shared/names.js'
import { encodeMessage } from '../../shared/protocol/index.js'
import { isEqual } from './byte-strings.js'
import {
  type ApplyResult,
  type Engine,
  type EngineInput,
  EngineStuck,
  type IntentionsFound,
  type Root,
  type RootsFound,
} from './engine.js'
import { type LoadContext, type LoadedSpace, loadSpace } from './loading.js'
import { type RestingContext, RestingState } from './resting-state.js'
import { reviving } from './reviving.js'
import type { Scheduler } from './scheduler.js'
import { StandingState } from './standing-state.js'

type Place =
  /** `engine` survives the loss of the document. */
  | { readonly type: 'awake'; readonly engine: Engine }
  | { readonly type: 'resting'; readonly state: RestingState }

/** What all spaces of a process share. */
export interface ResidenceContext extends LoadContext, RestingContext {
  readonly scheduler: Scheduler
}

/** The step 2 for newcomers is dropped when nobody came for so long. */
const FORGET_STATE_MS = 5_000

export class Residence {
  readonly #name: SpaceName
  readonly #context: ResidenceContext
  /** What the document was made of at first: a rebuild must find the same. */
  readonly #generation: number
  readonly #quarantine: string | null
  #place: Place
  #position: number
  /** When something was asked that only a document can tell. */
  #neededMs: number
  #stateVector: Uint8Array | null = null
  /** The last encoding of the document, as long as somebody comes and little has changed since. */
  #standing: StandingState | null = null
  /** The step 2 for a client that has nothing, as long as the document does not change and somebody comes. */
  #fullState: Uint8Array | null = null
  #askedMs: number

  /** @throws load_failed, and nothing stays behind */
  static async open(
    name: SpaceName,
    context: ResidenceContext,
  ): Promise<{ residence: Residence; loaded: LoadedSpace }> {
    const { engine, scheduler } = context
    let state: RestingState | null = null
    const loaded = await loadSpace(name, context, async updates => {
      const folded = await engine.fold(name, updates, true)
      state = folded === null ? null : RestingState.folded(updates, folded, scheduler.elapsed())
      if (folded === null) await engine.open(name, updates)
    })
    return { residence: new Residence(name, context, { loaded, state }), loaded }
  }

  private constructor(
    name: SpaceName,
    context: ResidenceContext,
    { loaded, state }: { loaded: LoadedSpace; state: RestingState | null },
  ) {
    this.#name = name
    this.#context = context
    this.#generation = loaded.generation
    this.#quarantine = loaded.quarantine
    this.#position = loaded.position
    this.#place = state === null ? this.#awake() : { type: 'resting', state }
    this.#neededMs = context.scheduler.elapsed()
    this.#askedMs = this.#neededMs
  }

  /** Since when the document is in memory without need, ms on the running clock; null where it is not there. */
  get idleSinceMs(): number | null {
    return this.#place.type === 'awake' ? this.#neededMs : null
  }

  async stateVector(): Promise<Uint8Array> {
    if (this.#place.type === 'resting') return this.#place.state.stateVector
    this.#stateVector ??= await this.#place.engine.stateVector(this.#name)
    return this.#stateVector
  }

  /** The answer to a step 1, framed. @throws malformed */
  async step2(stateVector: Uint8Array): Promise<Uint8Array> {
    if (!isEqual(stateVector, NOTHING)) {
      return encodeMessage({ type: 'step2', update: await this.diff(stateVector) })
    }
    this.#askedMs = this.#context.scheduler.elapsed()
    this.#fullState ??= encodeMessage({ type: 'step2', update: await this.full() })
    return this.#fullState
  }

  /** Everything as one update, which must not be changed. */
  async full(): Promise<Uint8Array> {
    this.#askedMs = this.#context.scheduler.elapsed()
    if (this.#place.type === 'resting') {
      const full = await this.#place.state.full(this.#name, this.#context, this.#context.scheduler.elapsed())
      if (full !== null) return full
    }
    const engine = await this.#wake()
    const standing = await this.#standing?.full(this.#name, engine)
    if (standing) return standing
    const full = await engine.diff(this.#name, null)
    this.#standing = new StandingState(full)
    return full
  }

  /** What was relayed one after the other, as one update; null where there is none that says the same. */
  join(updates: readonly Uint8Array[]): Promise<Uint8Array | null> {
    return this.#context.engine.join(updates)
  }

  /** What a replica with this state vector lacks, the whole delete set included. @throws malformed */
  async diff(stateVector: Uint8Array): Promise<Uint8Array> {
    if (this.#place.type === 'resting' && isEqual(stateVector, this.#place.state.stateVector)) {
      const deletions = await this.#deletions(this.#place.state)
      if (deletions !== null) return deletions
    }
    const engine = await this.#wake()
    return engine.diff(this.#name, stateVector)
  }

  async intentions(): Promise<IntentionsFound> {
    const engine = await this.#wake()
    return engine.intentions(this.#name)
  }

  /** @throws bad_request, too_large */
  async json(roots: readonly Root[] | null): Promise<RootsFound> {
    const engine = await this.#wake()
    return engine.json(this.#name, roots)
  }

  /** The exact size of the encoded document. */
  async measure(): Promise<number> {
    const engine = await this.#wake()
    return (await engine.diff(this.#name, null)).length
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
    const deletions = await this.#deletions(this.#place.state)
    return deletions !== null && some.every(update => isEqual(update, deletions))
  }

  /** After `broken` the document has to be rebuilt. */
  apply(batch: readonly EngineInput[]): Promise<ApplyResult> {
    if (this.#place.type === 'resting') return this.#wake().then(engine => engine.apply(this.#name, batch))
    this.#neededMs = this.#context.scheduler.elapsed()
    return this.#place.engine.apply(this.#name, batch)
  }

  /** The document has changed by these updates, and the log is at this position. */
  changed(position: number, updates: readonly Uint8Array[]): void {
    this.#position = position
    if (this.#standing?.add(updates) === false) this.#standing = null
    this.#stateVector = null
    this.#fullState = null
  }

  /**
   * Builds the document anew: what is stored and what is on its way there is exactly what has been relayed.
   * @throws load_failed where it is not
   */
  async rebuild(): Promise<void> {
    const { engine } = this.#context
    const found = await loadSpace(this.#name, this.#context, updates => engine.open(this.#name, updates))
    const isSame = found.generation === this.#generation && found.quarantine === this.#quarantine
    if (!isSame || found.position !== this.#position) {
      throw new PlenumError('load_failed', 'what is stored is no longer what was relayed')
    }
    if (this.#place.type === 'resting') this.#place = this.#awake()
  }

  /** Keeps the document as bytes. Everything must be on the disk. */
  async rest(): Promise<void> {
    const { observer, scheduler } = this.#context
    if (this.#place.type === 'resting') return
    const { engine } = this.#place
    const nowMs = scheduler.elapsed()
    try {
      const stateVector = await this.stateVector()
      const full = await engine.diff(this.#name, null)
      await engine.close(this.#name)
      this.#place = { type: 'resting', state: RestingState.encoded(full, stateVector, nowMs) }
      this.#stateVector = null
      this.#standing = null
      observer.count('rests')
    } catch (error) {
      if (!(error instanceof EngineStuck)) throw error
      // It cost nobody anything; whoever wants the document next has it built again.
      this.#neededMs = nowMs
    }
  }

  /** Once a second: what nobody asks for takes less room. */
  sweep(nowMs: number): void {
    const { packing, observer } = this.#context
    if (nowMs - this.#askedMs >= FORGET_STATE_MS) {
      this.#fullState = null
      this.#standing = null
    }
    if (this.#place.type === 'awake' || !this.#place.state.isPackingDue(nowMs)) return
    this.#place.state.pack(packing).catch(error => {
      observer.report('error', 'a resting document could not be packed', { space: this.#name, error })
    })
  }

  /** Frees the document; also one that was just being built. */
  close(): Promise<void> {
    return this.#context.engine.close(this.#name)
  }

  #deletions(state: RestingState): Promise<Uint8Array | null> {
    return state.deletions(this.#name, this.#context, this.#context.scheduler.elapsed())
  }

  #awake(): Place {
    return { type: 'awake', engine: reviving(this.#context.engine, () => this.rebuild()) }
  }

  async #wake(): Promise<Engine> {
    const { observer, scheduler } = this.#context
    this.#neededMs = scheduler.elapsed()
    if (this.#place.type === 'resting') {
      observer.count('wakes')
      await this.#build(this.#place.state)
    }
    if (this.#place.type === 'resting') this.#place = this.#awake()
    return (this.#place as Place & { type: 'awake' }).engine
  }

  async #build(state: RestingState): Promise<void> {
    const { engine, observer } = this.#context
    try {
      const updates = await state.updates(this.#context, this.#neededMs)
      await engine.open(this.#name, updates)
      if (state.isEncoded && !isEqual(await engine.diff(this.#name, null), updates[0]!)) {
        throw new PlenumError('load_failed', 'the document is not what its encoding gives')
      }
    } catch (error) {
      // Once more would take as long.
      if (error instanceof EngineStuck) throw new PlenumError('load_failed', undefined, { cause: error })
      observer.report('warn', 'a resting document is built from what is stored', { space: this.#name, error })
      await this.rebuild()
    }
  }
}

/** The state vector of a client that has nothing. */
const NOTHING = Uint8Array.of(0)
/** What such a client answers to a step 1. */
const EMPTY_UPDATE = Uint8Array.of(0, 0)
