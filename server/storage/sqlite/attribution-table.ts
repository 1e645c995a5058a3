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

/** Who delivered what to a space, from pruned and kept rows; damaged rows are left out. */
export const readAttribution = (db: Connection, name: string): Delivery[] => {
  const space = db.prepare('SELECT id FROM spaces WHERE name = ?').pluck().get(name) as number | undefined
  if (space === undefined) return []
  const deliveries = readFolded(db, name, space)
  const rows = db
    .prepare('SELECT first, last, checksum, payload FROM log WHERE space = ? ORDER BY last')
    .iterate(space) as IterableIterator<Omit<LogRow, 'space'>>
  for (const row of rows) {
    try {
      for (const flush of decodeRow({ space: name, ...row })) deliveries.push(...flush.deliveries)
    } catch {
      // Reported where the space is loaded or verified.
    }
  }
  return mergeDeliveries(deliveries)
}
