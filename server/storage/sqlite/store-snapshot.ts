/**
 * Storing a verified snapshot. It is stored only if the space is still as it was when the snapshot was made;
 * the snapshot that it was built on is kept beside it, should the new one be damaged later.
 */
import type { Connection } from './connection.js'
import type { LogTable } from './log-table.js'
import type { SnapshotParts } from './snapshot-parts.js'

export interface SnapshotToStore {
  readonly space: string
  /** The generation that was read. */
  readonly generation: number
  readonly position: number
  /** The position of the snapshot that this one was built on, or null. */
  readonly basePosition: number | null
  /** The whole, or what is behind the parts. */
  readonly update: Uint8Array
  /** Of the whole. */
  readonly checksum: number
  /** What is stored of it already. */
  readonly parts: { readonly snapshot: number; readonly count: number } | null
  /** Whether something was left out: the generation rises with it. */
  readonly isRepair: boolean
}

export type StoreSnapshotResult =
  | 'stored'
  /** The space has another generation, or a newer snapshot. */
  | 'superseded'
  /** A repair covers everything there is: the space was written to since. */
  | 'written-meanwhile'

/** To be called inside a transaction. */
export const prepareStoreSnapshot = (
  db: Connection,
  log: LogTable,
  parts: SnapshotParts,
): ((snapshot: SnapshotToStore, nowMs: number) => StoreSnapshotResult) => {
  const findSpace = db.prepare('SELECT id, generation FROM spaces WHERE name = ? AND quarantine IS NULL')
  const findNewer = db.prepare('SELECT 1 FROM snapshots WHERE space = ? AND position > ?')
  const remove = db.prepare('DELETE FROM snapshots WHERE space = ? AND position IS NOT ?')
  const insert = db.prepare(
    'INSERT INTO snapshots (id, space, position, created_ms, checksum, payload) VALUES (?, ?, ?, ?, ?, ?)',
  )
  const raise = db.prepare('UPDATE spaces SET generation = generation + 1 WHERE id = ?')
  return (snapshot, nowMs) => {
    const { generation, position, basePosition, update, checksum, isRepair } = snapshot
    const space = findSpace.get(snapshot.space) as { id: number; generation: number } | undefined
    if (space === undefined || space.generation !== generation) return 'superseded'
    if (findNewer.get(space.id, position) !== undefined) return 'superseded'
    if (isRepair && log.lastOf(space.id) !== position) return 'written-meanwhile'
    remove.run(space.id, basePosition)
    const id = snapshot.parts?.snapshot ?? parts.nextId()
    if (parts.count(id) !== (snapshot.parts?.count ?? 0)) throw new Error('parts of the snapshot are missing')
    insert.run(id, space.id, position, nowMs, checksum, update)
    if (isRepair) raise.run(space.id)
    return 'stored'
  }
}
