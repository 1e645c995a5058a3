/** Reading everything there is: pages, every row and snapshot, and whether every space loads. */
import { replay } from '../../space/engine/replay.js'
import { decodeRow, type LogRow, snapshotChecksum } from '../log-row.js'
import { type Connection, isCorruption } from './connection.js'
import { setAsideJournals } from './journal.js'
import { prepareLoad, rowDamage } from './load-space.js'
import { joinParts } from './snapshot-parts.js'

export interface VerifyProblem {
  /** Null where it is not one space's. */
  readonly space: string | null
  readonly problem: string
}

export interface VerifyReport {
  readonly spaces: number
  readonly rows: number
  readonly snapshots: number
  readonly problems: readonly VerifyProblem[]
}

const MAX_STRUCTURE_PROBLEMS = 20

/** Changes nothing: what it finds is marked when the space is loaded. */
export const verifyDatabase = (db: Connection): VerifyReport => {
  const problems: VerifyProblem[] = structureProblems(db).map(problem => ({ space: null, problem }))
  for (const table of setAsideJournals(db)) {
    problems.push({ space: null, problem: `the table ${table} has edits that may be missing elsewhere` })
  }
  const counts = { spaces: 0, rows: 0, snapshots: 0 }
  for (const { id, name } of listSpaces(db, problems)) {
    counts.spaces++
    const tell = (problem: string): void => void problems.push({ space: name, problem })
    const guarded = (what: string, check: () => number): number => {
      try {
        return check()
      } catch (error) {
        if (!isCorruption(error)) throw error
        tell(`${what} cannot be read to the end`)
        return 0
      }
    }
    counts.rows += guarded('the log', () => checkRows(db, name, id, tell))
    counts.snapshots += guarded('the list of snapshots', () => checkSnapshots(db, name, id, tell))
    guarded('the space', () => checkState(db, name, tell))
  }
  return { ...counts, problems }
}

/** What SQLite's own check says of the file; nothing where all is well. */
export const structureProblems = (db: Connection): string[] => {
  try {
    const lines = db.pragma(`integrity_check(${MAX_STRUCTURE_PROBLEMS})`) as { integrity_check: string }[]
    return lines.map(line => line.integrity_check).filter(line => line !== 'ok')
  } catch (error) {
    if (isCorruption(error)) return [(error as Error).message]
    throw error
  }
}

const listSpaces = (db: Connection, problems: VerifyProblem[]): { id: number; name: string }[] => {
  const spaces: { id: number; name: string }[] = []
  try {
    for (const space of db.prepare('SELECT id, name FROM spaces ORDER BY id').iterate()) {
      spaces.push(space as { id: number; name: string })
    }
  } catch (error) {
    if (!isCorruption(error)) throw error
    problems.push({ space: null, problem: 'the list of spaces cannot be read to the end' })
  }
  return spaces
}

type Tell = (problem: string) => void

const checkRows = (db: Connection, name: string, space: number, tell: Tell): number => {
  let count = 0
  let next: number | null = null
  const rows = db
    .prepare('SELECT first, last, checksum, payload FROM log WHERE space = ? ORDER BY last')
    .iterate(space) as IterableIterator<Omit<LogRow, 'space'>>
  for (const stored of rows) {
    count++
    const row = { space: name, ...stored }
    const damage = rowDamage(row)
    if (damage !== null) tell(`the log row at position ${row.first}: ${damage}`)
    if (next !== null && row.first !== next) tell(`log rows are missing at position ${next}`)
    next = row.last + 1
  }
  return count
}

const checkSnapshots = (db: Connection, name: string, space: number, tell: Tell): number => {
  const positions = db
    .prepare('SELECT position FROM snapshots WHERE space = ? ORDER BY position')
    .pluck()
    .all(space) as number[]
  const read = db.prepare('SELECT id, checksum, payload FROM snapshots WHERE space = ? AND position = ?')
  for (const position of positions) {
    try {
      const { id, checksum, payload } = read.get(space, position) as {
        id: number
        checksum: number
        payload: Uint8Array
      }
      if (snapshotChecksum(name, position, joinParts(db, id, payload)) !== checksum) {
        tell(`the snapshot at position ${position}: the checksum does not match`)
      }
    } catch (error) {
      if (!isCorruption(error)) throw error
      tell(`the snapshot at position ${position} cannot be read`)
    }
  }
  return positions.length
}

const checkState = (db: Connection, name: string, tell: Tell): number => {
  const { snapshot, rows, quarantine, damage } = prepareLoad(db)(name)
  if (quarantine !== null) tell(`quarantined: ${quarantine}`)
  else if (damage !== null) tell(`an older snapshot serves: ${damage}`)
  const updates = rows.flatMap(row => decodeRow(row).flatMap(flush => flush.updates))
  const state = replay(snapshot === null ? updates : [snapshot.update, ...updates])
  if (state.type === 'failed') tell(state.reason)
  return 0
}
