/** The log by space, as those use it who add to it. */
import type { LogRow } from '../log-row.js'
import type { Connection } from './connection.js'

export interface LogTable {
  idOf(space: string): number | undefined
  /** The last position of a space, by its id: in the log, or where that is pruned, its snapshot's. */
  lastOf(space: number): number
  /** The row that has this position or is the first behind it. */
  from(space: number, position: number): Pick<LogRow, 'first' | 'last' | 'checksum'> | undefined
  insert(space: number, row: LogRow, atMs: number): void
}

export const prepareLogTable = (db: Connection): LogTable => {
  const findId = db.prepare('SELECT id FROM spaces WHERE name = ?').pluck()
  const findLast = db
    .prepare(
      `SELECT max(coalesce((SELECT max(last) FROM log WHERE space = @space), 0),
                  coalesce((SELECT max(position) FROM snapshots WHERE space = @space), 0))`,
    )
    .pluck()
  const findFrom = db.prepare(
    'SELECT first, last, checksum FROM log WHERE space = ? AND last >= ? ORDER BY last LIMIT 1',
  )
  const insert = db.prepare(
    'INSERT INTO log (space, last, first, at_ms, checksum, payload) VALUES (?, ?, ?, ?, ?, ?)',
  )
  return {
    idOf: space => findId.get(space) as number | undefined,
    lastOf: space => findLast.get({ space }) as number,
    from: (space, position) => findFrom.get(space, position) as ReturnType<LogTable['from']>,
    insert: (space, { first, last, checksum, payload }, atMs) => {
      insert.run(space, last, first, atMs, checksum, payload)
    },
  }
}
