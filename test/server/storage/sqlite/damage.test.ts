/** Damaged bytes on disk: the space that they belong to says so, and only that one. */
import type { SpaceName } from '../../../../shared/names.js'
import { rejectsWithCode } from '../../../support/expect.js'
import { LoggedDocument, textOf } from '../../../support/logged-document.js'
import { SqliteFolder } from '../../../support/sqlite-folder.js'
import { assert, suite } from '../../../support/suite.js'

const test = suite('sqlite damage')

let folder: SqliteFolder
let notes: LoggedDocument
let other: LoggedDocument
test.before.each(() => {
  folder = new SqliteFolder()
  notes = new LoggedDocument('notes')
  other = new LoggedDocument('other')
})
test.after.each(() => folder.dispose())

/** Two spaces, a row per letter; `|` compacts both. The store is closed again. */
const fill = async (letters: string): Promise<void> => {
  const store = await folder.open()
  for (const letter of letters) {
    if (letter === '|') for (const space of [notes.space, other.space]) await store.compact(space)
    else {
      for (const document of [notes, other]) {
        await store.append([{ space: document.space, flushes: [document.type(letter)] }])
      }
    }
  }
  await store.close()
}

const damage = (sql: string, ...values: unknown[]): void => {
  const changed = folder.behindItsBack(db => db.prepare(sql).run(...values).changes)
  assert.ok(changed > 0, 'nothing was damaged')
}

const FLIP = `payload = CAST(substr(payload, 1, length(payload) - 1) || x'7f' AS BLOB)`
const OF_NOTES = `space = (SELECT id FROM spaces WHERE name = 'notes')`

const isQuarantined = async (text: string, reason: RegExp): Promise<void> => {
  const store = await folder.open()
  const stored = await store.load(notes.space)
  assert.match(stored.quarantine ?? 'not quarantined', reason)
  assert.is(textOf(stored), text)
  assert.is(stored.position, notes.text.length)
  assert.is(folder.observer.counted('quarantines'), 1)
  // Nobody else noticed: loading, writing and compacting go on.
  const before = await store.load(other.space)
  assert.is(before.quarantine, null)
  assert.is(textOf(before), other.text)
  await store.append([{ space: other.space, flushes: [other.type('!')] }])
  assert.is((await store.compact(other.space)).type, 'compacted')
  assert.is((await store.compact(notes.space)).type, 'quarantined')
  const { problems } = await store.verify()
  assert.ok(problems.some(({ space }) => space === notes.space))
  assert.equal(
    problems.filter(({ space }) => space === other.space),
    [],
  )
  assert.equal(
    (await store.status()).quarantined.map(({ space }) => space),
    ['notes'],
  )
  await store.close()
  const again = await folder.open()
  assert.is((await again.load(notes.space)).quarantine, stored.quarantine)
  assert.is(folder.observer.counted('quarantines'), 1, 'told once')
}

test('[T10] [T12] a row with a flipped byte: readable up to it', async () => {
  await fill('abcde')
  damage(`UPDATE log SET ${FLIP} WHERE ${OF_NOTES} AND last = 3`)
  await isQuarantined('ab', /position 3: the checksum/)
})

test('[T10] a damaged row behind a snapshot: the snapshot and what follows it up to the row', async () => {
  await fill('ab|cde')
  damage(`UPDATE log SET ${FLIP} WHERE ${OF_NOTES} AND last = 4`)
  await isQuarantined('abc', /position 4/)
})

test('[T10] a row that moved to another position or space is damaged', async () => {
  await fill('abc')
  damage(`UPDATE log SET last = 30, first = 30 WHERE ${OF_NOTES} AND last = 3`)
  const store = await folder.open()
  const stored = await store.load(notes.space)
  assert.match(stored.quarantine ?? '', /missing at position 3/)
  assert.is(textOf(stored), 'ab')
})

test('[T10] a row that is gone', async () => {
  await fill('abcde')
  damage(`DELETE FROM log WHERE ${OF_NOTES} AND last = 2`)
  await isQuarantined('a', /missing at position 2/)
})

test('[T10] damaged rows are never deleted, by compaction or retention', async () => {
  await fill('abcde')
  damage(`UPDATE log SET ${FLIP} WHERE ${OF_NOTES} AND last = 3`)
  const store = await folder.open({ retentionMs: 0 })
  await store.load(notes.space)
  await store.compact(notes.space)
  await store.prune(folder.nowMs + 1)
  await store.close()
  const rows = folder.behindItsBack(db =>
    db.prepare(`SELECT count(*) FROM log WHERE ${OF_NOTES}`).pluck().get(),
  )
  assert.is(rows, 5)
})

test('[T11] a damaged snapshot: the one before and the log between serve', async () => {
  await fill('ab|cd|e')
  damage(`UPDATE snapshots SET ${FLIP} WHERE ${OF_NOTES} AND position = 4`)
  const store = await folder.open()
  const stored = await store.load(notes.space)
  assert.is(stored.quarantine, null)
  assert.is(stored.snapshot?.position, 2)
  assert.is(textOf(stored), 'abcde')
  assert.ok(folder.observer.reports.some(({ what }) => what.includes('damaged')))
  assert.ok((await store.verify()).problems.some(({ space }) => space === notes.space))
  // The next compaction makes it good.
  assert.is((await store.compact(notes.space)).type, 'compacted')
  assert.equal((await store.verify()).problems, [])
  assert.is((await store.load(notes.space)).snapshot?.position, 5)
})

test('[T11] a damaged only snapshot: the whole log serves', async () => {
  await fill('abcd|')
  damage(`UPDATE snapshots SET ${FLIP} WHERE ${OF_NOTES}`)
  const store = await folder.open()
  const stored = await store.load(notes.space)
  assert.is(stored.quarantine, null)
  assert.is(textOf(stored), 'abcd')
  assert.is((await store.compact(notes.space)).type, 'compacted')
  assert.is((await store.load(notes.space)).snapshot?.position, 4)
})

test('[T10] a damaged snapshot without the history behind it: what is left is readable', async () => {
  await fill('ab|cd|e')
  damage(`UPDATE snapshots SET ${FLIP} WHERE ${OF_NOTES} AND position = 4`)
  damage(`DELETE FROM log WHERE ${OF_NOTES} AND last <= 4`)
  await isQuarantined('ab', /missing at position 3|snapshot at position 4/)
})

/** Pages of the log that hold rows of one space, by rows that are larger than a page. */
const fillPages = async (bytes = 3000, rows = 10): Promise<void> => {
  const store = await folder.open()
  for (const document of [other, notes]) {
    for (let i = 0; i < rows; i++) {
      await store.append([{ space: document.space, flushes: [document.type(`${i}`.repeat(bytes))] }])
    }
  }
  await store.close()
}

const pageBytes = (database: Buffer): number => database.readUInt16BE(16)

/** The last page of that type in the log which holds the text. */
const lastPage = (type: 'leaf' | 'overflow', needle: string): number =>
  folder.behindItsBack(db => {
    db.pragma('journal_mode = DELETE')
    const pages = db
      .prepare(`SELECT pageno, pgoffset FROM dbstat WHERE name = 'log' AND pagetype = ? ORDER BY pageno DESC`)
      .all(type) as { pageno: number; pgoffset: number }[]
    const file = folder.read()
    const size = pageBytes(file)
    const found = pages.find(({ pgoffset }) => file.subarray(pgoffset, pgoffset + size).includes(needle))
    return found?.pageno ?? (assert.unreachable('no such page') as never)
  })

test('[T10] pages of noise: the space is readable up to them, others as before', async () => {
  await fillPages()
  const whole = folder.read()
  const pages = { overflow: lastPage('overflow', '5'.repeat(100)), leaf: lastPage('leaf', '9'.repeat(20)) }
  for (const [type, page] of Object.entries(pages)) {
    folder.write(whole)
    folder.damagePage(page)
    const store = await folder.open()
    const stored = await store.load(notes.space)
    assert.match(stored.quarantine ?? 'not quarantined', /position/, type)
    const text = textOf(stored)
    assert.ok(text.length >= 3000 && text.length < notes.text.length && notes.text.startsWith(text), type)
    assert.is(textOf(await store.load(other.space)), other.text)
    await store.append([{ space: other.space, flushes: [other.type('!')] }])
    assert.ok((await store.verify()).problems.length > 0)
    await store.close()
    other = new LoggedDocument('other')
    for (let i = 0; i < 10; i++) other.type(`${i}`.repeat(3000))
  }
})

test('[T10] a page of noise where a row belongs: that space cannot be written, and others can', async () => {
  await fillPages()
  folder.damagePage(lastPage('leaf', '9'.repeat(20)))
  const store = await folder.open()
  const good = { space: other.space, flushes: [other.type('!')] }
  const bad = { space: notes.space, flushes: [notes.type('!')] }
  const error = await rejectsWithCode('internal', store.append([good, bad]))
  assert.match(error.message, /damaged/)
  await rejectsWithCode('internal', store.append([bad]))
  await store.append([good])
  assert.is(textOf(await store.load(other.space)), other.text)
  assert.is.not((await store.load(notes.space)).quarantine, null)
})

test('[T10] any page of noise: no load hangs or lies, whatever was hit', async () => {
  await fillPages(500, 6)
  folder.behindItsBack(db => db.pragma('journal_mode = DELETE'))
  const whole = folder.read()
  const texts = { notes: notes.text, other: other.text }
  for (let page = 2; page <= whole.length / pageBytes(whole); page++) {
    folder.write(whole)
    folder.damagePage(page)
    let store: Awaited<ReturnType<SqliteFolder['open']>>
    try {
      store = await folder.open()
    } catch (error) {
      assert.is((error as Error).name, 'StartupError', `page ${page}: ${error}`)
      continue
    }
    for (const [name, text] of Object.entries(texts)) {
      try {
        const stored = await store.load(name as SpaceName)
        if (stored.quarantine === null) assert.is(textOf(stored), text, `page ${page}: ${name}`)
        else assert.ok(text.startsWith(textOf(stored)), `page ${page}: ${name}`)
      } catch (error) {
        assert.is((error as { code?: string }).code, 'load_failed', `page ${page}: ${error}`)
      }
    }
    await store.close()
  }
})
