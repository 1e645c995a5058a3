/**
 * The table of spaces: each is opened once however many ask, and whoever asks for one that is closing waits and has
 * it opened anew. A failed load refuses those who asked for it and leaves nothing.
 */
import { type ErrorCode, PlenumError, toPlenumError } from '../../shared/errors.js'
import type { SpaceName } from '../../shared/names.js'
import { EngineStuck } from './engine.js'
import { Space, type SpaceContext } from './space.js'
import type { Suspensions } from './suspensions.js'

export interface OpenSpacesOptions {
  readonly context: SpaceContext
  readonly suspensions: Suspensions
}

type Entry =
  /** What a lost append was to bring may be in what was read; it ends then. */
  | { readonly type: 'loading'; readonly space: Promise<Space>; isLost: boolean }
  | { readonly type: 'active'; readonly space: Space }
  | { readonly type: 'evicting'; readonly done: Promise<void> }

/** How a space ends. */
interface Retirement {
  /** What whoever waits for something without a connection is told. */
  readonly code?: ErrorCode
  /** What is done before anybody opens it again. */
  readonly work?: () => Promise<void>
}

export class OpenSpaces {
  readonly #context: SpaceContext
  readonly #suspensions: Suspensions
  readonly #entries = new Map<SpaceName, Entry>()
  #isDraining = false
  #isCutOff = false

  constructor({ context, suspensions }: OpenSpacesOptions) {
    this.#context = context
    this.#suspensions = suspensions
  }

  /** Those that are open, being loaded, or closing. */
  get count(): number {
    return this.#entries.size
  }

  get isDraining(): boolean {
    return this.#isDraining
  }

  opened(name: SpaceName): Space | undefined {
    const entry = this.#entries.get(name)
    return entry?.type === 'active' ? entry.space : undefined
  }

  *everyOpen(): Generator<Space> {
    for (const entry of this.#entries.values()) if (entry.type === 'active') yield entry.space
  }

  /** A load that is under way: undefined where it fails. Never rejects. */
  loading(name: SpaceName): Promise<Space | undefined> | undefined {
    const entry = this.#entries.get(name)
    return entry?.type === 'loading' ? entry.space.catch(() => undefined) : undefined
  }

  /** How a space that is closing ends. Never rejects. */
  closing(name: SpaceName): Promise<void> | undefined {
    const entry = this.#entries.get(name)
    return entry?.type === 'evicting' ? entry.done : undefined
  }

  /**
   * Opens a space where it is not. It may have ended in the very turn in which whoever asked waited for it: they
   * look whether it is `opened`, and ask again.
   * @throws draining, load_failed, space_deleted, quarantined
   */
  async open(name: SpaceName): Promise<Space> {
    if (this.#isDraining) throw new PlenumError('draining')
    const entry = this.#entries.get(name)
    switch (entry?.type) {
      case 'active':
        return entry.space
      case 'loading':
        return entry.space
      case 'evicting':
        await entry.done
        return this.open(name)
      case undefined: {
        this.#suspensions.expectLoadable(name)
        const space = this.#load(name)
        this.#entries.set(name, { type: 'loading', space, isLost: false })
        return space
      }
    }
  }

  /** What was relayed of a space will never be on the disk: it ends, and so does a load that may have read it. */
  lost(name: SpaceName): void {
    const entry = this.#entries.get(name)
    if (entry?.type === 'active') entry.space.fail(lostAppend('internal'))
    else if (entry?.type === 'loading') entry.isLost = true
  }

  /** Closes a space that nobody needs, or that cannot go on: the next to ask loads it anew. */
  evict(space: Space): void {
    this.#context.observer.count('evictions')
    void this.retire(space)
  }

  /** Closes a space; never rejects. */
  retire(space: Space, { work = async () => {}, code }: Retirement = {}): Promise<void> {
    const done = this.#told(space, space.close(code).then(work)).then(() => {
      this.#entries.delete(space.name)
      this.#context.events.tell('space-closed', { space: space.name })
    })
    this.#entries.set(space.name, { type: 'evicting', done })
    return done
  }

  /** None is opened any more; what is being loaded still comes. */
  startDraining(): void {
    this.#isDraining = true
  }

  /** Resolves when every load that is under way has ended. */
  whenLoaded(): Promise<unknown> {
    return Promise.allSettled(
      [...this.#entries.values()].map(entry => entry.type === 'loading' && entry.space),
    )
  }

  /** What is still being loaded comes too late, and is closed at once. */
  cutOff(): void {
    this.#isCutOff = true
  }

  /** Closes what is open; never rejects. */
  async end(): Promise<void> {
    const ends = [...this.#entries.values()].map(entry => {
      if (entry.type === 'active') return this.#told(entry.space, entry.space.close('draining'))
      return entry.type === 'evicting' ? entry.done : undefined
    })
    await Promise.all(ends)
    for (const { name } of this.everyOpen()) this.#context.events.tell('space-closed', { space: name })
    this.#entries.clear()
  }

  /** A failure is told, and is nobody's to handle. */
  async #told({ name }: Space, closing: Promise<unknown>): Promise<void> {
    try {
      await closing
    } catch (cause) {
      const error = toPlenumError(cause)
      this.#context.observer.report('error', 'closing a space failed', { space: name, error })
    }
  }

  async #load(name: SpaceName): Promise<Space> {
    const { observer, events, commits } = this.#context
    try {
      const space = await Space.open(name, this.#context)
      if (this.#isCutOff) {
        await space.close()
        throw new PlenumError('draining')
      }
      const entry = this.#entries.get(name)
      if (entry?.type === 'loading' && entry.isLost) {
        await space.close()
        throw lostAppend('load_failed')
      }
      observer.count('loads')
      this.#suspensions.apply(space)
      this.#entries.set(name, { type: 'active', space })
      events.tell('space-opened', { space: name })
      if (space.isQuarantined) events.tell('quarantined', { space: name })
      // A commit may have ended while the space was loading.
      if (commits.uncommittedBytesOf(name) === 0) space.caughtUp()
      return space
    } catch (error) {
      this.#entries.delete(name)
      if (toPlenumError(error).code === 'space_deleted') throw error
      observer.count('load_failures')
      const isStuck = error instanceof PlenumError && error.cause instanceof EngineStuck
      if (isStuck) this.#suspensions.strike(name, 'loading')
      observer.report('error', 'space could not be loaded', { space: name, error: toPlenumError(error) })
      throw error
    }
  }
}

const lostAppend = (code: ErrorCode): PlenumError =>
  new PlenumError(code, 'an append was refused by the store')
