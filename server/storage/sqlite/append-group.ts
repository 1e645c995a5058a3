/**
 * Appending a group: one transaction, one sync, all or nothing. A row that is already there is left as it
 * is, so that a group may be appended again after a failure whose outcome nobody knows.
 */
import { PlenumError } from '../../../shared/errors.js'
import type { LogRow } from '../log-row.js'
import type { Connection } from './connection.js'

/** The function prepares its statements once; it is to be called inside a transaction. */
export const prepareAppend = (db: Connection): ((rows: readonly LogRow[], nowMs: number) => void) => {
  const findSpace = db.prepare('SELECT id FROM spaces WHERE name = ?').pluck()
  const addSpace = db.prepare('INSERT INTO spaces (name, created_ms) VALUES (?, ?)')
  const findFrom = db.prepare(
    'SELECT first, last, checksum FROM log WHERE space = ? AND last >= ? ORDER BY last LIMIT 1',
  )
  const findLast = prepareLastPosition(db)
  const insert = db.prepare(
    'INSERT INTO log (space, last, first, at_ms, checksum, payload) VALUES (?, ?, ?, ?, ?, ?)',
  )
  return (rows, nowMs) => {
    for (const row of rows) {
      const space =
        (findSpace.get(row.space) as number | undefined) ?? addSpace.run(row.space, nowMs).lastInsertRowid
      const there = findFrom.get(space, row.first) as
        | { first: number; last: number; checksum: number }
        | undefined
      if (there !== undefined) {
        if (there.first === row.first && there.last === row.last && there.checksum === row.checksum) continue
        throw wrongPositions(row, `overlap with ${there.first}–${there.last}, which are stored`)
      }
      const last = findLast(Number(space))
      if (row.first !== last + 1) throw wrongPositions(row, `do not follow ${last}`)
      insert.run(space, row.last, row.first, nowMs, row.checksum, row.payload)
    }
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
