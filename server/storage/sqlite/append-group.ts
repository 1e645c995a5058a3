/**
 * Appending a group: one transaction, one sync, all or nothing. A row that is already there is left as it
 * is, so that a group may be appended again after a failure whose outcome nobody knows.
 */
import { PlenumError } from '../../../shared/errors.js'
import type { LogRow } from '../log-row.js'
import type { Connection } from './connection.js'

/** Spaces whose place in the log is remembered; beyond, all are looked up again. */
const MAX_KNOWN = 20_000

export interface Appender {
  /** To be called inside a transaction. @throws internal */
  append(rows: readonly LogRow[], nowMs: number): void
  /** Call it after a transaction that was rolled back: what is remembered may not be so. */
  forget(): void
}

/**
 * Prepares its statements once, and remembers where the spaces end: nobody else appends, and neither a snapshot
 * nor pruning moves the end.
 */
export const prepareAppend = (db: Connection): Appender => {
  const known = new Map<string, { readonly id: number; last: number }>()
  const findSpace = db.prepare('SELECT id FROM spaces WHERE name = ?').pluck()
  const addSpace = db.prepare('INSERT INTO spaces (name, created_ms) VALUES (?, ?)')
  const findFrom = db.prepare(
    'SELECT first, last, checksum FROM log WHERE space = ? AND last >= ? ORDER BY last LIMIT 1',
  )
  const findLast = prepareLastPosition(db)
  const insert = db.prepare(
    'INSERT INTO log (space, last, first, at_ms, checksum, payload) VALUES (?, ?, ?, ?, ?, ?)',
  )
  /** Null where the row is there already. */
  const find = (row: LogRow, nowMs: number): { readonly id: number; last: number } | null => {
    const id =
      (findSpace.get(row.space) as number | undefined) ?? addSpace.run(row.space, nowMs).lastInsertRowid
    const there = findFrom.get(id, row.first) as { first: number; last: number; checksum: number } | undefined
    if (there === undefined) return { id: Number(id), last: findLast(Number(id)) }
    if (there.first === row.first && there.last === row.last && there.checksum === row.checksum) return null
    throw wrongPositions(row, `overlap with ${there.first}–${there.last}, which are stored`)
  }
  return {
    append: (rows, nowMs) => {
      for (const row of rows) {
        let space = known.get(row.space)
        if (space === undefined || row.first !== space.last + 1) {
          const found = find(row, nowMs)
          if (found === null) continue
          if (row.first !== found.last + 1) throw wrongPositions(row, `do not follow ${found.last}`)
          if (known.size >= MAX_KNOWN) known.clear()
          known.set(row.space, found)
          space = found
        }
        insert.run(space.id, row.last, row.first, nowMs, row.checksum, row.payload)
        space.last = row.last
      }
    },
    forget: () => known.clear(),
  }
}

/** The last position of a space, by its id: in the log, or where that is pruned, its snapshot's. */
export const prepareLastPosition = (db: Connection): ((space: number) => number) => {
  const statement = db
    .prepare(
      `SELECT max(coalesce((SELECT max(last) FROM log WHERE space = @space), 0),
                  coalesce((SELECT max(position) FROM snapshots WHERE space = @space), 0))`,
    )
    .pluck()
  return space => statement.get({ space }) as number
}

/** The caller's bug, not the disk's failure: trying again cannot help. */
const wrongPositions = (row: LogRow, why: string): PlenumError =>
  new PlenumError('internal', `positions ${row.first}–${row.last} of ${row.space} ${why}`)
