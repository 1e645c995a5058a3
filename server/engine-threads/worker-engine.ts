/**
 * The engine in threads: each space lives in one of them until it is closed. What costs much (a large document or
 * message, a space that keeps a thread busy, one that had a thread ended) lives in a thread apart, so that it
 * delays nobody but its like.
 */

import { PlenumError } from '../../shared/errors.js'
import type { SpaceName } from '../../shared/names.js'
import { type Allowance, type AllowanceTerms, leftAt, newAllowance, spend } from '../space/allowance.js'
import { foldUpdates } from '../space/engine/fold.js'
import { joinUpdates } from '../space/engine/join.js'
import {
  type ApplyResult,
  DocumentLost,
  type Engine,
  type EngineInput,
  EngineStuck,
  type Folded,
  type IntentionsFound,
  type Root,
  type RootsFound,
} from '../space/engine.js'
import type { Observer } from '../space/observer.js'
import { EngineThread, type ThreadLimits } from './engine-thread.js'
import { bytesOf, type Request, type Responses } from './messages.js'

export interface WorkerEngineOptions extends ThreadLimits {
  /** Threads for ordinary work. There is one more, for what costs much, per two of them, begun when needed. */
  readonly threads: number
  readonly observer: Pick<Observer, 'count' | 'report'>
  /** The thread's program; a test's hangs when it is told to. */
  readonly script?: URL
}

interface Home {
  readonly thread: EngineThread
  /** What its document takes about, encoded. */
  bytes: number
  allowance: Allowance
}

/** A call with more than this is dear before it has begun: Yjs takes seconds for the worst 100 KB. */
const DEAR_CALL_BYTES = 16 * 1024
const DEAR_CALL_INPUTS = 200
/** What a space may use of a thread that it shares; beyond it, it is dear and lives with its like. */
const SHARED_TERMS: AllowanceTerms = { share: 0.2, burstMs: 50, maxDebtMs: 2_000 }
/** Loading or encoding one that is larger takes tens of milliseconds. */
const DEAR_DOCUMENT_BYTES = 1024 * 1024
/** Reading as much takes a few milliseconds. */
const MAX_FOLDED_HERE_BYTES = 512 * 1024
/** Each update is quick, and so many may not be. */
const DEAR_OPEN_UPDATES = 2_000
/** How often a load that others' faults ended is begun again. */
const MAX_OPEN_ATTEMPTS = 5
/** What one more space weighs when a thread is chosen, in ms of recent work. */
const SPACE_WEIGHT_MS = 0.1
/** How long a space that had a thread ended stays apart. */
const SUSPECT_MS = 600_000

type Kind = 'ordinary' | 'apart'

export class WorkerEngine implements Engine {
  readonly #options: WorkerEngineOptions
  readonly #threads: Readonly<Record<Kind, (EngineThread | null)[]>>
  readonly #homes = new Map<SpaceName, Home>()
  /** Their thread ended, and nobody has opened or closed them since. */
  readonly #lost = new Set<SpaceName>()
  /** Until when they live apart. */
  readonly #suspects = new Map<SpaceName, number>()

  constructor(options: WorkerEngineOptions) {
    this.#options = options
    const empty = (length: number): null[] => Array.from({ length }, () => null)
    this.#threads = { ordinary: empty(options.threads), apart: empty(Math.ceil(options.threads / 2)) }
  }

  /** How many documents are in memory. */
  get size(): number {
    return this.#homes.size
  }

  /** What takes no longer than a frame of that size is not worth the way to a thread. */
  async fold(space: SpaceName, updates: readonly Uint8Array[], isBrief = false): Promise<Folded | null> {
    const request = { op: 'fold', space, updates, isBrief } as const
    const bytes = bytesOf(request)
    if (bytes <= MAX_FOLDED_HERE_BYTES) return foldUpdates(updates, isBrief)
    return (await this.#callAnywhere(request, bytes)).response
  }

  /** There is never much of it. */
  async join(updates: readonly Uint8Array[]): Promise<Uint8Array | null> {
    return joinUpdates(updates)
  }

  async open(space: SpaceName, updates: readonly Uint8Array[]): Promise<void> {
    await this.close(space)
    const request = { op: 'open', space, updates } as const
    const bytes = bytesOf(request)
    const { thread, costMs } = await this.#callAnywhere(request, bytes)
    const nowMs = performance.now()
    thread.spaces.add(space)
    this.#lost.delete(space)
    const allowance = spend(newAllowance(SHARED_TERMS, nowMs), SHARED_TERMS, { costMs, nowMs })
    this.#homes.set(space, { thread, bytes, allowance })
  }

  /** For what needs no document that is in a thread already. */
  async #callAnywhere<R extends Request>(request: R, bytes: number) {
    for (let attempt = 1; ; attempt++) {
      const thread = this.#pick(this.#isApart(request, bytes) ? 'apart' : 'ordinary')
      try {
        return { thread, ...(await thread.call(request, 0)) }
      } catch (error) {
        if (!(error instanceof DocumentLost) || attempt === MAX_OPEN_ATTEMPTS) throw error
      }
    }
  }

  async apply(space: SpaceName, batch: readonly EngineInput[]): Promise<ApplyResult> {
    try {
      const result = await this.#call({ op: 'apply', space, batch })
      if (result.type === 'broken') this.#leave(space)
      return result
    } catch (cause) {
      if (!(cause instanceof EngineStuck)) throw cause
      this.#lost.delete(space)
      return { type: 'broken', offender: cause.offender, cause }
    }
  }

  stateVector(space: SpaceName): Promise<Uint8Array> {
    return this.#call({ op: 'state-vector', space })
  }

  diff(space: SpaceName, stateVector: Uint8Array | null): Promise<Uint8Array> {
    return this.#call({ op: 'diff', space, stateVector })
  }

  intentions(space: SpaceName): Promise<IntentionsFound> {
    return this.#call({ op: 'intentions', space })
  }

  async json(space: SpaceName, roots: readonly Root[] | null): Promise<RootsFound> {
    return JSON.parse(await this.#call({ op: 'json', space, roots })) as RootsFound
  }

  async close(space: SpaceName): Promise<void> {
    this.#lost.delete(space)
    const home = this.#homes.get(space)
    if (home === undefined) return
    this.#leave(space)
    // Where the thread ends instead, the document has gone with it.
    await home.thread.call({ op: 'close', space }, home.bytes).catch(() => {})
  }

  /** Ends every thread. Idempotent. */
  async terminate(): Promise<void> {
    const threads = Object.values(this.#threads).flatMap(all => all.splice(0))
    await Promise.all(threads.map(thread => thread?.terminate()))
    this.#homes.clear()
    this.#lost.clear()
  }

  async #call<R extends Request>(request: R): Promise<Responses[R['op']]> {
    const { space } = request
    let home = this.#home(space)
    const bytes = bytesOf(request)
    if (this.#shouldMove(home, request, bytes)) {
      await this.#moveApart(space, home)
      home = this.#home(space)
    }
    const { response, costMs } = await home.thread.call(request, home.bytes)
    home.allowance = spend(home.allowance, SHARED_TERMS, { costMs, nowMs: performance.now() })
    if (request.op === 'apply') home.bytes += bytes
    if (request.op === 'diff' && request.stateVector === null) home.bytes = (response as Uint8Array).length
    return response
  }

  #home(space: SpaceName): Home {
    const home = this.#homes.get(space)
    if (home !== undefined) return home
    if (this.#lost.has(space)) throw new DocumentLost()
    throw new PlenumError('internal', 'the space is not open in the engine')
  }

  /** Nobody is hindered by one that is alone. */
  #shouldMove({ thread, allowance }: Home, request: Request, bytes: number): boolean {
    if (thread.spaces.size === 1 || this.#threads.apart.includes(thread)) return false
    if (bytes > DEAR_CALL_BYTES) return true
    if (request.op === 'apply' && request.batch.length > DEAR_CALL_INPUTS) return true
    return leftAt(allowance, SHARED_TERMS, performance.now()) < 0
  }

  /** Where the document does not come out of its own bytes as it was, it stays where it is. */
  async #moveApart(space: SpaceName, home: Home): Promise<void> {
    const { response: update } = await home.thread.call({ op: 'diff', space, stateVector: null }, home.bytes)
    const thread = this.#pick('apart')
    const isKept = await thread.call({ op: 'adopt', space, update }, 0).then(
      ({ response }) => response,
      () => false,
    )
    if (!isKept || this.#homes.get(space) !== home) return
    this.#leave(space)
    void home.thread.call({ op: 'close', space }, home.bytes).catch(() => {})
    thread.spaces.add(space)
    this.#homes.set(space, { thread, bytes: update.length, allowance: home.allowance })
    this.#options.observer.count('moved_apart')
  }

  #leave(space: SpaceName): void {
    this.#homes.get(space)?.thread.spaces.delete(space)
    this.#homes.delete(space)
  }

  #isApart(request: Request, bytes: number): boolean {
    const { space } = request
    const untilMs = this.#suspects.get(space)
    if (untilMs !== undefined && untilMs <= performance.now()) this.#suspects.delete(space)
    const isLong = request.op === 'open' && request.updates.length > DEAR_OPEN_UPDATES
    return isLong || this.#suspects.has(space) || bytes > DEAR_DOCUMENT_BYTES
  }

  /** The one with the least to do; one that does not run yet has nothing. */
  #pick(kind: Kind): EngineThread {
    const threads = this.#threads[kind]
    if (threads.length === 0) throw new PlenumError('internal', 'the engine was ended')
    const weights = threads.map(thread => {
      if (thread === null) return 0
      return thread.load + thread.spaces.size * SPACE_WEIGHT_MS + (thread.isBusy ? SPACE_WEIGHT_MS : 0)
    })
    const best = weights.indexOf(Math.min(...weights))
    threads[best] ??= this.#start(kind, best)
    return threads[best]
  }

  #start(kind: Kind, at: number): EngineThread {
    const { script = new URL('./thread.js', import.meta.url), observer } = this.#options
    return new EngineThread({
      ...this.#options,
      script,
      isYielding: kind === 'apart',
      onEnd: (thread, { culprit, reason }) => {
        if (this.#threads[kind][at] === thread) this.#threads[kind][at] = null
        for (const space of thread.spaces) {
          this.#homes.delete(space)
          this.#lost.add(space)
        }
        observer.count('thread_restarts')
        observer.report('error', 'an engine thread was ended', {
          space: culprit,
          reason,
          others: thread.spaces.size - (culprit !== null && thread.spaces.has(culprit) ? 1 : 0),
        })
        if (culprit !== null) this.#suspects.set(culprit, performance.now() + SUSPECT_MS)
        thread.spaces.clear()
      },
    })
  }
}
