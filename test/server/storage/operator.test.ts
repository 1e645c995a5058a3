/** What an operator does with a data folder, beside a running server and without one. */
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { serveAdminSocket } from '../../../server/storage/admin-socket.js'
import {
  adminHandler,
  backupTo,
  compactDataFolder,
  verifyDataFolder,
} from '../../../server/storage/operator.js'
import { restoreFrom } from '../../../server/storage/restore.js'
import type { SqliteStore } from '../../../server/storage/sqlite/sqlite-store.js'
import { StartupError } from '../../../server/storage/startup-error.js'
import type { SpaceName } from '../../../shared/names.js'
import { rejectsWithCode } from '../../support/expect.js'
import { LoggedDocument, textOf } from '../../support/logged-document.js'
import { SqliteFolder } from '../../support/sqlite-folder.js'
import { assert, suite } from '../../support/suite.js'
import { temporaryFolder } from '../../support/temporary-folder.js'

const test = suite('operator')

let folder: SqliteFolder
let notes: LoggedDocument
let other: LoggedDocument
test.before.each(() => {
  folder = new SqliteFolder()
  notes = new LoggedDocument('team/notes')
  other = new LoggedDocument('other')
})
test.after.each(() => folder.dispose())

const options = () => ({ dataDir: folder.path, now: () => folder.nowMs, observer: folder.observer })

const filled = async (): Promise<SqliteStore> => {
  const store = await folder.open()
  for (const document of [notes, other]) {
    await store.append([{ space: document.space, flushes: [document.type('a'), document.type('b')] }])
  }
  return store
}

/** The same work with the folder free, and with a server on it that answers the socket. */
const bothWays = async (body: (how: string) => Promise<void>): Promise<void> => {
  await (await filled()).close()
  await body('offline')
  const store = await folder.open()
  const server = await serveAdminSocket(folder.path, adminHandler(store))
  await body('through the server')
  await server.close()
  await store.close()
}

test('[T22] verifying says what there is and what is wrong, with and without a server', () =>
  bothWays(async how => {
    const report = await verifyDataFolder(options())
    assert.equal(report, { spaces: 2, rows: 2, snapshots: 0, problems: [] }, how)
  }))

test('[T22] compacting takes every space that has something, or one', () =>
  bothWays(async how => {
    const store = (spaces: readonly { space: SpaceName }[]) => spaces.map(({ space }) => space)
    if (how === 'offline') {
      const one = await compactDataFolder({ ...options(), space: notes.space })
      assert.equal(
        one.spaces.map(({ outcome }) => outcome.type),
        ['compacted'],
      )
      assert.equal(store((await compactDataFolder(options())).spaces), ['other'])
    }
    assert.equal((await compactDataFolder(options())).spaces, [], how)
  }))

test('[X18] a deleted space is verified and compacted as any other, and comes back from a backup as deleted', async () => {
  const store = await filled()
  await store.catalogue.delete(notes.space, 1_000)
  await store.catalogue.revoke({ space: null, user: 'eve', atMs: 2_000 })
  await store.close()
  const { spaces } = await compactDataFolder(options())
  assert.equal(spaces.map(({ space, outcome }) => [space, outcome.type]).sort(), [
    ['other', 'compacted'],
    ['team/notes', 'compacted'],
  ])
  assert.equal(await verifyDataFolder(options()), { spaces: 2, rows: 2, snapshots: 2, problems: [] })
  const path = join(temporaryFolder(), 'backup.sqlite')
  await backupTo(path, options())
  const next = new SqliteFolder(temporaryFolder())
  assert.equal(restoreFrom(path, { dataDir: next.path, rollback: false }).problems, [])
  const restored = await next.open()
  assert.ok((await restored.load(notes.space)).isDeleted)
  assert.equal(
    (await restored.catalogue.revocations()).map(({ user }) => user),
    ['eve'],
  )
  await restored.catalogue.restore(notes.space)
  assert.is(textOf(await restored.load(notes.space)), 'ab')
  await next.dispose()
})

test('[T20] a backup is the database of one moment, whole and its owner’s', () =>
  bothWays(async how => {
    const path = join(temporaryFolder(), 'backup.sqlite')
    const { bytes } = await backupTo(path, options())
    assert.is(statSync(path).size, bytes)
    assert.is(statSync(path).mode & 0o777, 0o600)
    const copy = new SqliteFolder(temporaryFolder())
    copy.write(new SqliteFolder(join(path, '..')).read('backup.sqlite'))
    const store = await copy.open()
    assert.is(textOf(await store.load(notes.space)), 'ab', how)
    await copy.dispose()
  }))

test('[T20] a backup overwrites nothing and leaves nothing where it fails', () =>
  bothWays(async how => {
    const target = temporaryFolder()
    const path = join(target, 'mine')
    writeFileSync(path, 'precious')
    await rejectsWithCode('bad_request', backupTo(path, options()))
    await rejectsWithCode('bad_request', backupTo(join(target, 'no', 'where'), options()))
    await rejectsWithCode('bad_request', backupTo(join(path, 'below a file'), options()))
    assert.equal(readdirSync(target), ['mine'], how)
    assert.is(statSync(path).size, 8)
  }))

test('[T20] while a backup is made writing goes on, and the copy has whole groups', async () => {
  const store = await filled()
  for (let i = 0; i < 200; i++) {
    await store.append([{ space: notes.space, flushes: [notes.type('x'.repeat(3000))] }])
  }
  const path = join(temporaryFolder(), 'backup.sqlite')
  let isDone = false
  const backup = store.backup(path).then(() => {
    isDone = true
  })
  let during = 0
  while (!isDone) {
    const group = [notes, other].map(document => ({ space: document.space, flushes: [document.type('y')] }))
    await store.append(group)
    during++
  }
  await backup
  assert.ok(during > 0)
  const copy = new SqliteFolder(temporaryFolder())
  copy.write(new SqliteFolder(join(path, '..')).read('backup.sqlite'))
  const restored = await copy.open()
  const ys = async (space: SpaceName) => (textOf(await restored.load(space)).match(/y/g) ?? []).length
  assert.is(await ys(notes.space), await ys(other.space))
  assert.equal((await restored.verify()).problems, [])
  await copy.dispose()
})

test('[T14] a folder whose server does not answer is said to be in use', async () => {
  await filled()
  try {
    await verifyDataFolder(options())
    assert.unreachable('it resolves')
  } catch (error) {
    if (!(error instanceof StartupError)) throw error
    assert.is(error.problem, 'locked')
    assert.match(error.message, /in use by another Plenum \(pid \d+\) and does not answer/)
  }
})

test('[T15] a folder without data is no data folder', async () => {
  await folder.dispose()
  folder = new SqliteFolder()
  for (const work of [verifyDataFolder(options()), compactDataFolder(options())]) {
    try {
      await work
      assert.unreachable('it resolves')
    } catch (error) {
      assert.match((error as Error).message, /not a Plenum data folder/)
    }
  }
  assert.is(existsSync(folder.database), false)
})
