/** Groups of many spaces wait in a journal for the log: nobody can tell, whoever reads and whatever dies meanwhile. */
import { copyFileSync, existsSync } from 'node:fs'
import * as Y from 'yjs'
import type { LogEntry } from '../../../../server/space/update-store.js'
import { encodeRows, snapshotChecksum } from '../../../../server/storage/log-row.js'
import { encodeRowBatch } from '../../../../server/storage/row-batch.js'
import type { SqliteStore } from '../../../../server/storage/sqlite/sqlite-store.js'
import { Writer } from '../../../../server/storage/sqlite/writer.js'
import { rejectsWithCode } from '../../../support/expect.js'
import { LoggedDocument, textOf } from '../../../support/logged-document.js'
import { chance, createRng, int, pick, seedFrom } from '../../../support/rng.js'
import { SqliteFolder } from '../../../support/sqlite-folder.js'
import { assert, isLongRun, suite } from '../../../support/suite.js'

const test = suite('sqlite journal')

const folders: SqliteFolder[] = []
const newFolder = (): SqliteFolder => {
  const folder = new SqliteFolder()
  folders.push(folder)
  return folder
}
let folder: SqliteFolder
test.before.each(() => {
  folder = newFolder()
})
test.after.each(async () => {
  for (const each of folders.splice(0)) await each.dispose()
})

const documents = (count: number): LoggedDocument[] =>
  Array.from({ length: count }, (_, i) => new LoggedDocument(`space-${i}`, i + 1))

/** A group with a row of each. */
const type = (some: readonly LoggedDocument[], text: string): LogEntry[] =>
  some.map(document => ({ space: document.space, flushes: [document.type(text)] }))

/** What a machine that stops now leaves: all that was synced. */
const crashImage = (from: SqliteFolder): SqliteFolder => {
  const image = newFolder()
  for (const suffix of ['', '-wal']) {
    if (existsSync(from.database + suffix)) copyFileSync(from.database + suffix, image.database + suffix)
  }
  return image
}

const rowsIn = (image: SqliteFolder, table: 'log' | 'journal'): number =>
  image.behindItsBack(db => {
    const count =
      table === 'log' ? 'SELECT count(*) FROM log' : 'SELECT count(*) FROM journal WHERE length(rows) > 1'
    return db.prepare(count).pluck().get() as number
  })

const expectAll = async (store: SqliteStore, all: readonly LoggedDocument[]): Promise<void> => {
  for (const document of all) {
    const stored = await store.load(document.space)
    assert.is(stored.quarantine, null)
    assert.is(textOf(stored), document.text, document.space)
    const positions = stored.tail.map(({ position }) => position)
    const first = (stored.snapshot?.position ?? 0) + 1
    assert.equal(
      positions,
      Array.from({ length: positions.length }, (_, i) => first + i),
    )
    assert.is(stored.position, first + positions.length - 1)
  }
}

test('[T27] a group of many small rows is one row of the journal, and in the log after a close', async () => {
  const all = documents(50)
  const store = await folder.open()
  for (const letter of 'abc') await store.append(type(all, letter))
  const image = crashImage(folder)
  assert.is(rowsIn(image, 'journal'), 3)
  assert.is(rowsIn(image, 'log'), 0)
  await expectAll(store, all)
  await store.close()
  assert.is(rowsIn(folder, 'journal'), 0)
  assert.is(rowsIn(folder, 'log'), 150)
})

test('[T27] few rows, and large ones, go straight into the log, behind what waits of their spaces', async () => {
  const all = documents(10)
  const store = await folder.open()
  await store.append(type(all, 'a'))
  await store.append(type(all.slice(0, 2), 'b'))
  assert.is(rowsIn(crashImage(folder), 'log'), 4)
  await store.append(type(all.slice(1), 'c'.repeat(2_000)))
  assert.is(rowsIn(crashImage(folder), 'log'), 4 + 8 + 9)
  await store.append(type(all, 'd'))
  await expectAll(store, all)
})

test('[T27] what waits is folded when it is much, while appends go on', async () => {
  const all = documents(300)
  const store = await folder.open()
  const text = 'x'.repeat(300)
  let image: SqliteFolder
  let rounds = 0
  do {
    for (let more = 0; more < 10; more++) await store.append(type(all, text))
    rounds += 10
    image = crashImage(folder)
  } while (rowsIn(image, 'journal') === rounds && rounds < 100)
  assert.ok(rounds < 100, 'nothing was folded')
  await expectAll(store, all)
  await expectAll(await image.open(), all)
})

test('[T3] [T27] appending what waits is harmless; other rows at its positions, and a gap, change nothing', async () => {
  const all = documents(6)
  const store = await folder.open()
  const group = type(all, 'a')
  await store.append(group)
  await store.append(group)
  const others = all.map(({ space }, i) => ({
    space,
    flushes: [new LoggedDocument(space, 90 + i).type('b')],
  }))
  await rejectsWithCode('internal', store.append(others))
  await rejectsWithCode('internal', store.append([others[0]!]))
  all[3]!.type('lost')
  await rejectsWithCode('internal', store.append(type([all[3]!], 'c')))
  await store.append(type(all.slice(0, 3), 'd'))
  await expectAll(store, all.slice(0, 3))
  assert.is((await store.load(all[3]!.space)).position, 1)
})

test('[T5] [T27] a group that was committed without an answer is there once', async () => {
  const all = documents(6)
  const store = await folder.open({ failpoints: { 'append:after-commit': { action: 'throw', times: 1 } } })
  const group = type(all, 'a')
  await rejectsWithCode('degraded', store.append(group))
  await store.reopen()
  await store.append(group)
  await store.append(type(all, 'b'))
  await expectAll(store, all)
})

test('[T27] loads go on while nothing can be written, and find what waits', async () => {
  const all = documents(6)
  const store = await folder.open({ failpoints: { 'append:before-commit': { action: 'throw', skip: 2 } } })
  await store.append(type(all, 'a'))
  await store.append(type(all, 'b'))
  const fresh = new LoggedDocument('fresh')
  await rejectsWithCode('degraded', store.append(type([fresh], 'c')))
  await expectAll(store, all)
})

test('[T27] compaction, attribution, figures, verification and backup count what waits', async () => {
  const all = documents(6)
  const [first, second] = all as [LoggedDocument, LoggedDocument]
  const store = await folder.open()
  await store.append(type(all, 'a'))
  folder.nowMs += 1_000
  await store.append(type(all, 'bc'))
  const figures = await store.catalogue.find(second.space)
  assert.is(figures?.position, 2)
  assert.is(figures?.updatedAtMs, folder.nowMs)
  assert.ok(figures!.logBytes > 20)
  assert.equal(await store.attribution(second.space), [{ user: 'ada', client: 2, clock: 0, length: 3 }])
  assert.is(rowsIn(crashImage(folder), 'log'), 0, 'asking changes nothing')

  assert.is((await store.compact(first.space)).type, 'compacted')
  assert.is((await store.load(first.space)).snapshot?.position, 2)
  const compactable: string[] = []
  for await (const name of store.compactableSpaces()) compactable.push(name)
  assert.equal(
    compactable,
    all.slice(1).map(({ space }) => space),
  )
  await store.append(type(all, 'd'))
  assert.equal((await store.verify()).problems, [])
  assert.is((await store.verify()).rows, 18)
  const backup = newFolder()
  await store.backup(backup.database)
  await expectAll(await backup.open(), all)
  await expectAll(store, all)
})

test('[T27] who has read what waited finds what came after it was folded', async () => {
  const all = documents(6)
  const store = await folder.open()
  for (let life = 0; life < 3; life++) {
    for (const letter of 'abc') await store.append(type(all, letter))
    await expectAll(store, all)
    if (life === 0) await store.verify()
    else await store.reopen()
  }
  await expectAll(store, all)
})

test('[T8] [T27] a repair is not stored over what waits', () => {
  const all = documents(6)
  const writer = new Writer(folder.database, () => undefined, 1)
  for (const letter of 'ab') writer.append(encodeRowBatch(encodeRows(type(all, letter))), 1)
  const update = Y.encodeStateAsUpdate(new Y.Doc())
  const snapshot = { generation: 0, basePosition: null, update, parts: null, isRepair: true }
  const repair = (position: number) => {
    const checksum = snapshotChecksum(all[0]!.space, position, update)
    return writer.storeSnapshot({ ...snapshot, space: all[0]!.space, position, checksum }, 2)
  }
  assert.is(repair(1), 'written-meanwhile')
  assert.is(repair(2), 'stored')
  writer.close()
})

test('[T27] a space that is created anew has nothing of what waited of the deleted one', async () => {
  const all = documents(6)
  const [first] = all as [LoggedDocument]
  const store = await folder.open()
  await store.append(type(all, 'a'))
  await store.catalogue.delete(first.space, 1)
  await store.catalogue.create(first.space, 2)
  assert.is((await store.load(first.space)).position, 0)
  const image = await crashImage(folder).open()
  const { position, generation } = await image.load(first.space)
  assert.equal({ position, generation }, { position: 0, generation: 1 })
  await expectAll(image, all.slice(1))
})

test('[T27] whatever is done, and wherever it stops: a restart finds all that was answered', {
  timeoutMs: 120_000,
}, async () => {
  const first = seedFrom()
  for (let seed = first; seed < first + (isLongRun ? 20 : 3); seed++) {
    const rng = createRng(seed)
    const all = documents(150)
    // One space alone, and a group of all that is not there, both fail to be folded at times.
    const dying = newFolder()
    const store = await dying.open({
      failpoints: { 'journal:before-fold': { action: 'throw', skip: int(rng, 0, 3), times: int(rng, 1, 3) } },
    })
    for (let round = 0; round < 25; round++) {
      const share = pick(rng, [0.01, 0.3, 1])
      const some = all.filter(() => chance(rng, share))
      if (some.length > 0) await store.append(type(some, 'x'.repeat(int(rng, 1, 400))))
      if (chance(rng, 0.1)) await store.verify()
      // It fails where folding does, and may be tried again.
      if (chance(rng, 0.1)) await store.compact(pick(rng, all).space).catch(() => undefined)
      if (chance(rng, 0.1)) await expectAll(store, [pick(rng, all)])
      if (chance(rng, 0.2)) await expectAll(await crashImage(dying).open(), [pick(rng, all), pick(rng, all)])
    }
    await expectAll(store, all)
    const image = await crashImage(dying).open()
    await expectAll(image, all)
    assert.equal((await image.verify()).problems, [], `seed ${seed}`)
    await store.close()
  }
})

/** Three groups of six spaces, left by a crash. */
const crashed = async (): Promise<{ image: SqliteFolder; all: LoggedDocument[] }> => {
  const all = documents(6)
  const store = await folder.open()
  for (const letter of 'abc') await store.append(type(all, letter))
  return { image: crashImage(folder), all }
}

test('[T28] a row that was damaged in the journal is told, and its space is read-only up to there', async () => {
  const { image, all } = await crashed()
  image.behindItsBack(db => {
    const rows = db.prepare('SELECT rows FROM journal WHERE id = 2').pluck().get() as Buffer
    const at = rows.indexOf('space-3') + 'space-3'.length + 12
    rows[at]! ^= 0xff
    db.prepare('UPDATE journal SET rows = ? WHERE id = 2').run(rows)
  })
  const store = await image.open()
  assert.ok(image.observer.reports.some(({ what }) => what.includes('journal is damaged')))
  const stored = await store.load(all[3]!.space)
  assert.match(stored.quarantine ?? 'not quarantined', /missing at position 2/)
  assert.is(textOf(stored), 'a')
  await expectAll(
    store,
    all.filter((_, i) => i !== 3),
  )
  const problems = (await store.verify()).problems.map(({ problem }) => problem)
  assert.ok(
    problems.some(problem => problem.includes('journal_set_aside_1')),
    problems.join(),
  )
  await store.append(type(all.slice(0, 2), 'd'))
  await expectAll(store, all.slice(0, 2))
})

test('[T28] a group that cannot be read at all is set aside, and what follows it is not taken for whole', async () => {
  const { image, all } = await crashed()
  const lying = Buffer.from([200, 1, 2, 3])
  image.behindItsBack(db => db.prepare('UPDATE journal SET rows = ? WHERE id = 2').run(lying))
  const store = await image.open()
  for (const { space } of all) {
    const stored = await store.load(space)
    assert.match(stored.quarantine ?? 'not quarantined', /missing at position 2/)
    assert.is(textOf(stored), 'a')
  }
  await store.close()
  const kept = image.behindItsBack(db =>
    db.prepare('SELECT rows FROM journal_set_aside_1 WHERE id = 2').pluck().get(),
  )
  assert.equal(kept, lying)
})

test('[T28] a journal whose pages are damaged stops nobody', async () => {
  const { image, all } = await crashed()
  image.behindItsBack(db => db.pragma('wal_checkpoint(TRUNCATE)'))
  const root = image.behindItsBack(
    db => db.prepare(`SELECT rootpage FROM sqlite_schema WHERE name = 'journal'`).pluck().get() as number,
  )
  image.damagePage(root)
  const store = await image.open()
  assert.ok(image.observer.reports.some(({ what }) => what.includes('journal is damaged')))
  assert.ok((await store.verify()).problems.length > 0)
  const fresh = new LoggedDocument('fresh')
  await store.append([{ space: fresh.space, flushes: [fresh.type('a')] }])
  const more = documents(6).map((_, i) => new LoggedDocument(`more-${i}`))
  await store.append(type(more, 'a'))
  await expectAll(store, [fresh, ...more])
  assert.is((await store.load(all[0]!.space)).position, 0)
})

test('[T28] where the log is damaged under one space, what waits of the others is folded', async () => {
  const all = documents(6)
  const store = await folder.open()
  // The last page holds rows of the last space alone.
  for (const document of all)
    for (let i = 0; i < 10; i++) await store.append(type([document], `${i}`.repeat(600)))
  for (const letter of 'ab') await store.append(type(all, letter))
  const image = crashImage(folder)
  const leaf = image.behindItsBack(db => {
    db.pragma('journal_mode = DELETE')
    const pages = db
      .prepare(`SELECT pageno, pgoffset FROM dbstat WHERE name = 'log' AND pagetype = 'leaf'`)
      .all()
    const checksum = db
      .prepare(`SELECT checksum FROM log JOIN spaces ON space = id WHERE name = 'space-5' AND last = 10`)
      .pluck()
      .get() as number
    const needle = Buffer.alloc(4)
    needle.writeUInt32BE(checksum)
    const file = image.read()
    const size = file.readUInt16BE(16)
    const found = (pages as { pageno: number; pgoffset: number }[]).find(({ pgoffset }) =>
      file.subarray(pgoffset, pgoffset + size).includes(needle),
    )
    return found?.pageno ?? (assert.unreachable('no such page') as never)
  })
  image.damagePage(leaf)
  const again = await image.open()
  assert.is.not((await again.load(all[5]!.space)).quarantine, null)
  await expectAll(again, all.slice(0, 5))
  await rejectsWithCode('internal', again.append(type(all, 'c')))
  const problems = (await again.verify()).problems.map(({ problem }) => problem)
  assert.ok(
    problems.some(problem => problem.includes('journal_set_aside_1')),
    problems.join(),
  )
})
