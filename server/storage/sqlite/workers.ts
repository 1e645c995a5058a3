/** The threads of a store: what each is for, and in which order they end. */
import type { DataFolder } from '../data-folder.js'
import type { Failpoints } from '../failpoints.js'
import type { MaintenanceExchanges, ReaderExchanges, WriterExchanges } from './messages.js'
import { WorkerClient } from './worker-client.js'

export interface Workers {
  readonly writer: WorkerClient<WriterExchanges>
  readonly reader: WorkerClient<ReaderExchanges>
  readonly compactor: WorkerClient<MaintenanceExchanges>
  /** Verification and backup: a compaction that hangs must not take them with it, nor wait for them. */
  readonly inspector: WorkerClient<MaintenanceExchanges>
}

export const createWorkers = (folder: DataFolder, failpoints: Failpoints): Workers => {
  const options = { database: folder.database, failpoints }
  const maintenance = new URL('./maintenance-worker.js', import.meta.url)
  return {
    writer: new WorkerClient(new URL('./writer-worker.js', import.meta.url), options),
    reader: new WorkerClient(new URL('./reader-worker.js', import.meta.url), options),
    compactor: new WorkerClient(maintenance, options),
    inspector: new WorkerClient(maintenance, options),
  }
}

/** Long work is given up: it can be done again. */
export const endLongWork = async ({ compactor, inspector }: Workers): Promise<void> => {
  await Promise.all([compactor.terminate(), inspector.terminate()])
}

/** The writer's connection goes last: it folds the write-ahead log into the database. */
export const closeConnections = async ({ reader, writer }: Workers): Promise<void> => {
  await closeWorker(reader)
  await closeWorker(writer)
}

const closeWorker = async (worker: WorkerClient<ReaderExchanges | WriterExchanges>): Promise<void> => {
  if (worker.isRunning) await worker.call('close', null).catch(() => undefined)
  await worker.terminate()
}
