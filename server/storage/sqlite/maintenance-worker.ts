/**
 * A thread for long work: compaction, verification, backup. It only reads; the writer stores what comes out,
 * so that no append ever waits for a replay, and others go first where cores are short.
 */
import { workerData } from 'node:worker_threads'
import * as replayer from '../../space/engine/replay.js'
import { planCompaction } from '../compaction.js'
import { decodeRow, snapshotChecksum } from '../log-row.js'
import { writeBackup } from './backup.js'
import { openReadable } from './connection.js'
import { prepareLoad } from './load-space.js'
import type { CompactionResult, MaintenanceExchanges, WorkerOptions } from './messages.js'
import { giveWay } from './thread-priority.js'
import { verifyDatabase } from './verify.js'
import { serveRequests } from './worker-port.js'

giveWay()
const { database } = workerData as WorkerOptions
const db = openReadable(database)
const load = prepareLoad(db)

const compact = (space: string): CompactionResult => {
  const stored = load(space)
  const { rows, snapshot, generation, isQuarantineKept } = stored
  const plan = planCompaction({ ...stored, tail: rows.flatMap(decodeRow) }, replayer)
  switch (plan.type) {
    case 'nothing':
      return plan
    case 'quarantine':
      return { ...plan, isKept: isQuarantineKept }
    case 'snapshot':
    case 'repair': {
      const { position, update, type } = plan
      const basePosition = snapshot?.position ?? null
      return {
        type: 'snapshot',
        snapshot: {
          space,
          generation,
          position,
          basePosition,
          update,
          checksum: snapshotChecksum(space, position, update),
          parts: null,
          isRepair: type === 'repair',
        },
        dropped: type === 'repair' ? plan.dropped : [],
      }
    }
  }
}

serveRequests<MaintenanceExchanges>(
  {
    compact: ({ space }) => compact(space),
    verify: () => verifyDatabase(db),
    backup: ({ path }) => writeBackup(db, path),
  },
  response => {
    const { snapshot } = response as { snapshot?: { update: Uint8Array } }
    return snapshot === undefined ? [] : [snapshot.update]
  },
)
