/** The store's threads: one that dies takes nothing with it but its calls, and none waits for another. */
import { readdirSync, readFileSync } from 'node:fs'
import { platform } from 'node:os'
import * as Y from 'yjs'
import type { LoggedFlush } from '../../../../server/space/update-store.js'
import { rejectsWithCode } from '../../../support/expect.js'
import { LoggedDocument, textOf } from '../../../support/logged-document.js'
import { SqliteFolder } from '../../../support/sqlite-folder.js'
import { assert, suite } from '../../../support/suite.js'

const test = suite('sqlite workers')

let folder: SqliteFolder
let notes: LoggedDocument
test.before.each(() => {
  folder = new SqliteFolder()
  notes = new LoggedDocument('notes')
})
test.after.each(() => folder.dispose())

test('[T18] the writer dies in a commit: all that wait for it fail, and a reopen starts another', async () => {
  const store = await folder.open({ failpoints: { 'append:before-commit': { action: 'exit', skip: 1 } } })
  await store.append([{ space: notes.space, flushes: [notes.type('a')] }])
  const group = [{ space: notes.space, flushes: [notes.type('b')] }]
  const waiting = [
    store.append(group),
    store.status().then(() => undefined),
    store.prune(0).then(() => undefined),
  ]
  const codes = await Promise.all(
    waiting.map(call =>
      call.then(
        () => 'fine',
        error => error.code,
      ),
    ),
  )
  assert.equal(codes, ['degraded', 'internal', 'internal'])
  await rejectsWithCode('degraded', store.append(group))
  assert.is(textOf(await store.load(notes.space)), 'a')
  await store.reopen()
  await store.append(group)
  assert.is(textOf(await store.load(notes.space)), 'ab')
})

test('[T18] the writer dies between commit and answer: what was committed is there once', async () => {
  const store = await folder.open({ failpoints: { 'append:after-commit': { action: 'exit', skip: 1 } } })
  await store.append([{ space: notes.space, flushes: [notes.type('a')] }])
  const group = [{ space: notes.space, flushes: [notes.type('b')] }]
  await rejectsWithCode('degraded', store.append(group))
  await store.reopen()
  await store.append(group)
  assert.is(textOf(await store.load(notes.space)), 'ab')
})

test('[T18] the reader dies: that load fails, the next goes through', async () => {
  const store = await folder.open({ failpoints: { 'load:before-read': { action: 'exit', skip: 1 } } })
  await store.append([{ space: notes.space, flushes: [notes.type('a')] }])
  await store.load(notes.space)
  const loads = [store.load(notes.space), store.load(notes.space)]
  for (const load of loads) await rejectsWithCode('load_failed', load)
  assert.is(textOf(await store.load(notes.space)), 'a')
})

test('[T18] a load that fails with an error fails alone', async () => {
  const failpoints = { 'load:before-read': { action: 'throw', times: 1 } } as const
  const store = await folder.open({ failpoints })
  const error = await rejectsWithCode('load_failed', store.load(notes.space))
  assert.match((error.cause as Error).message, /injected/)
  assert.is((await store.load(notes.space)).position, 0)
})

/** Takes long to replay: characters of many clients in one place, of which each passes all before it. */
const SLOW_FLUSH: LoggedFlush = {
  position: 1,
  updates: Array.from({ length: 20_000 }, (_, i) => {
    const doc = new Y.Doc()
    doc.clientID = i + 1
    doc.getText('text').insert(0, 'x')
    return Y.encodeStateAsUpdate(doc)
  }),
  inputs: [],
  deliveries: [],
}

test('[T18] a compaction that takes too long is ended, and the next one goes through', async () => {
  const store = await folder.open({ compactionTimeoutMs: 1000 })
  await store.append([{ space: notes.space, flushes: [SLOW_FLUSH] }])
  const other = new LoggedDocument('other')
  await store.append([{ space: other.space, flushes: [other.type('a')] }])
  const error = await rejectsWithCode('internal', store.compact(notes.space))
  assert.match((error.cause as Error).message, /no answer to compact/)
  assert.is((await store.compact(other.space)).type, 'compacted')
})

test('[T18] closing gives up a compaction, and what was appended is there', async () => {
  const store = await folder.open()
  await store.append([{ space: notes.space, flushes: [SLOW_FLUSH] }])
  const compacting = rejectsWithCode('internal', store.compact(notes.space))
  await store.close()
  await compacting
  const again = await folder.open()
  assert.is((await again.load(notes.space)).position, 1)
})

test('[T19] appends and loads do not wait for a compaction', async () => {
  const store = await folder.open()
  await store.append([{ space: notes.space, flushes: [SLOW_FLUSH] }])
  const order: string[] = []
  const compacting = store.compact(notes.space).then(
    () => order.push('compacted'),
    () => order.push('given up'),
  )
  const other = new LoggedDocument('other')
  for (let i = 0; i < 20; i++) {
    await store.append([{ space: other.space, flushes: [other.type('x')] }])
    await store.load(other.space)
  }
  order.push('twenty appends and loads')
  await store.close()
  await compacting
  assert.is(order[0], 'twenty appends and loads')
})

/** By thread, what the scheduler is told: above 0 gives way. */
const niceness = (): number[] =>
  readdirSync('/proc/self/task').map(thread => {
    const stat = readFileSync(`/proc/self/task/${thread}/stat`, 'utf8')
    // Behind "pid (name) " stands the third field; this is field 19.
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16])
  })

test.skipIf(
  platform() === 'linux' ? null : 'only Linux has priorities of threads',
  '[T19] a compaction gives way where cores are short, and nothing else does',
  async () => {
    const store = await folder.open()
    await store.append([{ space: notes.space, flushes: [notes.type('a')] }])
    await store.load(notes.space)
    const before = niceness().filter(nice => nice > 0).length
    await store.compact(notes.space)
    assert.is(niceness().filter(nice => nice > 0).length, before + 1)
  },
)

test('[T8] what is appended during a compaction is behind its snapshot', async () => {
  const store = await folder.open()
  for (let i = 0; i < 500; i++) await store.append([{ space: notes.space, flushes: [notes.type('a')] }])
  const compacting = store.compact(notes.space)
  for (let i = 0; i < 20; i++) await store.append([{ space: notes.space, flushes: [notes.type('b')] }])
  const outcome = await compacting
  if (outcome.type !== 'compacted') return assert.unreachable(outcome.type)
  const stored = await store.load(notes.space)
  assert.is(stored.snapshot?.position, outcome.position)
  assert.is(stored.tail.length, 520 - outcome.position)
  assert.is(textOf(stored), notes.text)
})
