/** The engine of a service: on the thread that serves connections, or in threads of its own. */
import { availableParallelism } from 'node:os'
import type { Config } from '../config.js'
import { WorkerEngine } from '../engine-threads/worker-engine.js'
import { InlineEngine } from '../space/engine/inline-engine.js'
import type { Engine } from '../space/engine.js'
import type { Observer } from '../space/observer.js'

export interface OpenedEngine {
  readonly engine: Engine
  /** Ends what it runs. Idempotent. */
  close(): Promise<void>
}

const MAX_AUTO_WORKERS = 8

export const openEngine = (
  { workers, engineTimeoutMs, workerHeapBytes }: Config,
  observer: Observer,
): OpenedEngine => {
  const threads = workers === 'auto' ? workersFor(availableParallelism()) : workers
  if (threads === 0) {
    const engine = new InlineEngine({ elapsed: () => performance.now() })
    return { engine, close: async () => {} }
  }
  const engine = new WorkerEngine({
    threads,
    observer,
    timeoutMs: engineTimeoutMs,
    maxHeapBytes: workerHeapBytes,
  })
  return { engine, close: () => engine.terminate() }
}

/** One core is for connections; with one more, what passing every batch to a thread costs is missed elsewhere. */
export const workersFor = (cores: number): number => (cores <= 2 ? 0 : Math.min(cores - 1, MAX_AUTO_WORKERS))
