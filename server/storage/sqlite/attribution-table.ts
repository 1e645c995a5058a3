/** What pruned rows leave behind: one merged attribution per space, checked like everything stored. */
import { crc32 } from 'node:zlib'
import type { Delivery } from '../../space/update-store.js'
import { decodeAttribution, encodeAttribution, mergeDeliveries } from '../attribution.js'
import { decodeRow, type LogRow } from '../log-row.js'
import type { Connection } from './connection.js'

const checksumOf = (space: string, payload: Uint8Array): number =>
  crc32(payload, crc32(`${space}\nattribution\n`))

/** @throws Error where the stored bytes are damaged */
export const readFolded = (db: Connection, name: string, space: number): Delivery[] => {
  const row = db.prepare('SELECT checksum, payload FROM attribution WHERE space = ?').get(space) as
    | { checksum: number; payload: Uint8Array }
    | undefined
  if (row === undefined) return []
  if (checksumOf(name, row.payload) !== row.checksum) throw new Error('the attribution is damaged')
  return decodeAttribution(row.payload)
}

/** To be called in the transaction that deletes the rows. */
export const foldIn = (
  db: Connection,
  name: string,
  space: number,
  deliveries: readonly Delivery[],
): void => {
  const payload = encodeAttribution([...readFolded(db, name, space), ...deliveries])
  db.prepare('INSERT OR REPLACE INTO attribution (space, checksum, payload) VALUES (?, ?, ?)').run(
    space,
    checksumOf(name, payload),
    payload,
  )
}

export interface AttributionRequest {
  readonly space: string
  /** The log up to this position was read before. */
  readonly after: number
  /** How many log rows may be read. */
  readonly rows: number
}

export interface AttributionChunk {
  readonly deliveries: readonly Delivery[]
  /** Up to where the log was read; null where that was all. */
  readonly next: number | null
}

/**
 * Who delivered what to a space, a piece at a time so that loads pass in between. What pruned rows left comes with
 * the last piece, as does what waits for the log: rows that go meanwhile are then in one of them, and being in two does
 * no harm. What is damaged
 * is left out; it is reported where the space is loaded or verified.
 */
export const readAttribution = (
  db: Connection,
  request: AttributionRequest,
  waiting: (space: string) => readonly LogRow[],
): AttributionChunk => db.transaction(() => readChunk(db, request, waiting))()

const readChunk = (
  db: Connection,
  request: AttributionRequest,
  waiting: (space: string) => readonly LogRow[],
): AttributionChunk => {
  const { space: name, after, rows: limit } = request
  const space = db.prepare('SELECT id FROM spaces WHERE name = ?').pluck().get(name) as number | undefined
  if (space === undefined) return { deliveries: [], next: null }
  const rows = db
    .prepare(
      'SELECT first, last, checksum, payload FROM log WHERE space = ? AND last > ? ORDER BY last LIMIT ?',
    )
    .all(space, after, limit) as Omit<LogRow, 'space'>[]
  const deliveries: Delivery[] = []
  const add = (row: LogRow): void =>
    orLeaveOut(() => {
      for (const flush of decodeRow(row)) deliveries.push(...flush.deliveries)
    })
  for (const row of rows) add({ space: name, ...row })
  if (rows.length === limit) return { deliveries: mergeDeliveries(deliveries), next: rows.at(-1)!.last }
  orLeaveOut(() => waiting(name).forEach(add))
  orLeaveOut(() => deliveries.push(...readFolded(db, name, space)))
  return { deliveries: mergeDeliveries(deliveries), next: null }
}

const orLeaveOut = (read: () => void): void => {
  try {
    read()
  } catch {
    // What is damaged.
  }
}
