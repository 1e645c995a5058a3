/**
 * Pruning history: log rows that a snapshot covers and that are old enough, a chunk at a time so that appends
 * pass in between. Who delivered what is folded into the space's attribution in the same transaction; a row
 * that cannot be read is left where it is.
 */
import type { Delivery } from '../../space/update-store.js'
import { decodeRow, type LogRow } from '../log-row.js'
import { foldIn, readFolded } from './attribution-table.js'
import type { Connection } from './connection.js'

const ROWS_PER_CHUNK = 500
const SPACES_PER_CHUNK = 200

/** Where the next chunk goes on: behind this row of this space. */
export interface PruneCursor {
  readonly space: number
  readonly last: number
}

export interface PruneChunk {
  readonly rows: number
  /** Null when everything was looked at. */
  readonly next: PruneCursor | null
}

export const PRUNE_START: PruneCursor = Object.freeze({ space: 0, last: 0 })

interface Candidate {
  readonly id: number
  readonly name: string
  readonly position: number
  readonly createdMs: number
}

type StoredRow = Omit<LogRow, 'space'> & { readonly atMs: number }

/** Prunes what was appended before `beforeMs`. To be called inside a transaction. */
export const pruneChunk = (db: Connection, from: PruneCursor, beforeMs: number): PruneChunk => {
  const candidates = db
    .prepare(
      `SELECT spaces.id, spaces.name, snapshots.position, snapshots.created_ms AS createdMs
       FROM spaces JOIN snapshots ON snapshots.space = spaces.id
       WHERE spaces.id >= ? AND spaces.quarantine IS NULL AND snapshots.position =
         (SELECT max(position) FROM snapshots WHERE space = spaces.id)
       ORDER BY spaces.id LIMIT ?`,
    )
    .all(from.space, SPACES_PER_CHUNK) as Candidate[]
  let rows = 0
  for (const candidate of candidates) {
    const after = candidate.id === from.space ? from.last : 0
    const pruned = pruneSpace(db, candidate, after, beforeMs, ROWS_PER_CHUNK - rows)
    rows += pruned.rows
    if (pruned.next !== null) return { rows, next: pruned.next }
  }
  const lastSpace = candidates.at(-1)?.id
  if (lastSpace === undefined || candidates.length < SPACES_PER_CHUNK) return { rows, next: null }
  return { rows, next: { space: lastSpace + 1, last: 0 } }
}

const pruneSpace = (
  db: Connection,
  space: Candidate,
  after: number,
  beforeMs: number,
  limit: number,
): PruneChunk => {
  // The snapshot before the newest is history like the rows between the two, and goes with them.
  if (space.createdMs < beforeMs) {
    db.prepare('DELETE FROM snapshots WHERE space = ? AND position < ?').run(space.id, space.position)
  }
  if (!hasReadableAttribution(db, space)) return { rows: 0, next: null }
  const deliveries: Delivery[] = []
  const readable: number[] = []
  let seen = 0
  let lastSeen = after
  const rows = db
    .prepare(
      `SELECT last, first, at_ms AS atMs, checksum, payload FROM log
       WHERE space = ? AND last > ? AND last <= ? ORDER BY last LIMIT ?`,
    )
    .iterate(space.id, after, space.position, limit) as IterableIterator<StoredRow>
  for (const row of rows) {
    // Stops at the first that is kept: what remains of the log has no holes.
    if (row.atMs >= beforeMs) {
      seen = 0
      break
    }
    seen++
    lastSeen = row.last
    try {
      for (const flush of decodeRow({ space: space.name, ...row })) deliveries.push(...flush.deliveries)
      readable.push(row.last)
    } catch {
      // Left where it is; reported when the data folder is verified.
    }
  }
  if (deliveries.length > 0) foldIn(db, space.name, space.id, deliveries)
  const remove = db.prepare('DELETE FROM log WHERE space = ? AND last = ?')
  for (const last of readable) remove.run(space.id, last)
  return { rows: readable.length, next: seen < limit ? null : { space: space.id, last: lastSeen } }
}

/** Where it is damaged, folding into it would lose what is left: the space keeps its rows. */
const hasReadableAttribution = (db: Connection, space: Candidate): boolean => {
  try {
    readFolded(db, space.name, space.id)
    return true
  } catch {
    return false
  }
}
