/**
 * The store's half of the exchange with a worker. Every call settles: when the worker dies, all that wait for
 * it fail, and the next call starts another.
 */
import { Worker } from 'node:worker_threads'
import { PlenumError } from '../../../shared/errors.js'
import { StartupError } from '../startup-error.js'
import type { Exchanges, WorkerOptions } from './messages.js'
import type { WorkerError, WorkerReply, WorkerRequest } from './worker-port.js'

export interface CallOptions {
  /** Moved to the worker, unusable here afterwards. */
  readonly transfer?: readonly ArrayBuffer[]
  /** The worker is ended when it has not answered by then; everything else that waits for it fails too. */
  readonly timeoutMs?: number
}

interface Waiting {
  resolve(response: unknown): void
  reject(error: Error): void
  readonly timer: NodeJS.Timeout | null
}

export class WorkerClient<E extends Exchanges> {
  readonly #script: URL
  readonly #options: WorkerOptions
  readonly #waiting = new Map<number, Waiting>()
  #worker: Worker | null = null
  #number = 0

  constructor(script: URL, options: WorkerOptions) {
    this.#script = script
    this.#options = options
  }

  get isRunning(): boolean {
    return this.#worker !== null
  }

  /** Has the worker begin before the first call. Idempotent. */
  begin(): void {
    if (this.#worker === null) this.#start()
  }

  /**
   * Starts the worker where none runs.
   * @throws PlenumError or StartupError as the handler threw it, else Error with the handler's `code`
   */
  call<Name extends keyof E & string>(
    name: Name,
    request: E[Name]['request'],
    { transfer = [], timeoutMs }: CallOptions = {},
  ): Promise<E[Name]['response']> {
    const worker = this.#worker ?? this.#start()
    const number = ++this.#number
    return new Promise((resolve, reject) => {
      const timer =
        timeoutMs === undefined
          ? null
          : setTimeout(() => {
              this.#end(worker, new Error(`no answer to ${name} within ${timeoutMs} ms`))
              void worker.terminate()
            }, timeoutMs)
      this.#waiting.set(number, { resolve, reject, timer })
      worker.postMessage({ number, name, request } satisfies WorkerRequest, [...transfer])
    })
  }

  /** Ends the worker at once; what waits for it fails. Idempotent. */
  async terminate(): Promise<void> {
    const worker = this.#worker
    if (worker === null) return
    this.#end(worker, new Error('the worker was ended'))
    await worker.terminate()
  }

  #start(): Worker {
    const worker = new Worker(this.#script, { workerData: this.#options })
    worker.on('message', (reply: WorkerReply) => this.#settle(reply))
    worker.on('error', error => this.#end(worker, error))
    worker.on('exit', code => this.#end(worker, new Error(`the worker ended with code ${code}`)))
    this.#worker = worker
    return worker
  }

  #settle(reply: WorkerReply): void {
    const waiting = this.#waiting.get(reply.number)
    if (waiting === undefined) return
    this.#waiting.delete(reply.number)
    if (waiting.timer !== null) clearTimeout(waiting.timer)
    if ('failure' in reply) waiting.reject(rebuild(reply.failure))
    else waiting.resolve(reply.response)
  }

  #end(worker: Worker, error: Error): void {
    if (this.#worker !== worker) return
    this.#worker = null
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const { reject, timer } of waiting) {
      if (timer !== null) clearTimeout(timer)
      reject(error)
    }
  }
}

const rebuild = (failure: WorkerError): Error => {
  switch (failure.type) {
    case 'plenum':
      return new PlenumError(failure.error.code, failure.error.message)
    case 'startup':
      return new StartupError(failure.error.problem, failure.error.message)
    case 'other': {
      const { message, code, stack } = failure.error
      return Object.assign(new Error(message), { code, stack })
    }
  }
}
