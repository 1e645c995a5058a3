/**
 * What every store promises, as a suite over one implementation. A disk outlives the stores opened on it;
 * where nothing else is said a test has one disk and opens it twice.
 */
import type { LogEntry, LoggedFlush, StoredSpace, UpdateStore } from '../../server/space/update-store.js'
import type { SpaceName } from '../../shared/names.js'
import type { RosterMember } from '../../shared/protocol/index.js'
import { rejectsWithCode } from '../support/expect.js'
import { documentOf, LoggedDocument, textOf } from '../support/logged-document.js'
import { poisonBy } from '../support/poison.js'
import { assert, suite } from '../support/suite.js'

export interface FailingCommits {
  /** How many commits go well first. */
  readonly skip: number
  readonly times: number
}

export interface StoreDisk {
  open(options?: { readonly failingCommits?: FailingCommits }): Promise<UpdateStore>
  dispose(): Promise<void>
}

const space = (name: string): SpaceName => name as SpaceName
const entry = ({ space }: LoggedDocument, ...flushes: LoggedFlush[]): LogEntry => ({ space, flushes })
const EMPTY: StoredSpace = {
  generation: 0,
  position: 0,
  snapshot: null,
  tail: [],
  quarantine: null,
  isDeleted: false,
}

export const updateStoreContract = (name: string, makeDisk: () => StoreDisk): void => {
  const test = suite(`update store: ${name}`)

  const withDisk = async (body: (disk: StoreDisk) => Promise<void>): Promise<void> => {
    const disk = makeDisk()
    try {
      await body(disk)
    } finally {
      await disk.dispose()
    }
  }

  const withStore = (body: (store: UpdateStore) => Promise<void>): Promise<void> =>
    withDisk(async disk => {
      const store = await disk.open()
      try {
        await body(store)
      } finally {
        await store.close()
      }
    })

  /** What is loaded after the disk was opened anew. */
  const reloaded = async (disk: StoreDisk, name: SpaceName): Promise<StoredSpace> => {
    const store = await disk.open()
    try {
      return await store.load(name)
    } finally {
      await store.close()
    }
  }

  const ann: RosterMember = {
    user: 'ann',
    name: 'Ann',
    connections: 2,
    joinedAtMs: 100,
    lastSeenMs: 200,
    left: null,
  }
  const bob: RosterMember = {
    user: 'žofie/ß',
    name: null,
    connections: 0,
    joinedAtMs: 2 ** 41,
    lastSeenMs: 2 ** 41 + 1,
    left: { atMs: 2 ** 41 + 2, reason: 'evicted' },
  }

  test(`[A15] ${name}: members are kept per space, field by field, replaced and removed, and have left by the next start`, () =>
    withDisk(async disk => {
      const [one, two] = [space('team/one'), space('two')]
      const store = await disk.open()
      assert.equal(await store.members.load(one), [])
      await store.members.save(
        [
          { space: one, user: ann.user, member: { ...ann, connections: 1 } },
          { space: one, user: bob.user, member: bob },
          { space: two, user: ann.user, member: ann },
        ],
        250,
      )
      await store.members.save([{ space: one, user: ann.user, member: ann }], 300)
      const byUser = async (of: UpdateStore, name: SpaceName) =>
        [...(await of.members.load(name))].sort((a, b) => (a.user < b.user ? -1 : 1))
      assert.equal(await byUser(store, one), [ann, bob])
      assert.equal(await byUser(store, two), [ann])
      await store.members.save([{ space: two, user: ann.user, member: null }], 400)
      await store.close()

      const again = await disk.open()
      const gone = { ...ann, connections: 0, left: { atMs: 400, reason: 'timeout' } }
      assert.equal(await byUser(again, one), [gone, bob])
      assert.equal(await byUser(again, two), [])
      assert.equal(await again.load(one), EMPTY, 'who was there does not make a space')
      await again.reopen()
      await again.members.save([{ space: two, user: ann.user, member: ann }], 500)
      await again.reopen()
      assert.equal(await byUser(again, two), [ann], 'a database that is opened again in the same process')
      await again.close()
    }))

  test(`[V6] ${name}: who delivered which clocks is told of the whole log, compacted or not`, () =>
    withDisk(async disk => {
      const store = await disk.open()
      const notes = new LoggedDocument('notes')
      assert.equal(await store.attribution(notes.space), [])
      await store.append([entry(notes, notes.type('ab'), notes.type('c', 'bob'))])
      await store.compact(notes.space)
      await store.append([entry(notes, notes.type('d', 'bob'))])
      const expected = [
        { user: 'ada', client: 1, clock: 0, length: 2 },
        { user: 'bob', client: 1, clock: 2, length: 2 },
      ]
      assert.equal(await store.attribution(notes.space), expected)
      await store.close()
      const next = await disk.open()
      assert.equal(await next.attribution(notes.space), expected)
      await next.close()
    }))

  test(`[T1] ${name}: what was appended is loaded in order, field by field, also after a restart`, () =>
    withDisk(async disk => {
      const notes = new LoggedDocument('team/notes')
      const first = notes.type('one ')
      const second: LoggedFlush = {
        ...notes.type('two '),
        inputs: [
          { user: 'ada', update: Uint8Array.of(1, 2, 3) },
          { user: 'žofie', update: Uint8Array.of() },
        ],
        deliveries: [
          { user: 'ada', client: 2 ** 32 - 1, clock: 0, length: 1 },
          { user: 'žofie', client: 7, clock: 2 ** 40, length: 3 },
        ],
      }
      const third = notes.type('three')
      const store = await disk.open()
      await store.append([entry(notes, first)])
      await store.append([entry(notes, second, third)])
      const expected: StoredSpace = { ...EMPTY, position: 3, tail: [first, second, third] }
      assert.equal(await store.load(notes.space), expected)
      await store.close()
      assert.equal(await reloaded(disk, notes.space), expected)
    }))

  test(`[T1] ${name}: the caller keeps its buffers, and a loaded one is nobody else's`, () =>
    withStore(async store => {
      const notes = new LoggedDocument('notes')
      const flush = notes.type('mine')
      const before = flush.updates[0]!.slice()
      await store.append([entry(notes, flush)])
      assert.equal(flush.updates[0], before)
      const loaded = await store.load(notes.space)
      loaded.tail[0]!.updates[0]!.fill(0)
      assert.is(textOf(await store.load(notes.space)), 'mine')
    }))

  test(`[T1] ${name}: an update of eight megabytes comes back whole`, () =>
    withDisk(async disk => {
      const notes = new LoggedDocument('big')
      const flush = notes.type('0123456789abcdef'.repeat(2 ** 19))
      const store = await disk.open()
      await store.append([entry(notes, flush)])
      await store.close()
      assert.equal((await reloaded(disk, notes.space)).tail[0]!.updates[0], flush.updates[0])
    }))

  test(`[T2] ${name}: a group that fails leaves nothing, whichever of its entries is at fault`, () =>
    withStore(async store => {
      const [good, bad] = [new LoggedDocument('good'), new LoggedDocument('bad')]
      await store.append([entry(bad, bad.type('a'))])
      bad.type('never appended')
      const group = [entry(good, good.type('x')), entry(bad, bad.type('b'))]
      await rejectsWithCode('internal', store.append(group))
      assert.equal(await store.load(good.space), EMPTY)
      assert.is((await store.load(bad.space)).position, 1)
      await rejectsWithCode('internal', store.append([entry(good, good.type('y'))]))
      await store.append([group[0]!])
      assert.is(textOf(await store.load(good.space)), 'x')
    }))

  test(`[T3] ${name}: appending what is there is harmless`, () =>
    withStore(async store => {
      const notes = new LoggedDocument('notes')
      const group = [entry(notes, notes.type('a'), notes.type('b'))]
      await store.append(group)
      await store.append(group)
      const later = [...group, entry(new LoggedDocument('other'), new LoggedDocument('other').type('o'))]
      await store.append(later)
      assert.is(textOf(await store.load(notes.space)), 'ab')
      assert.is((await store.load(space('other'))).position, 1)
    }))

  test(`[T3] ${name}: other rows at stored positions, and a gap, are refused and change nothing`, () =>
    withStore(async store => {
      const notes = new LoggedDocument('notes')
      const [first, second, third] = [notes.type('a'), notes.type('b'), notes.type('c')]
      await store.append([entry(notes, first, second)])
      const before = await store.load(notes.space)
      const other = new LoggedDocument('notes', 9)
      for (const flushes of [
        [first],
        [second],
        [first, second, third],
        [second, third],
        [other.type('x'), other.type('y')],
        [{ ...third, position: 4 }],
        [{ ...third, position: 0 }],
        [third, { ...third, position: 5 }],
        [],
      ]) {
        const error = await rejectsWithCode('internal', store.append([entry(notes, ...flushes)]))
        assert.ok(error.message.length > 0)
      }
      assert.equal(await store.load(notes.space), before)
      await store.append([entry(notes, third)])
      assert.is(textOf(await store.load(notes.space)), 'abc')
    }))

  test(`[T5] ${name}: a failed commit is degraded, reads go on, and the same group goes through later`, () =>
    withDisk(async disk => {
      const [notes, other] = [new LoggedDocument('notes'), new LoggedDocument('other')]
      const store = await disk.open({ failingCommits: { skip: 1, times: 2 } })
      await store.append([entry(notes, notes.type('a'))])
      const group = [entry(notes, notes.type('b')), entry(other, other.type('o'))]
      for (let attempt = 0; attempt < 2; attempt++) {
        const error = await rejectsWithCode('degraded', store.append(group))
        assert.ok(error.cause !== undefined)
        assert.is(textOf(await store.load(notes.space)), 'a')
        assert.equal(await store.load(other.space), EMPTY)
        await store.reopen()
      }
      await store.append(group)
      await store.append([entry(notes, notes.type('c'))])
      await store.close()
      assert.is(textOf(await reloaded(disk, notes.space)), 'abc')
      assert.is(textOf(await reloaded(disk, other.space)), 'o')
    }))

  test(`[T6] ${name}: a space that was never written is empty, and looking leaves nothing`, () =>
    withStore(async store => {
      assert.equal(await store.load(space('nobody/wrote')), EMPTY)
      assert.equal(await store.compact(space('nobody/wrote')), { type: 'skipped', why: 'nothing-to-do' })
      assert.equal(await store.load(space('nobody/wrote')), EMPTY)
    }))

  test(`[T6] ${name}: spaces with names of any script do not see each other`, () =>
    withDisk(async disk => {
      const names = [
        'a',
        'A',
        'a/b',
        'a/B',
        'doc:42',
        'čaj',
        'чай',
        '茶/☕'.replace('☕', '2'),
        "a'b".replace("'", '~'),
      ]
      const documents = [...names, ...Array.from({ length: 300 }, (_, i) => `many/${i}`)].map(
        name => new LoggedDocument(name),
      )
      const store = await disk.open()
      await store.append(documents.map(document => entry(document, document.type(`of ${document.space}`))))
      await store.append(documents.map(document => entry(document, document.type('!'))))
      await store.close()
      const again = await disk.open()
      for (const { space } of documents) assert.is(textOf(await again.load(space)), `of ${space}!`)
      await again.close()
    }))

  test(`[T7] ${name}: compaction changes the form of a space and not its content`, () =>
    withDisk(async disk => {
      const notes = new LoggedDocument('notes')
      const store = await disk.open()
      for (const word of ['one ', 'two ', 'three ']) await store.append([entry(notes, notes.type(word))])
      const outcome = await store.compact(notes.space)
      assert.is(outcome.type, 'compacted')
      assert.equal(await store.compact(notes.space), { type: 'skipped', why: 'nothing-to-do' })
      await store.append([entry(notes, notes.type('four'))])
      await store.close()
      const stored = await reloaded(disk, notes.space)
      assert.is(stored.snapshot?.position, 3)
      assert.is(stored.position, 4)
      assert.is(stored.tail.length, 1)
      assert.is(stored.generation, 0)
      assert.is(textOf(stored), 'one two three four')
      const second = await disk.open()
      assert.is((await second.compact(notes.space)).type, 'compacted')
      await second.append([entry(notes, notes.type('!'))])
      assert.is(textOf(await second.load(notes.space)), 'one two three four!')
      await second.close()
    }))

  test(`[T7] ${name}: compaction keeps every shared type, its formats and its deletions`, () =>
    withStore(async store => {
      const notes = new LoggedDocument('notes')
      const flushes = [
        notes.edit(doc => doc.getText('text').insert(0, 'bold 😀 text', { bold: true })),
        notes.edit(doc => doc.getText('text').delete(2, 3)),
        notes.edit(doc => doc.getMap('map').set('key', [1, null, { deep: 'value' }])),
        notes.edit(doc => doc.getMap('map').set('key', 2)),
        notes.edit(doc => doc.getArray('array').insert(0, [new Uint8Array([1]), 'x'])),
        notes.edit(doc => doc.getText('text').format(0, 4, { bold: null, link: 'there' })),
      ]
      await store.append([entry(notes, ...flushes)])
      await store.compact(notes.space)
      const loaded = documentOf(await store.load(notes.space))
      assert.equal(loaded.getText('text').toDelta(), notes.doc.getText('text').toDelta())
      assert.equal(loaded.getMap('map').toJSON(), notes.doc.getMap('map').toJSON())
      assert.equal(loaded.getArray('array').toJSON(), notes.doc.getArray('array').toJSON())
    }))

  test(`[T9] ${name}: a state that does not load is repaired without the one input at fault`, () =>
    withDisk(async disk => {
      const notes = new LoggedDocument('notes')
      const { entry: harmless, sting } = poisonBy(66)
      const ada = new LoggedDocument('elsewhere', 5)
      const adas = ada.type('ada, ').updates[0]!
      const flushes = [notes.type('before, ', 'bob'), notes.take(harmless), notes.type('between, ', 'bob')]
      const shared = notes.edit(() => {
        // Two senders in one flush: the poison and somebody's honest edit.
      })
      const sharedFlush: LoggedFlush = {
        ...shared,
        updates: [adas, sting],
        inputs: [
          { user: 'ada', update: adas },
          { user: 'eve', update: sting },
        ],
      }
      const store = await disk.open()
      await store.append([entry(notes, ...flushes, sharedFlush, notes.type('after', 'bob'))])
      const outcome = await store.compact(notes.space)
      if (outcome.type !== 'repaired') return assert.unreachable(JSON.stringify(outcome))
      assert.equal(outcome.dropped, [{ position: 4, user: 'eve', bytes: sting.length }])
      assert.is(outcome.position, 5)
      await store.close()
      const stored = await reloaded(disk, notes.space)
      assert.is(stored.generation, 1)
      assert.is(stored.quarantine, null)
      const text = textOf(stored)
      for (const kept of ['before, ', 'between, ', 'after', 'ada, ']) assert.ok(text.includes(kept), text)
      const again = await disk.open()
      assert.equal(await again.compact(notes.space), { type: 'skipped', why: 'nothing-to-do' })
      await again.close()
    }))

  test(`[T10] ${name}: what no repair mends is quarantined, and stays readable`, () =>
    withDisk(async disk => {
      const [notes, other] = [new LoggedDocument('notes'), new LoggedDocument('other')]
      const store = await disk.open()
      await store.append([entry(notes, notes.type('readable')), entry(other, other.type('well'))])
      const poisoned = Array.from({ length: 70 }, (_, i) => poisonBy(10 + i))
      const flushes = poisoned.flatMap(({ entry, sting }) => [notes.take(entry), notes.take(sting)])
      await store.append([entry(notes, ...flushes)])
      const before = await store.load(notes.space)
      const outcome = await store.compact(notes.space)
      if (outcome.type !== 'quarantined') return assert.unreachable(JSON.stringify(outcome))
      await store.close()
      const stored = await reloaded(disk, notes.space)
      assert.equal(stored, { ...before, quarantine: outcome.reason })
      assert.is(textOf(stored), 'readable')
      const again = await disk.open()
      assert.equal(await again.compact(notes.space), outcome)
      assert.is((await again.load(other.space)).quarantine, null)
      await again.append([entry(other, other.type(', thanks'))])
      assert.is(textOf(await again.load(other.space)), 'well, thanks')
      await again.close()
    }))

  test(`[X12] ${name}: spaces are listed by name, a page at a time, and told with their figures`, () =>
    withStore(async store => {
      const names = ['a', 'team-a', 'team/é', 'team/a', 'team/b/c', 'team/😀', 'z']
      for (const each of names) {
        const document = new LoggedDocument(each)
        await store.append([entry(document, document.type('a'))])
      }
      const list = async (prefix: string, after: string, limit: number): Promise<string[]> =>
        (await store.catalogue.list({ prefix, after, limit })).map(({ name }) => name)
      const inOrder = ['a', 'team-a', 'team/a', 'team/b/c', 'team/é', 'team/😀', 'z']
      assert.equal(await list('', '', 100), inOrder)
      assert.equal(await list('team/', '', 100), inOrder.slice(2, 6))
      assert.equal(await list('team/', '', 2), ['team/a', 'team/b/c'])
      assert.equal(await list('team/', 'team/b/c', 2), ['team/é', 'team/😀'])
      assert.equal(await list('team/', 'team/😀', 2), [])
      assert.equal(await list('%', '', 2), [])
      const notes = new LoggedDocument('notes')
      assert.is(await store.catalogue.find(notes.space), null)
      await store.append([entry(notes, notes.type('some text'), notes.type(' more'))])
      const before = await store.catalogue.find(notes.space)
      assert.ok(before !== null && before.logBytes > 0 && before.createdAtMs > 0)
      const { updatedAtMs, createdAtMs, logBytes } = before
      assert.ok(updatedAtMs >= createdAtMs)
      const known = { name: notes.space, generation: 0, createdAtMs, deletedAtMs: null, quarantine: null }
      const figures = { position: 2, snapshotPosition: 0, snapshotBytes: 0, logBytes, updatedAtMs }
      assert.equal(before, { ...known, ...figures })
      await store.compact(notes.space)
      const stored = await store.load(notes.space)
      const snapshotBytes = stored.snapshot!.update.length
      const after = { ...known, ...figures, snapshotPosition: 2, snapshotBytes, logBytes: 0 }
      assert.equal(await store.catalogue.find(notes.space), after)
    }))

  test(`[X13] ${name}: a deleted space is told without its content, keeps it, and is restored as it was`, () =>
    withDisk(async disk => {
      const [notes, other] = [new LoggedDocument('notes'), new LoggedDocument('other')]
      const store = await disk.open()
      await store.append([entry(notes, notes.type('a')), entry(other, other.type('b'))])
      await store.compact(notes.space)
      const before = await store.load(notes.space)
      await store.catalogue.delete(notes.space, 1_000)
      await store.catalogue.delete(notes.space, 2_000)
      // What was on its way when it was deleted belongs to it.
      await store.append([entry(notes, notes.type('c'))])
      assert.equal(await store.load(notes.space), { ...EMPTY, isDeleted: true })
      await store.close()
      assert.equal(await reloaded(disk, notes.space), { ...EMPTY, isDeleted: true })
      const again = await disk.open()
      assert.is((await again.catalogue.find(notes.space))?.deletedAtMs, 1_000)
      assert.is((await again.compact(notes.space)).type, 'compacted')
      assert.is(textOf(await again.load(other.space)), 'b')
      assert.is(await again.catalogue.restore(notes.space), before.generation)
      assert.is(await again.catalogue.restore(notes.space), before.generation)
      assert.is(textOf(await again.load(notes.space)), 'ac')
      const unwritten = space('unwritten')
      await again.catalogue.delete(unwritten, 3_000)
      assert.equal(await again.load(unwritten), { ...EMPTY, isDeleted: true })
      assert.is(await again.catalogue.restore(unwritten), 0)
      assert.equal(await again.load(unwritten), EMPTY)
      await again.close()
    }))

  test(`[X14] ${name}: a space that is created in place of a deleted one has nothing of it`, () =>
    withDisk(async disk => {
      const [notes, other] = [new LoggedDocument('notes'), new LoggedDocument('other')]
      const store = await disk.open()
      await store.append([entry(notes, notes.type('old ')), entry(other, other.type('b'))])
      await store.compact(notes.space)
      await store.append([entry(notes, notes.type('words'))])
      await store.members.save([{ space: notes.space, user: 'ann', member: ann }], 300)
      const { catalogue } = store
      assert.equal(await catalogue.create(notes.space, 500), { generation: 0, isNew: false })
      assert.is(textOf(await store.load(notes.space)), 'old words')
      await catalogue.delete(notes.space, 1_000)
      assert.equal(await catalogue.create(notes.space, 2_000), { generation: 1, isNew: true })
      assert.equal(await catalogue.create(notes.space, 3_000), { generation: 1, isNew: false })
      assert.equal(await store.load(notes.space), { ...EMPTY, generation: 1 })
      assert.equal([await store.attribution(notes.space), await store.members.load(notes.space)], [[], []])
      assert.is((await catalogue.find(notes.space))?.createdAtMs, 2_000)
      const next = new LoggedDocument('notes', 2)
      await store.append([entry(next, next.type('new'))])
      await store.close()
      const stored = await reloaded(disk, notes.space)
      assert.equal([stored.generation, stored.position, textOf(stored)], [1, 1, 'new'])
      assert.is(textOf(await reloaded(disk, other.space)), 'b')
      const again = await disk.open()
      assert.is((await again.compact(notes.space)).type, 'compacted')
      assert.is(textOf(await again.load(notes.space)), 'new')
      assert.equal(await again.catalogue.create(space('fresh'), 4_000), { generation: 0, isNew: true })
      assert.is((await again.catalogue.list({ prefix: 'fresh', after: '', limit: 1 }))[0]?.createdAtMs, 4_000)
      await again.close()
    }))

  test(`[X17] ${name}: revocations are kept per space and user, or for all spaces`, () =>
    withDisk(async disk => {
      const [one, two] = [space('one'), space('two')]
      const store = await disk.open()
      assert.equal(await store.catalogue.revocations(), [])
      const rows = [
        { space: one, user: 'ann', atMs: 1_000 },
        { space: two, user: 'ann', atMs: 2_000 },
        { space: null, user: 'žofie/ß', atMs: 3_000 },
        { space: one, user: 'žofie/ß', atMs: 4_000 },
      ]
      for (const row of rows) await store.catalogue.revoke(row)
      await store.catalogue.revoke({ space: one, user: 'ann', atMs: 9_000 })
      await store.close()
      const again = await disk.open()
      const all = async () =>
        (await again.catalogue.revocations()).toSorted((a, b) => a.atMs - b.atMs).map(each => ({ ...each }))
      assert.equal(await all(), rows)
      await again.catalogue.reinstate(one, 'ann')
      await again.catalogue.reinstate(one, 'ann')
      await again.catalogue.reinstate(null, 'žofie/ß')
      assert.equal(await all(), [rows[1], rows[3]])
      await again.close()
    }))

  test(`[T17] ${name}: the id stays with the disk and differs from any other`, async () => {
    const ids: string[] = []
    for (const disk of [makeDisk(), makeDisk()]) {
      const store = await disk.open()
      ids.push(store.id)
      await store.close()
      const again = await disk.open()
      assert.is(again.id, store.id)
      await again.close()
      await disk.dispose()
    }
    assert.is(new Set(ids).size, 2)
  })

  test(`[T18] ${name}: closing waits for what is under way and refuses what comes after`, () =>
    withDisk(async disk => {
      const notes = new LoggedDocument('notes')
      const store = await disk.open()
      const appending = store.append([entry(notes, notes.type('a'))])
      const loading = store.load(notes.space)
      await Promise.all([store.close(), store.close()])
      await Promise.all([appending, loading])
      await store.close()
      await rejectsWithCode('load_failed', store.load(notes.space))
      await rejectsWithCode('degraded', store.append([entry(notes, notes.type('b'))]))
      await rejectsWithCode('degraded', store.reopen())
      await rejectsWithCode('internal', store.compact(notes.space))
      assert.is(textOf(await reloaded(disk, notes.space)), 'a')
    }))
}
