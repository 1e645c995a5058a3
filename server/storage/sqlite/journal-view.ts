/**
 * What waits in the journal, for a connection that only reads: what came since the last look is read, and what was
 * folded meanwhile is forgotten. To be used inside the transaction that reads the log, so that every row is in one of
 * the two, or in both.
 */
import type { LogRow } from '../log-row.js'
import { decodeRowBatch } from '../row-batch.js'
import type { Connection } from './connection.js'

export interface WaitingRow extends LogRow {
  readonly atMs: number
}

interface Group {
  readonly id: number
  readonly atMs: number
  readonly rows: Uint8Array
}

const NONE: readonly never[] = Object.freeze([])

/** @returns what waits of a space, in order; some of it may be in the log already. @throws for what is damaged */
export const prepareJournalView = (db: Connection): ((space: string) => readonly WaitingRow[]) => {
  const findEnds = db.prepare('SELECT min(id) AS first, max(id) AS last FROM journal')
  const findGroups = db.prepare('SELECT id, at_ms AS atMs, rows FROM journal WHERE id > ? ORDER BY id')
  const bySpace = new Map<string, WaitingRow[]>()
  let known: { first: number; last: number } | null = null
  const forget = (): void => {
    bySpace.clear()
    known = null
  }
  const look = (): void => {
    const ends = findEnds.get() as { first: number | null; last: number }
    if (ends.first === null || known?.first !== ends.first || ends.last < known.last) forget()
    if (ends.first === null || known?.last === ends.last) return
    for (const group of findGroups.all(known?.last ?? 0) as Group[]) {
      for (const row of decodeRowBatch(group.rows)) {
        const waiting = { ...row, atMs: group.atMs }
        const rows = bySpace.get(row.space)
        if (rows === undefined) bySpace.set(row.space, [waiting])
        else rows.push(waiting)
      }
    }
    known = { first: ends.first, last: ends.last }
  }
  return space => {
    try {
      look()
    } catch (error) {
      forget()
      throw error
    }
    return bySpace.get(space) ?? NONE
  }
}
