/**
 * A large snapshot is stored in parts, a short transaction each: nobody's commit waits for a long one. Until the
 * snapshot's row is there its parts are rubbish, and they are again when the row goes: a list names whose they are,
 * and whoever compacts clears it, a little at a time.
 */
import type { Connection } from './connection.js'

/** What the writer stores while an append waits, about as long as a sync. */
export const PART_BYTES = 256 * 1024
const CLEARED_AT_ONCE = 4

export interface PartToStore {
  /** The snapshot's id; null for the first part, which draws one. */
  readonly snapshot: number | null
  /** From 0. */
  readonly part: number
  readonly payload: Uint8Array
}

/** To be called inside transactions. */
export interface SnapshotParts {
  /** An id that neither a snapshot nor a part has. */
  nextId(): number
  /** @returns the snapshot's id */
  store(part: PartToStore): number
  count(snapshot: number): number
  /** Removes some rubbish. @returns whether there was any */
  clear(): boolean
}

export const prepareSnapshotParts = (db: Connection): SnapshotParts => {
  const next = db
    .prepare(
      `SELECT 1 + max(coalesce((SELECT max(id) FROM snapshots), 0),
                      coalesce((SELECT max(snapshot) FROM snapshot_rubbish), 0))`,
    )
    .pluck()
  const insert = db.prepare('INSERT INTO snapshot_parts (snapshot, part, payload) VALUES (?, ?, ?)')
  const count = db.prepare('SELECT count(*) FROM snapshot_parts WHERE snapshot = ?').pluck()
  const doom = db.prepare('INSERT INTO snapshot_rubbish (snapshot) VALUES (?)')
  const findRubbish = db.prepare('SELECT min(snapshot) FROM snapshot_rubbish').pluck()
  const remove = db.prepare(
    `DELETE FROM snapshot_parts WHERE snapshot = @snapshot AND part IN
       (SELECT part FROM snapshot_parts WHERE snapshot = @snapshot LIMIT ${CLEARED_AT_ONCE})`,
  )
  const forget = db.prepare('DELETE FROM snapshot_rubbish WHERE snapshot = ?')
  const nextId = (): number => next.get() as number
  return {
    nextId,
    store: ({ snapshot, part, payload }) => {
      const id = snapshot ?? nextId()
      if (snapshot === null) doom.run(id)
      insert.run(id, part, payload)
      return id
    },
    count: snapshot => count.get(snapshot) as number,
    clear: () => {
      const snapshot = findRubbish.get() as number | null
      if (snapshot === null) return false
      if (remove.run({ snapshot }).changes === 0) forget.run(snapshot)
      return true
    },
  }
}

/** The whole of a snapshot. @param rest what its row holds: all of it, or what is behind its parts */
export const joinParts = (db: Connection, snapshot: number, rest: Uint8Array): Uint8Array => {
  const parts = db
    .prepare('SELECT payload FROM snapshot_parts WHERE snapshot = ? ORDER BY part')
    .pluck()
    .all(snapshot) as Uint8Array[]
  return parts.length === 0 ? rest : Buffer.concat([...parts, rest])
}
