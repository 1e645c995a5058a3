/**
 * Reading a space. Every byte is checked on the way, and what cannot be read ends the reading, not the
 * space: the newest good snapshot and the good consecutive rows behind it are always returned.
 */
import { decodeRow, type LogRow, snapshotChecksum } from '../log-row.js'
import { type Connection, isCorruption } from './connection.js'
import { joinParts } from './snapshot-parts.js'

/** A `StoredSpace` before its rows are decoded. */
export interface StoredRows {
  readonly generation: number
  readonly isDeleted: boolean
  readonly position: number
  readonly snapshot: { readonly update: Uint8Array; readonly position: number } | null
  /** Checked rows behind the snapshot, in order. */
  readonly rows: readonly LogRow[]
  readonly quarantine: string | null
  /** Whether the quarantine is in the table already. */
  readonly isQuarantineKept: boolean
  /** What was found damaged, even where something else made up for it. */
  readonly damage: string | null
}

interface SpaceRecord {
  readonly id: number
  readonly generation: number
  readonly deletedMs: number | null
  readonly quarantine: string | null
}

const NEVER_WRITTEN: StoredRows = Object.freeze({
  generation: 0,
  isDeleted: false,
  position: 0,
  snapshot: null,
  rows: [],
  quarantine: null,
  isQuarantineKept: false,
  damage: null,
})

/** What of a space is not in the log yet, or was not when it was appended. */
export type Waiting = (space: string) => readonly LogRow[]

export interface LoadOptions {
  /** Whether a space that is deleted is told without its content. */
  readonly isHidingDeleted?: boolean
  /** Without it only the log is read. */
  readonly waiting?: Waiting
}

/** One read transaction. The returned buffers are the caller's. */
export const prepareLoad = (
  db: Connection,
  { isHidingDeleted = false, waiting = () => [] }: LoadOptions = {},
): ((name: string) => StoredRows) => {
  const findSpace = db.prepare(
    'SELECT id, generation, quarantine, deleted_ms AS deletedMs FROM spaces WHERE name = ?',
  )
  return name => {
    db.exec('BEGIN')
    try {
      const space = findSpace.get(name) as SpaceRecord | undefined
      if (space === undefined) return NEVER_WRITTEN
      const { generation, deletedMs } = space
      if (isHidingDeleted && deletedMs !== null) return { ...NEVER_WRITTEN, generation, isDeleted: true }
      return readSpace(db, name, space, waiting)
    } finally {
      // A commit would fail after a damaged page, though everything was read that can be.
      if (db.inTransaction) db.exec('ROLLBACK')
    }
  }
}

const readSpace = (db: Connection, name: string, space: SpaceRecord, waiting: Waiting): StoredRows => {
  const { snapshot, newest, problem: snapshotProblem } = readSnapshot(db, name, space.id)
  const base = snapshot?.position ?? 0
  const {
    rows,
    problem: rowProblem,
    last,
  } = withWaiting(readRows(db, name, space.id, base), {
    base,
    read: () => waiting(name),
  })
  const end = rows.at(-1)?.last ?? base
  // An older snapshot does as well as the newest where the log between them is still there.
  const reachesNewest = end >= newest
  const problem = rowProblem ?? (reachesNewest ? null : (snapshotProblem ?? 'log rows are missing'))
  return {
    generation: space.generation,
    isDeleted: space.deletedMs !== null,
    position: Math.max(end, newest, last, lastKey(db, space.id)),
    snapshot,
    rows,
    quarantine: space.quarantine ?? problem,
    isQuarantineKept: space.quarantine !== null,
    damage: snapshotProblem ?? problem,
  }
}

interface ReadSnapshot {
  readonly snapshot: StoredRows['snapshot']
  /** The position of the newest snapshot, readable or not; 0 without one. */
  readonly newest: number
  readonly problem: string | null
}

const readSnapshot = (db: Connection, name: string, space: number): ReadSnapshot => {
  let problem: string | null = null
  let newest = 0
  try {
    const positions = db
      .prepare('SELECT position FROM snapshots WHERE space = ? ORDER BY position DESC')
      .pluck()
      .all(space) as number[]
    newest = positions[0] ?? 0
    for (const position of positions) {
      const update = readSnapshotAt(db, name, space, position)
      if (update !== null) return { snapshot: { update, position }, newest, problem }
      problem ??= `the snapshot at position ${position} cannot be read`
    }
  } catch (error) {
    if (!isCorruption(error)) throw error
    problem ??= 'the list of snapshots cannot be read'
  }
  return { snapshot: null, newest, problem }
}

/** @returns null where it is damaged */
const readSnapshotAt = (db: Connection, name: string, space: number, position: number): Uint8Array | null => {
  try {
    const row = db
      .prepare('SELECT id, checksum, payload FROM snapshots WHERE space = ? AND position = ?')
      .get(space, position) as { id: number; checksum: number; payload: Uint8Array }
    const update = joinParts(db, row.id, row.payload)
    return snapshotChecksum(name, position, update) === row.checksum ? update : null
  } catch (error) {
    if (isCorruption(error)) return null
    throw error
  }
}

interface ReadRows {
  readonly rows: LogRow[]
  readonly problem: string | null
}

const readRows = (db: Connection, name: string, space: number, base: number): ReadRows => {
  const rows: LogRow[] = []
  let next = base + 1
  try {
    const stored = db
      .prepare('SELECT first, last, checksum, payload FROM log WHERE space = ? AND last > ? ORDER BY last')
      .iterate(space, base) as IterableIterator<Omit<LogRow, 'space'>>
    for (const found of stored) {
      const row = { space: name, ...found }
      if (row.first !== next) return { rows, problem: `log rows are missing at position ${next}` }
      const damage = rowDamage(row)
      if (damage !== null) return { rows, problem: `the log row at position ${row.first}: ${damage}` }
      rows.push(row)
      next = row.last + 1
    }
  } catch (error) {
    if (!isCorruption(error)) throw error
    return { rows, problem: `the log cannot be read from position ${next}` }
  }
  return { rows, problem: null }
}

/** @returns also the last position that waits, which may be behind what could be read */
const withWaiting = (
  { rows, problem }: ReadRows,
  { base, read }: { readonly base: number; readonly read: () => readonly LogRow[] },
): ReadRows & { readonly last: number } => {
  let last = 0
  let found = problem
  try {
    for (const row of read()) {
      last = row.last
      const next = (rows.at(-1)?.last ?? base) + 1
      if (found !== null || row.last < next) continue
      const damage = row.first === next ? rowDamage(row) : 'it does not follow'
      if (damage === null) rows.push(row)
      else found = `the row at position ${row.first}, which waits for the log: ${damage}`
    }
  } catch (error) {
    if (!isUnreadable(error)) throw error
    found ??= 'what waits for the log cannot be read'
  }
  return { rows, problem: found, last }
}

/** A damaged page, or a damaged group of rows. */
const isUnreadable = (error: unknown): boolean =>
  isCorruption(error) || error instanceof RangeError || error instanceof TypeError

/** What is wrong with a row, or null. */
export const rowDamage = (row: LogRow): string | null => {
  try {
    decodeRow(row)
    return null
  } catch (error) {
    return (error as Error).message
  }
}

const lastKey = (db: Connection, space: number): number => {
  try {
    return (db.prepare('SELECT max(last) FROM log WHERE space = ?').pluck().get(space) as number | null) ?? 0
  } catch (error) {
    if (isCorruption(error)) return 0
    throw error
  }
}
