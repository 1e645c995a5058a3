/**
 * What is asked of a space's content beside its connections: answered in the turns of the space, between edits, in
 * order and a few at a time. What goes wrong with a question is whoever's who asked it.
 */
import { type ErrorCode, PlenumError, toPlenumError } from '../../shared/errors.js'
import { EngineStuck } from './engine.js'
import type { Observer } from './observer.js'
import type { Scheduler } from './scheduler.js'

export interface ReadingsOptions {
  readonly observer: Pick<Observer, 'count'>
  readonly scheduler: Scheduler
  readonly space: { requestTurn(): void }
}

interface Reading {
  /** Settles the promise of whoever waits; @throws what concerns the space. */
  run(): Promise<void>
  reject(error: PlenumError): void
}

/** One more is refused with rate_limited. */
export const MAX_WAITING_READINGS = 200
/** Edits wait no longer than this, and one reading. */
const MAX_TURN_MS = 20
/** What only says that the question was bad. */
const HARMLESS: ReadonlySet<ErrorCode> = new Set(['malformed', 'bad_request', 'too_large'])

export class Readings {
  readonly #options: ReadingsOptions
  #waiting: Reading[] = []
  #closedBy: ErrorCode | null = null

  constructor(options: ReadingsOptions) {
    this.#options = options
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0
  }

  /**
   * Calls `read` in a turn: the document does not change until it settles.
   * @throws rate_limited where too many wait, or it takes the engine too long; why the space was closed meanwhile
   */
  ask<Answer>(read: () => Promise<Answer>): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#closedBy !== null) return reject(closedBy(this.#closedBy))
      if (this.#waiting.length >= MAX_WAITING_READINGS) {
        this.#options.observer.count('turned_away')
        return reject(new PlenumError('rate_limited', 'too many questions about this space'))
      }
      const run = async (): Promise<void> => {
        try {
          resolve(await read())
        } catch (error) {
          const isStuck = error instanceof EngineStuck
          if (isStuck) this.#options.observer.count('turned_away')
          const told = isStuck ? new PlenumError('rate_limited', 'the answer takes too long') : error
          reject(toPlenumError(told))
          if (!isStuck && !HARMLESS.has(toPlenumError(error).code)) throw error
        }
      }
      this.#waiting.push({ run, reject })
      this.#options.space.requestTurn()
    })
  }

  /** To be called in a turn. @throws what concerns the space */
  async run(): Promise<void> {
    const { scheduler } = this.#options
    const startMs = scheduler.elapsed()
    for (let left = this.#waiting.length; left > 0; left--) {
      await this.#waiting.shift()?.run()
      if (scheduler.elapsed() - startMs > MAX_TURN_MS) return
    }
  }

  /** Refuses whoever waits, and whoever comes. Idempotent: the first code counts. */
  close(code: ErrorCode): void {
    this.#closedBy ??= code
    for (const { reject } of this.#waiting.splice(0)) reject(closedBy(this.#closedBy))
  }
}

/** Why somebody waits in vain. */
export const closedBy = (code: ErrorCode): PlenumError =>
  code === 'load_failed' ? new PlenumError(code, 'the space was closed meanwhile') : new PlenumError(code)
