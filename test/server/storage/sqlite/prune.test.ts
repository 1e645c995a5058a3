/** Retention: what goes, what stays, and what is remembered of what went. */
import { LoggedDocument, textOf } from '../../../support/logged-document.js'
import { SqliteFolder } from '../../../support/sqlite-folder.js'
import { assert, suite } from '../../../support/suite.js'

const test = suite('sqlite retention')

const DAY_MS = 24 * 60 * 60 * 1000
let folder: SqliteFolder
let notes: LoggedDocument
test.before.each(() => {
  folder = new SqliteFolder()
  notes = new LoggedDocument('notes')
})
test.after.each(() => folder.dispose())

const rowsLeft = (): unknown =>
  folder.behindItsBack(db => db.prepare('SELECT count(*) FROM log').pluck().get())

test('[T13] rows that a snapshot covers go when they are old enough, not before', async () => {
  const store = await folder.open()
  for (const word of ['a', 'b', 'c', 'd']) {
    await store.append([{ space: notes.space, flushes: [notes.type(word)] }])
    folder.nowMs += DAY_MS
  }
  await store.compact(notes.space)
  await store.append([{ space: notes.space, flushes: [notes.type('e')] }])
  const lastMs = folder.nowMs
  assert.is(await store.prune(lastMs), 0)
  // Thirty days after the second was written the first is older, the second is not.
  assert.is(await store.prune(lastMs - 3 * DAY_MS + 30 * DAY_MS), 1)
  assert.is(await store.prune(lastMs - 3 * DAY_MS + 30 * DAY_MS), 0)
  assert.is(await store.prune(lastMs + 300 * DAY_MS), 3)
  // The tail stays, however old: nothing else holds it.
  assert.is(textOf(await store.load(notes.space)), 'abcde')
  assert.is((await store.load(notes.space)).position, 5)
  assert.equal((await store.verify()).problems, [])
  await store.append([{ space: notes.space, flushes: [notes.type('f')] }])
  await store.close()
  assert.is(rowsLeft(), 2)
})

test('[T13] a space whose whole log went is written on at the next position', async () => {
  const store = await folder.open({ retentionMs: 0 })
  await store.append([{ space: notes.space, flushes: [notes.type('a'), notes.type('b')] }])
  await store.compact(notes.space)
  assert.is(await store.prune(folder.nowMs + 1), 1)
  const stored = await store.load(notes.space)
  assert.is(stored.position, 2)
  await store.append([{ space: notes.space, flushes: [notes.type('c')] }])
  assert.is(textOf(await store.load(notes.space)), 'abc')
})

test('[T13] without a snapshot nothing goes', async () => {
  const store = await folder.open({ retentionMs: 0 })
  await store.append([{ space: notes.space, flushes: [notes.type('a')] }])
  assert.is(await store.prune(folder.nowMs + 300 * DAY_MS), 0)
})

test('[T13] who delivered which clocks is the same before and after', async () => {
  const store = await folder.open({ retentionMs: 0 })
  for (let i = 0; i < 30; i++) {
    await store.append([{ space: notes.space, flushes: [notes.type('ab', i % 10 < 5 ? 'ada' : 'bob')] }])
    if (i === 19) await store.compact(notes.space)
  }
  const before = await store.attribution(notes.space)
  assert.equal(
    before.map(({ user, clock, length }) => [user, clock, length]),
    [
      ['ada', 0, 10],
      ['ada', 20, 10],
      ['ada', 40, 10],
      ['bob', 10, 10],
      ['bob', 30, 10],
      ['bob', 50, 10],
    ],
  )
  assert.is(await store.prune(folder.nowMs + 1), 20)
  assert.equal(await store.attribution(notes.space), before)
  await store.compact(notes.space)
  assert.is(await store.prune(folder.nowMs + 1), 10)
  assert.equal(await store.attribution(notes.space), before)
})

test('[T13] [V6] so it is while rows go, and what is damaged is left out', async () => {
  const store = await folder.open({ retentionMs: 0 })
  for (let i = 0; i < 450; i++) {
    await store.append([{ space: notes.space, flushes: [notes.type('ab', i % 2 === 0 ? 'ada' : 'bob')] }])
  }
  const before = await store.attribution(notes.space)
  assert.is(before.length, 450)
  await store.compact(notes.space)
  const [during, pruned] = await Promise.all([
    store.attribution(notes.space),
    store.prune(folder.nowMs + 1),
    store.append([{ space: notes.space, flushes: [notes.type('c', 'eve')] }]),
  ])
  assert.is(pruned, 450)
  assert.equal(
    during.filter(({ user }) => user !== 'eve'),
    before,
  )
  folder.behindItsBack(db => db.prepare('UPDATE attribution SET checksum = checksum + 1').run())
  assert.equal(await store.attribution(notes.space), [{ user: 'eve', client: 1, clock: 900, length: 1 }])
})

test('[T13] many spaces and many rows go in chunks, with appends in between', async () => {
  const store = await folder.open({ retentionMs: 0 })
  const documents = Array.from({ length: 450 }, (_, i) => new LoggedDocument(`space ${i}`))
  const big = documents[7]!
  await store.append(documents.map(document => ({ space: document.space, flushes: [document.type('x')] })))
  for (let i = 0; i < 1200; i++) await store.append([{ space: big.space, flushes: [big.type('y')] }])
  for (const { space } of documents) await store.compact(space)
  const order: string[] = []
  const pruning = store.prune(folder.nowMs + 1).then(rows => order.push(`pruned ${rows}`))
  await store.append([{ space: notes.space, flushes: [notes.type('z')] }])
  order.push('appended')
  await pruning
  assert.equal(order, ['appended', 'pruned 1650'])
  assert.is(textOf(await store.load(big.space)), big.text)
  assert.equal((await store.verify()).problems, [])
})

test('[T13] a row that cannot be read stays, and so do rows where the attribution cannot be', async () => {
  const store = await folder.open({ retentionMs: 0 })
  for (const word of ['a', 'b', 'c'])
    await store.append([{ space: notes.space, flushes: [notes.type(word)] }])
  await store.compact(notes.space)
  await store.close()
  folder.behindItsBack(db => db.exec(`UPDATE log SET payload = x'00' WHERE last = 2`))
  const again = await folder.open({ retentionMs: 0 })
  assert.is(await again.prune(folder.nowMs + 1), 2)
  assert.is(textOf(await again.load(notes.space)), 'abc')
  await again.append([{ space: notes.space, flushes: [notes.type('d')] }])
  await again.compact(notes.space)
  await again.close()
  folder.behindItsBack(db => db.exec(`UPDATE attribution SET payload = x'00'`))
  const third = await folder.open({ retentionMs: 0 })
  assert.is(await third.prune(folder.nowMs + 1), 0)
  await third.close()
  assert.is(rowsLeft(), 2)
})

test('[A15] members who left go after their retention, and sooner where nobody has ever written', async () => {
  const store = await folder.open({ memberRetentionMs: 10 * DAY_MS })
  await store.append([{ space: notes.space, flushes: [notes.type('a')] }])
  const leftMs = folder.nowMs
  const members = [
    { user: 'gone', left: { atMs: leftMs, reason: 'closed' } },
    { user: 'here', left: null },
  ] as const
  const unwritten = 'unwritten' as typeof notes.space
  const changes = [notes.space, unwritten].flatMap(space =>
    members.map(({ user, left }) => {
      const member = { user, name: null, connections: left ? 0 : 1, joinedAtMs: 1, lastSeenMs: 2, left }
      return { space, user, member }
    }),
  )
  await store.members.save(changes, leftMs)
  const left = async (space: typeof notes.space) => (await store.members.load(space)).map(({ user }) => user)
  await store.prune(leftMs + DAY_MS + 1)
  assert.equal([await left(notes.space), await left(unwritten)], [['gone', 'here'], ['here']])
  await store.prune(leftMs + 10 * DAY_MS + 1)
  assert.equal([await left(notes.space), await left(unwritten)], [['here'], ['here']])
})
