/**
 * The schema, as numbered steps. Each is one transaction that also sets `user_version`, so that a crash
 * leaves a whole step done or not begun. A step that was released is never changed.
 */
import { randomUUID } from 'node:crypto'
import type { PassFailpoint } from '../failpoints.js'
import { StartupError } from '../startup-error.js'
import type { Connection } from './connection.js'
import { createJournal } from './journal.js'

/** `PRAGMA application_id`: "Plen". */
const APPLICATION_ID = 0x506c656e

/** Index + 1 is the schema version that the step leads to. */
const MIGRATIONS: readonly ((db: Connection) => void)[] = [
  db => {
    db.exec(`
      CREATE TABLE meta (
        key TEXT PRIMARY KEY,
        value TEXT NOT NULL
      ) STRICT, WITHOUT ROWID;

      CREATE TABLE spaces (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        generation INTEGER NOT NULL DEFAULT 0,
        quarantine TEXT,
        created_ms INTEGER NOT NULL
      ) STRICT;

      -- Clustered by space: a load reads one run of pages.
      CREATE TABLE log (
        space INTEGER NOT NULL REFERENCES spaces (id),
        last INTEGER NOT NULL,
        first INTEGER NOT NULL,
        at_ms INTEGER NOT NULL,
        checksum INTEGER NOT NULL,
        payload BLOB NOT NULL,
        PRIMARY KEY (space, last)
      ) STRICT, WITHOUT ROWID;

      -- The newest of a space, and the one before until that is history too.
      CREATE TABLE snapshots (
        id INTEGER PRIMARY KEY,
        space INTEGER NOT NULL REFERENCES spaces (id),
        position INTEGER NOT NULL,
        created_ms INTEGER NOT NULL,
        checksum INTEGER NOT NULL,
        payload BLOB NOT NULL,
        UNIQUE (space, position)
      ) STRICT;

      -- Who delivered what, from log rows that were pruned.
      CREATE TABLE attribution (
        space INTEGER PRIMARY KEY REFERENCES spaces (id),
        checksum INTEGER NOT NULL,
        payload BLOB NOT NULL
      ) STRICT;
    `)
    db.prepare(`INSERT INTO meta (key, value) VALUES ('id', ?)`).run(randomUUID())
  },
  db => {
    db.exec(`
      -- What is before the payload of a large snapshot's row.
      CREATE TABLE snapshot_parts (
        snapshot INTEGER NOT NULL,
        part INTEGER NOT NULL,
        payload BLOB NOT NULL,
        PRIMARY KEY (snapshot, part)
      ) STRICT, WITHOUT ROWID;

      -- Snapshots with parts and without a row: not stored yet, or gone.
      CREATE TABLE snapshot_rubbish (
        snapshot INTEGER PRIMARY KEY
      ) STRICT;

      CREATE TRIGGER snapshot_stored AFTER INSERT ON snapshots BEGIN
        DELETE FROM snapshot_rubbish WHERE snapshot = new.id;
      END;

      CREATE TRIGGER snapshot_gone AFTER DELETE ON snapshots
      WHEN EXISTS (SELECT 1 FROM snapshot_parts WHERE snapshot = old.id) BEGIN
        INSERT INTO snapshot_rubbish (snapshot) VALUES (old.id);
      END;
    `)
  },
  db => {
    db.exec(`
      -- By name: people meet in spaces that nobody has written in yet.
      CREATE TABLE members (
        space TEXT NOT NULL,
        user TEXT NOT NULL,
        name TEXT,
        connections INTEGER NOT NULL,
        joined_ms INTEGER NOT NULL,
        seen_ms INTEGER NOT NULL,
        left_ms INTEGER,
        reason TEXT,
        PRIMARY KEY (space, user)
      ) STRICT, WITHOUT ROWID;

      CREATE INDEX members_here ON members (space) WHERE left_ms IS NULL;
      CREATE INDEX members_left ON members (left_ms) WHERE left_ms IS NOT NULL;
    `)
  },
  db => {
    db.exec(`
      -- A space that is deleted keeps what it has, until another is created in its place.
      ALTER TABLE spaces ADD COLUMN deleted_ms INTEGER;

      -- The space * is every space.
      CREATE TABLE revocations (
        space TEXT NOT NULL,
        user TEXT NOT NULL,
        at_ms INTEGER NOT NULL,
        PRIMARY KEY (space, user)
      ) STRICT, WITHOUT ROWID;
    `)
  },
  createJournal,
]

export const SCHEMA_VERSION = MIGRATIONS.length

/**
 * Brings the database to the newest schema.
 * @throws StartupError for another program's database and for a newer schema
 */
export const migrate = (db: Connection, passFailpoint: PassFailpoint): void => {
  let version = checkSchema(db)
  for (const step of MIGRATIONS.slice(version)) {
    version++
    db.transaction(() => {
      step(db)
      db.pragma(`application_id = ${APPLICATION_ID}`)
      db.pragma(`user_version = ${version}`)
      passFailpoint('migration:before-commit')
    }).immediate()
  }
}

/**
 * The schema version of a database of ours; 0 where it is empty.
 * @throws StartupError for another program's database and for a newer schema
 */
export const checkSchema = (db: Connection): number => {
  const application = db.pragma('application_id', { simple: true }) as number
  const version = db.pragma('user_version', { simple: true }) as number
  const tables = db.prepare('SELECT count(*) FROM sqlite_schema').pluck().get() as number
  if (application !== APPLICATION_ID && (application !== 0 || version !== 0 || tables > 0)) {
    throw new StartupError('database', `${db.name} is not a Plenum database`)
  }
  if (version > SCHEMA_VERSION) {
    throw new StartupError(
      'schema',
      `${db.name} was written by a newer Plenum: schema ${version}, this one knows ${SCHEMA_VERSION}`,
    )
  }
  return version
}

export const readStoreId = (db: Connection): string =>
  db.prepare(`SELECT value FROM meta WHERE key = 'id'`).pluck().get() as string
