/**
 * Which spaces there are, which are deleted, and who may not enter. What is written is called inside a transaction;
 * what was deleted keeps all its rows until it is created anew.
 */
import type { StoredFacts, StoredFigures, StoredRevocation } from '../../space/catalogue.js'
import type { Connection } from './connection.js'
import type { WaitingRow } from './journal-view.js'

/** In the column of names: no space has this name. */
const EVERYWHERE = '*'
/** Behind every name that begins like this one. */
const LAST_CHARACTER = '\u{10FFFF}'

const FACTS = 'name, generation, spaces.created_ms AS createdAtMs, deleted_ms AS deletedAtMs'

export type ListRequest = { readonly prefix: string; readonly after: string; readonly limit: number }

export const prepareCatalogueReader = (db: Connection, waiting: (space: string) => readonly WaitingRow[]) => {
  const list = db.prepare(
    `SELECT ${FACTS} FROM spaces
     WHERE name > @after AND name >= @prefix AND name < @end ORDER BY name LIMIT @limit`,
  )
  const find = db.prepare(`
    SELECT ${FACTS}, quarantine, coalesce(position, 0) AS snapshotPosition,
      coalesce(length(snapshots.payload), 0) + coalesce(
        (SELECT sum(length(payload)) FROM snapshot_parts WHERE snapshot = snapshots.id), 0) AS snapshotBytes,
      max(coalesce((SELECT max(last) FROM log WHERE space = spaces.id), 0), coalesce(position, 0)) AS position,
      (SELECT coalesce(sum(length(payload)), 0) FROM log
        WHERE space = spaces.id AND last > coalesce(position, 0)) AS logBytes,
      coalesce((SELECT at_ms FROM log WHERE space = spaces.id ORDER BY last DESC LIMIT 1),
        snapshots.created_ms, spaces.created_ms) AS updatedAtMs
    FROM spaces LEFT JOIN snapshots ON snapshots.space = spaces.id AND snapshots.position =
      (SELECT max(position) FROM snapshots WHERE space = spaces.id)
    WHERE name = ?`)
  const revocations = db.prepare('SELECT space, user, at_ms AS atMs FROM revocations ORDER BY user, space')
  const findDeleted = db
    .prepare('SELECT deleted_ms FROM spaces WHERE name = ? AND deleted_ms IS NOT NULL')
    .pluck()
  return {
    list: ({ prefix, after, limit }: ListRequest) =>
      list.all({ prefix, after, limit, end: prefix + LAST_CHARACTER }) as StoredFacts[],
    find: (space: string) =>
      db.transaction(() => {
        const figures = find.get(space) as StoredFigures | undefined
        return figures === undefined ? null : waiting(space).reduce(withRow, figures)
      })(),
    revocations: () =>
      (revocations.all() as { space: string; user: string; atMs: number }[]).map(
        ({ space, ...rest }) => ({ space: space === EVERYWHERE ? null : space, ...rest }) as StoredRevocation,
      ),
    isDeleted: (space: string): boolean => findDeleted.get(space) !== undefined,
  }
}

const withRow = (figures: StoredFigures, { last, payload, atMs }: WaitingRow): StoredFigures =>
  last <= figures.position
    ? figures
    : { ...figures, position: last, logBytes: figures.logBytes + payload.length, updatedAtMs: atMs }

export const prepareCatalogueWriter = (db: Connection) => {
  const find = db.prepare('SELECT id, generation, deleted_ms AS deletedAtMs FROM spaces WHERE name = ?')
  const add = db.prepare('INSERT INTO spaces (name, created_ms, deleted_ms) VALUES (?, ?, ?)')
  const mark = db.prepare('UPDATE spaces SET deleted_ms = ? WHERE name = ? AND deleted_ms IS NULL')
  const unmark = db.prepare('UPDATE spaces SET deleted_ms = NULL WHERE name = ?')
  const renew = db.prepare(
    `UPDATE spaces SET generation = generation + 1, quarantine = NULL, deleted_ms = NULL, created_ms = ?
     WHERE id = ?`,
  )
  const drops = ['log', 'snapshots', 'attribution'].map(table =>
    db.prepare(`DELETE FROM ${table} WHERE space = ?`),
  )
  const dropMembers = db.prepare('DELETE FROM members WHERE space = ?')
  const revoke = db.prepare('INSERT OR IGNORE INTO revocations (space, user, at_ms) VALUES (?, ?, ?)')
  const reinstate = db.prepare('DELETE FROM revocations WHERE space = ? AND user = ?')
  const findSpace = (space: string) =>
    find.get(space) as { id: number; generation: number; deletedAtMs: number | null } | undefined
  return {
    delete: (space: string, nowMs: number): void => {
      if (findSpace(space) === undefined) add.run(space, nowMs, nowMs)
      else mark.run(nowMs, space)
    },
    restore: (space: string): number => {
      unmark.run(space)
      return findSpace(space)?.generation ?? 0
    },
    create: (space: string, nowMs: number): { generation: number; isNew: boolean } => {
      const known = findSpace(space)
      if (known === undefined) {
        add.run(space, nowMs, null)
        return { generation: 0, isNew: true }
      }
      const { id, generation, deletedAtMs } = known
      if (deletedAtMs === null) return { generation, isNew: false }
      for (const drop of drops) drop.run(id)
      dropMembers.run(space)
      renew.run(nowMs, id)
      return { generation: generation + 1, isNew: true }
    },
    revoke: ({ space, user, atMs }: StoredRevocation): void => {
      revoke.run(space ?? EVERYWHERE, user, atMs)
    },
    reinstate: (space: string | null, user: string): void => {
      reinstate.run(space ?? EVERYWHERE, user)
    },
  }
}
