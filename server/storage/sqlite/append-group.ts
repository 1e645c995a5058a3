/**
 * Appending a group: one transaction, one sync, all or nothing. A row that is already there is left as it
 * is, so that a group may be appended again after a failure whose outcome nobody knows.
 */
import { PlenumError } from '../../../shared/errors.js'
import type { LogRow } from '../log-row.js'
import { decodeRowBatch } from '../row-batch.js'
import type { Connection } from './connection.js'
import type { Journal } from './journal.js'
import type { LogTable } from './log-table.js'

/** Spaces whose place in the log is remembered; beyond, all are looked up again. */
const MAX_KNOWN = 20_000

export interface Appender {
  /**
   * To be called inside a transaction.
   * @param batch rows, as a batch, which the appender may keep
   * @returns what to call once it is committed
   * @throws internal
   */
  append(batch: Uint8Array, nowMs: number): () => void
  /** Call it after a transaction that was rolled back: what is remembered may not be so. */
  forget(): void
}

interface End {
  readonly id: number
  last: number
}

/**
 * Prepares its statements once, and remembers where the spaces end: nobody else appends, and neither a snapshot
 * nor pruning moves the end.
 */
export const prepareAppend = (db: Connection, log: LogTable, journal: Journal): Appender => {
  const known = new Map<string, End>()
  const addSpace = db.prepare('INSERT INTO spaces (name, created_ms) VALUES (?, ?)')

  /** Null where the row is there already. */
  const find = (row: LogRow, nowMs: number): End | null => {
    if (journal.isUnfoldable(row.space)) throw wrongPositions(row, 'belong where the database is damaged')
    const id = log.idOf(row.space) ?? Number(addSpace.run(row.space, nowMs).lastInsertRowid)
    const there =
      log.from(id, row.first) ?? journal.rowsOf(row.space).find(waiting => waiting.last >= row.first)
    if (there === undefined) return { id, last: journal.lastOf(row.space) ?? log.lastOf(id) }
    if (there.first === row.first && there.last === row.last && there.checksum === row.checksum) return null
    throw wrongPositions(row, `overlap with ${there.first}–${there.last}, which are stored`)
  }

  /** Where the row is to follow what there is, which it ends from here on; null where it is there already. */
  const place = (row: LogRow, nowMs: number): End | null => {
    let end: End | null = known.get(row.space) ?? null
    if (end === null || row.first !== end.last + 1) {
      end = find(row, nowMs)
      if (end === null) return null
      if (row.first !== end.last + 1) throw wrongPositions(row, `do not follow ${end.last}`)
      if (known.size >= MAX_KNOWN) known.clear()
      known.set(row.space, end)
    }
    end.last = row.last
    return end
  }

  return {
    append: (batch, nowMs) => {
      const rows = decodeRowBatch(batch)
      const ends = rows.map(row => place(row, nowMs))
      if (journal.suits(rows, batch) && !ends.includes(null)) return journal.append(rows, batch, nowMs)
      const folded: (() => void)[] = []
      for (const [i, row] of rows.entries()) {
        const end = ends[i]
        if (!end) continue
        folded.push(journal.foldSpace(row.space))
        log.insert(end.id, row, nowMs)
      }
      return () => {
        for (const done of folded) done()
      }
    },
    forget: () => known.clear(),
  }
}

/** The caller's bug, not the disk's failure: trying again cannot help. */
const wrongPositions = (row: LogRow, why: string): PlenumError =>
  new PlenumError('internal', `positions ${row.first}–${row.last} of ${row.space} ${why}`)
