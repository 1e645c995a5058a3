/** The engine in threads keeps the contract of engines. */
import { WorkerEngine } from '../../../server/engine-threads/worker-engine.js'
import { engineContract } from '../../contract/engine.js'
import { CountingObserver } from '../../support/core.js'

for (const threads of [1, 3]) {
  engineContract(`${threads} threads`, () => {
    const engine = new WorkerEngine({
      threads,
      observer: new CountingObserver(),
      timeoutMs: 20_000,
      maxHeapBytes: 256 * 2 ** 20,
    })
    return { engine, size: () => engine.size, dispose: () => engine.terminate() }
  })
}
