/**
 * Storing a verified snapshot. It is stored only if the space is still as it was when the snapshot was made;
 * the snapshot that it was built on is kept beside it, should the new one be damaged later.
 */
import { snapshotChecksum } from '../log-row.js'
import { prepareLastPosition } from './append-group.js'
import type { Connection } from './connection.js'

export interface SnapshotToStore {
  readonly space: string
  /** The generation that was read. */
  readonly generation: number
  readonly position: number
  /** The position of the snapshot that this one was built on, or null. */
  readonly basePosition: number | null
  readonly update: Uint8Array
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
): ((snapshot: SnapshotToStore, nowMs: number) => StoreSnapshotResult) => {
  const findSpace = db.prepare('SELECT id, generation FROM spaces WHERE name = ? AND quarantine IS NULL')
  const findNewer = db.prepare('SELECT 1 FROM snapshots WHERE space = ? AND position > ?')
  const findLast = prepareLastPosition(db)
  const remove = db.prepare('DELETE FROM snapshots WHERE space = ? AND position IS NOT ?')
  const insert = db.prepare(
    'INSERT INTO snapshots (space, position, created_ms, checksum, payload) VALUES (?, ?, ?, ?, ?)',
  )
  const raise = db.prepare('UPDATE spaces SET generation = generation + 1 WHERE id = ?')
  return ({ space: name, generation, position, basePosition, update, isRepair }, nowMs) => {
    const space = findSpace.get(name) as { id: number; generation: number } | undefined
    if (space === undefined || space.generation !== generation) return 'superseded'
    if (findNewer.get(space.id, position) !== undefined) return 'superseded'
    if (isRepair && findLast(space.id) !== position) return 'written-meanwhile'
    remove.run(space.id, basePosition)
    insert.run(space.id, position, nowMs, snapshotChecksum(name, position, update), update)
    if (isRepair) raise.run(space.id)
    return 'stored'
  }
}
