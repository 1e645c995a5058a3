/** Replaying a log: a state is verified before it counts, and a poisoned one is recovered as far as it goes. */
import * as Y from 'yjs'
import { recover, replay } from '../../../../server/space/engine/replay.js'
import { readUpdate } from '../../../../server/space/engine/update-reader.js'
import type { LoggedFlush } from '../../../../server/space/update-store.js'
import { LoggedDocument } from '../../../support/logged-document.js'
import { poisonBy } from '../../../support/poison.js'
import { editRandomly } from '../../../support/random-edits.js'
import { chance, createRng, int, seedFrom } from '../../../support/rng.js'
import { assert, isLongRun, note, suite } from '../../../support/suite.js'

const test = suite('replay')

const updatesOf = (flushes: readonly LoggedFlush[]): Uint8Array[] => flushes.flatMap(({ updates }) => updates)

const load = (update: Uint8Array): Y.Doc => {
  const doc = new Y.Doc()
  Y.applyUpdate(doc, update)
  return doc
}

const recovered = (snapshot: Uint8Array | null, flushes: readonly LoggedFlush[]) => {
  const recovery = recover(snapshot, flushes)
  if (recovery.type === 'recovered') return recovery
  return assert.unreachable(recovery.reason) as never
}

test('[T7] a log replays to the state that it made', () => {
  const notes = new LoggedDocument('notes')
  const flushes = ['one ', 'two ', 'three'].map(word => notes.type(word))
  const result = replay(updatesOf(flushes))
  if (result.type === 'failed') return assert.unreachable(result.reason)
  assert.equal(result.update, Y.encodeStateAsUpdate(notes.doc))
  assert.is(load(result.update).getText('text').toString(), 'one two three')
})

test('[T7] nothing replays to the empty document', () => {
  const result = replay([])
  assert.equal(result, { type: 'loaded', update: Uint8Array.of(0, 0) })
})

test('[T7] honest documents of all kinds verify: no false alarm', () => {
  const rng = createRng(seedFrom())
  const rounds = isLongRun ? 5000 : 300
  for (let round = 0; round < rounds; round++) {
    const docs = [1, 2, 3].map(client => {
      const doc = new Y.Doc()
      doc.clientID = client
      return doc
    })
    const log: Uint8Array[] = []
    const server = new Y.Doc()
    server.on('update', update => log.push(update))
    for (let step = 0; step < 12; step++) {
      const doc = docs[int(rng, 0, 2)]!
      editRandomly(rng, doc)
      if (chance(rng, 0.5)) {
        Y.applyUpdate(server, Y.encodeStateAsUpdate(doc, Y.encodeStateVector(server)))
        Y.applyUpdate(doc, Y.encodeStateAsUpdate(server, Y.encodeStateVector(doc)))
      }
    }
    const result = replay(log)
    assert.is(result.type, 'loaded', `round ${round}: ${JSON.stringify(result)}`)
  }
  note(`${rounds} documents verified`)
})

test('[T7] the poison passes every check that is made before a document sees it', () => {
  const { entry, sting } = poisonBy(66)
  readUpdate(entry)
  readUpdate(sting)
  const doc = load(entry)
  Y.applyUpdate(doc, sting)
  assert.is(doc.store.pendingStructs, null)
  assert.is(doc.store.pendingDs, null)
})

test('[T7] a state that loads as another, in part or not at all is told', () => {
  const { entry, sting } = poisonBy(66)
  assert.is(replay([entry]).type, 'loaded')
  assert.match(reasonOf([entry, sting]), /loads as another/)
  const notes = new LoggedDocument('notes')
  const [first, second] = [notes.type('a'), notes.type('b')]
  assert.ok(first !== undefined)
  assert.match(reasonOf(second.updates), /builds on what is not there/)
  assert.match(reasonOf([Uint8Array.of(1, 1, 1)]), /cannot be applied/)
})

test('[T9] of a flush with one sender the whole is left out', () => {
  const notes = new LoggedDocument('notes')
  const { entry, sting } = poisonBy(66)
  const flushes = [notes.type('a'), notes.take(entry), notes.type('b'), notes.take(sting), notes.type('c')]
  const { update, dropped } = recovered(null, flushes)
  assert.equal(dropped, [{ position: 4, user: '', bytes: sting.length }])
  assert.is(load(update).getText('text').toString(), 'abc')
  assert.is(replay([update]).type, 'loaded')
})

test('[T9] the poison is found wherever it is, before or behind a snapshot', () => {
  for (let at = 0; at <= 9; at++) {
    const notes = new LoggedDocument('notes')
    const { entry, sting } = poisonBy(66)
    const base = updatesOf([notes.type('base '), notes.take(entry)])
    const snapshot = replay(base)
    if (snapshot.type === 'failed') return assert.unreachable(snapshot.reason)
    const flushes: LoggedFlush[] = []
    for (let i = 0; i < 10; i++) flushes.push(i === at ? notes.take(sting) : notes.type(String(i)))
    const { update, dropped } = recovered(snapshot.update, flushes)
    assert.equal(
      dropped.map(({ position }) => position),
      [at + 3],
    )
    assert.is(load(update).getText('text').toString(), `base ${'0123456789'.replace(String(at), '')}`)
  }
})

test('[T9] several poisons are all found', () => {
  const notes = new LoggedDocument('notes')
  const flushes: LoggedFlush[] = []
  for (const client of [60, 61, 62]) {
    const { entry, sting } = poisonBy(client)
    flushes.push(notes.take(entry), notes.type('+'), notes.take(sting), notes.type('-'))
  }
  const { update, dropped } = recovered(null, flushes)
  assert.equal(
    dropped.map(({ position }) => position),
    [3, 7, 11],
  )
  assert.is(load(update).getText('text').toString(), '+-+-+-')
})

test('[T9] what only builds on the poison goes with it, and is named', () => {
  const notes = new LoggedDocument('notes')
  const { entry, sting } = poisonBy(66)
  const poisoned = new Y.Doc()
  Y.applyUpdate(poisoned, entry)
  Y.applyUpdate(poisoned, sting)
  const builtOn = new LoggedDocument('elsewhere', 5)
  const lost = builtOn.type('lost')
  const after = builtOn.type('after lost', 'eve')
  const flush: LoggedFlush = { ...notes.take(entry), updates: [entry, ...lost.updates, sting] }
  const next: LoggedFlush = { position: 2, updates: after.updates, inputs: [], deliveries: after.deliveries }
  const { update, dropped } = recovered(null, [flush, next])
  assert.equal(
    dropped.map(({ position, user }) => [position, user]),
    [
      [1, ''],
      [2, 'eve'],
    ],
  )
  assert.is(load(update).getText('text').toString(), '')
})

test('[T9] what does fit of a flush with a gap stays', () => {
  const notes = new LoggedDocument('notes')
  const other = new LoggedDocument('elsewhere', 5)
  other.type('missing')
  const gap = other.type('gap').updates
  const fits = notes.type('fits')
  const { update, dropped } = recovered(null, [{ ...fits, updates: [...fits.updates, ...gap] }])
  assert.is(load(update).getText('text').toString(), 'fits')
  assert.is(dropped.length, 1)
})

test('[T10] a snapshot that does not load cannot be recovered', () => {
  const recovery = recover(Uint8Array.of(1, 1, 1), [])
  assert.is(recovery.type, 'failed')
})

const reasonOf = (updates: readonly Uint8Array[]): string => {
  const result = replay(updates)
  return result.type === 'failed' ? result.reason : (assert.unreachable('it loads') as never)
}
