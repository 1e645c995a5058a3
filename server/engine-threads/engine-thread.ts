/**
 * The server's side of one engine thread: calls go in order, and each settles. A thread that is stuck in a call, or
 * dies, is ended: that call fails with `EngineStuck`, the others with `DocumentLost`, and the thread is not used
 * again.
 */
import { Worker } from 'node:worker_threads'
import { PlenumError } from '../../shared/errors.js'
import type { SpaceName } from '../../shared/names.js'
import { DocumentLost, EngineStuck } from '../space/engine.js'
import {
  type Answer,
  bytesOf,
  type Call,
  PROGRESS,
  PROGRESS_BYTES,
  packRequest,
  type Request,
  type Responses,
  type ThreadData,
} from './messages.js'
import { threadCpuMs } from './thread-clock.js'
import { IDLE, isStuck, LOOKS_PER_LIMIT, look, type Watch } from './watch.js'

export interface ThreadLimits {
  /** How long a call without bytes may take. */
  readonly timeoutMs: number
  /** The thread's heap; beyond it the thread ends. */
  readonly maxHeapBytes: number
}

export interface EngineThreadOptions extends ThreadLimits {
  readonly script: URL
  /** For work that must not delay others'. */
  readonly isYielding: boolean
  /** The thread is gone, and nobody had asked for it. @param culprit whose call it was working on, where it was */
  onEnd(thread: EngineThread, end: { readonly culprit: SpaceName | null; readonly reason: string }): void
}

interface Waiting {
  readonly request: Request
  /** Of the document and the call. */
  readonly bytes: number
  resolve(answer: { readonly response: Responses[keyof Responses]; readonly costMs: number }): void
  reject(error: Error): void
}

/** What a large document or message may take on top: a tenth of the speed at which threads load documents. */
const LIMIT_BYTES_PER_MS = 1000
/** How long a thread may take to begin: it loads its program first, on a machine that may be busy. */
const START_MS = 10_000
/** A load does again what many calls did before. */
const LOAD_FACTOR = 5
/** What fits the shared numbers. */
const MAX_NUMBER = 0x7fff_ffff
/** How fast a thread's past work is forgotten. */
const LOAD_HALF_LIFE_MS = 5_000

export class EngineThread {
  /** Which spaces live here; kept by the owner. */
  readonly spaces = new Set<SpaceName>()
  readonly #options: EngineThreadOptions
  readonly #worker: Worker
  readonly #progress = new Int32Array(new SharedArrayBuffer(PROGRESS_BYTES))
  /** Calls without an answer yet, in order. */
  readonly #waiting = new Map<number, Waiting>()
  /** Calls that go out with the next message. */
  #queue: number[] = []
  #posted = 0
  #number = 0
  #watch: Watch = IDLE
  /** Of the input of a batch: the whole of it may take long although each is quick. */
  #inputWatch: Watch = IDLE
  readonly #looks: NodeJS.Timeout
  #isEnded = false
  #hasBegun = false
  #cpuMs: number | null = null
  #load = 0
  #loadMs = performance.now()

  constructor(options: EngineThreadOptions) {
    this.#options = options
    const workerData: ThreadData = {
      progress: this.#progress.buffer as SharedArrayBuffer,
      isYielding: options.isYielding,
    }
    const maxOldGenerationSizeMb = Math.ceil(options.maxHeapBytes / 2 ** 20)
    this.#worker = new Worker(options.script, { workerData, resourceLimits: { maxOldGenerationSizeMb } })
    this.#worker.on('message', (answers: readonly Answer[]) => this.#settle(answers))
    this.#worker.on('error', error => this.#end(error.message))
    this.#worker.on('exit', code => this.#end(`the thread ended with code ${code}`))
    // Nobody waits for what only looks.
    this.#looks = setInterval(() => this.#look(), this.#lookMs).unref()
  }

  get isEnded(): boolean {
    return this.#isEnded
  }

  /** Recent work, ms: an average in which what is old counts less. */
  get load(): number {
    this.#decay()
    return this.#load
  }

  /** Whether it works or has work waiting. */
  get isBusy(): boolean {
    return this.#waiting.size > 0
  }

  /**
   * @param documentBytes of the document that the call is about: the larger, the longer it may take
   * @throws DocumentLost, EngineStuck, or PlenumError as the engine threw it
   */
  call<R extends Request>(
    request: R,
    documentBytes: number,
  ): Promise<{ readonly response: Responses[R['op']]; readonly costMs: number }> {
    if (this.#isEnded) return Promise.reject(new DocumentLost())
    this.#number = (this.#number % MAX_NUMBER) + 1
    const number = this.#number
    return new Promise((resolve, reject) => {
      const waiting = { request, bytes: documentBytes + bytesOf(request), resolve, reject }
      this.#waiting.set(number, waiting as Waiting)
      this.#queue.push(number)
      this.#post()
    })
  }

  /** Ends the thread at once; what waits for it fails. Idempotent. */
  async terminate(): Promise<void> {
    this.#end('the thread was ended', false)
    await this.#worker.terminate()
  }

  /** While the thread works, what comes is collected: it goes out in one message when the thread is free. */
  #post(): void {
    if (this.#posted > 0 || this.#queue.length === 0) return
    const calls: Call[] = []
    const moved: ArrayBuffer[] = []
    for (const number of this.#queue) {
      const packed = packRequest(this.#waiting.get(number)!.request)
      calls.push({ ...packed.request, number })
      moved.push(...packed.moved)
    }
    this.#posted = calls.length
    this.#queue = []
    this.#worker.postMessage(calls, moved)
  }

  #settle(answers: readonly Answer[]): void {
    if (this.#isEnded) return
    this.#hasBegun = true
    this.#posted -= answers.length
    this.#post()
    this.#decay()
    for (const answer of answers) {
      const { number, costMs } = answer
      this.#load += costMs
      const waiting = this.#waiting.get(number)
      if (waiting === undefined) continue
      this.#waiting.delete(number)
      if ('response' in answer) {
        waiting.resolve({ response: answer.response, costMs })
        continue
      }
      const { code, message, stack } = answer.failure
      waiting.reject(new PlenumError(code, message, { cause: Object.assign(new Error(message), { stack }) }))
    }
  }

  get #lookMs(): number {
    return this.#options.timeoutMs / LOOKS_PER_LIMIT
  }

  #look(): void {
    const before = this.#watch.call
    const time = { cpuMs: this.#cpuMsSince(), lookMs: this.#lookMs }
    this.#watch = look(this.#watch, { atWork: this.#atWork(), ...time })
    if (this.#watch.call !== before) this.#inputWatch = IDLE
    this.#inputWatch = look(this.#inputWatch, { atWork: this.#progress[PROGRESS.input]!, ...time })
    const waiting = this.#watch.call === null ? undefined : this.#waiting.get(this.#watch.call)
    if (waiting === undefined) return
    const startMs = this.#hasBegun ? 0 : START_MS
    const factor = waiting.request.op === 'open' ? LOAD_FACTOR : 1
    const limitMs = factor * this.#options.timeoutMs + waiting.bytes / LIMIT_BYTES_PER_MS + startMs
    if (!isStuck(this.#watch, limitMs)) return
    this.#end(`no answer to ${waiting.request.op} within ${Math.round(limitMs)} ms`)
    void this.#worker.terminate()
  }

  /** One that answers nothing at all is stuck in the oldest call. */
  #atWork(): number | null {
    const atWork = Atomics.load(this.#progress, PROGRESS.call)
    if (atWork !== 0) return atWork
    const [oldest] = this.#waiting.keys()
    return oldest ?? null
  }

  #end(reason: string, isFault = true): void {
    if (this.#isEnded) return
    this.#isEnded = true
    clearInterval(this.#looks)
    const atWork = isFault ? Atomics.load(this.#progress, PROGRESS.call) : 0
    const culprit = this.#waiting.get(atWork)?.request ?? null
    if (isFault) this.#options.onEnd(this, { culprit: culprit?.space ?? null, reason })
    for (const [number, { reject }] of this.#waiting) {
      if (number !== atWork) reject(new DocumentLost())
      else reject(new EngineStuck(reason, culprit?.op === 'apply' ? this.#stuckInput() : null))
    }
    this.#waiting.clear()
    this.#queue = []
  }

  /** What the thread had of the processor since the last look; null where it is not known. */
  #cpuMsSince(): number | null {
    if (!this.isBusy) return null
    const before = this.#cpuMs
    this.#cpuMs = threadCpuMs(this.#progress[PROGRESS.thread]!)
    return before === null || this.#cpuMs === null ? null : this.#cpuMs - before
  }

  /** The input that alone took as long as the shortest call may. */
  #stuckInput(): number | null {
    const { call: input } = this.#inputWatch
    const isIt = isStuck(this.#inputWatch, this.#options.timeoutMs)
    return isIt && input !== null && input >= 0 ? input : null
  }

  #decay(): void {
    const nowMs = performance.now()
    this.#load *= 2 ** ((this.#loadMs - nowMs) / LOAD_HALF_LIFE_MS)
    this.#loadMs = nowMs
  }
}
