/** What the database says of itself, without reading through it. */
import type { Connection } from './connection.js'
import type { DatabaseStatus } from './messages.js'

const MAX_QUARANTINED = 100

export const readStatus = (db: Connection): DatabaseStatus => {
  const pragma = (name: string): number => db.pragma(name, { simple: true }) as number
  const pageBytes = pragma('page_size')
  return {
    schemaVersion: pragma('user_version'),
    synchronous: pragma('synchronous'),
    spaces: db.prepare('SELECT count(*) FROM spaces').pluck().get() as number,
    quarantined: db
      .prepare(
        `SELECT name AS space, quarantine AS reason FROM spaces
         WHERE quarantine IS NOT NULL ORDER BY name LIMIT ?`,
      )
      .all(MAX_QUARANTINED) as { space: string; reason: string }[],
    databaseBytes: pragma('page_count') * pageBytes,
    freeBytes: pragma('freelist_count') * pageBytes,
  }
}
