/**
 * Who is in which space and who was. A row without `left_ms` is of somebody who was here when it was written:
 * when the database is opened by the next process, such a stay is over.
 */
import type { MemberChange } from '../../space/member-store.js'
import type { LeaveReason, RosterMember } from '../../space/members.js'
import type { Connection } from './connection.js'

const ALIVE = 'alive_ms'
const PRUNE_LIMIT = 1000

interface MemberRow {
  readonly user: string
  readonly name: string | null
  readonly connections: number
  readonly joinedAtMs: number
  readonly lastSeenMs: number
  readonly leftMs: number | null
  readonly reason: LeaveReason | null
}

/** To be called inside a transaction: everything, and when the process was alive. */
export const prepareSaveMembers = (
  db: Connection,
): ((changes: readonly MemberChange[], nowMs: number) => void) => {
  const put = db.prepare(`
    INSERT OR REPLACE INTO members (space, user, name, connections, joined_ms, seen_ms, left_ms, reason)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)`)
  const remove = db.prepare('DELETE FROM members WHERE space = ? AND user = ?')
  const setAlive = db.prepare('INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)')
  return (changes, nowMs) => {
    for (const { space, user, member } of changes) {
      if (member === null) {
        remove.run(space, user)
        continue
      }
      const { name, connections, joinedAtMs, lastSeenMs, left } = member
      put.run(
        space,
        user,
        name,
        connections,
        joinedAtMs,
        lastSeenMs,
        left?.atMs ?? null,
        left?.reason ?? null,
      )
    }
    setAlive.run(ALIVE, String(nowMs))
  }
}

/** To be called when a process opens the database: nobody is here, and who was left when it was last alive. */
export const endStays = (db: Connection): void => {
  const value = db.prepare('SELECT value FROM meta WHERE key = ?').pluck().get(ALIVE) as string | undefined
  db.prepare(`
    UPDATE members SET connections = 0, left_ms = max(seen_ms, ?), reason = 'timeout' WHERE left_ms IS NULL`).run(
    Number(value ?? 0),
  )
}

export const prepareLoadMembers = (db: Connection): ((space: string) => RosterMember[]) => {
  const find = db.prepare(`
    SELECT user, name, connections, joined_ms AS joinedAtMs, seen_ms AS lastSeenMs, left_ms AS leftMs, reason
    FROM members WHERE space = ?`)
  return space =>
    (find.all(space) as MemberRow[]).map(({ leftMs, reason, ...member }) => ({
      ...member,
      left: leftMs === null ? null : { atMs: leftMs, reason: reason ?? 'timeout' },
    }))
}

/**
 * Removes some of those who left before, and sooner in spaces that were never written. To be called inside a
 * transaction. @returns whether there may be more
 */
export const pruneMembers = (
  db: Connection,
  { leftBeforeMs, unwrittenBeforeMs }: { leftBeforeMs: number; unwrittenBeforeMs: number },
): boolean => {
  const { changes } = db
    .prepare(
      `DELETE FROM members WHERE (space, user) IN (
         SELECT space, user FROM members WHERE left_ms < @leftBeforeMs OR (left_ms < @unwrittenBeforeMs
           AND NOT EXISTS (SELECT 1 FROM spaces WHERE spaces.name = members.space)) LIMIT @limit)`,
    )
    .run({ leftBeforeMs, unwrittenBeforeMs, limit: PRUNE_LIMIT })
  return changes === PRUNE_LIMIT
}
