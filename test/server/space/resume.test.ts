/** Connections that come back with a position: what they are sent, and when they are answered in full instead. */
import type { InlineEngine } from '../../../server/space/engine/inline-engine.js'
import type { Engine } from '../../../server/space/engine.js'
import type { ServerMessage } from '../../../shared/protocol/index.js'
import { type Caller, Core, DEMO, NOTHING, spaceName } from '../../support/core.js'
import { assert, suite } from '../../support/suite.js'
import { Writer } from '../../support/writer.js'

const test = suite('resume')

const types = (messages: readonly ServerMessage[]): string[] => messages.map(({ type }) => type)

const epochIn = (messages: readonly ServerMessage[]): string => {
  const welcome = messages.find(message => message.type === 'welcome')
  if (welcome?.type !== 'welcome') throw new Error('no welcome')
  return welcome.epoch
}

const positionIn = (messages: readonly ServerMessage[]): number =>
  Math.max(0, ...messages.map(message => (message.type === 'saved' ? message.position : 0)))

/** An author with a document of some size, and a reader who had all of it and went away. */
const setUp = async (core = new Core()) => {
  const author = await core.join()
  const epoch = epochIn(author.take())
  const doc = new Writer()
  const reader = new Writer()
  const away = await core.join()
  await author.say(doc.ask(), doc.answer())
  reader.read(await away.say(reader.ask(), NOTHING))
  for (let i = 0; i < 20; i++) await author.say(doc.type(`line ${i} `))
  await author.say(doc.edit(() => doc.text.delete(0, 10)))
  await core.advance(1000)
  const told = away.take()
  reader.read(told)
  away.hangUp()
  return { core, author, doc, reader, epoch, position: positionIn(told) }
}

type SetUp = Awaited<ReturnType<typeof setUp>>

/** The reader comes back, and asks. */
const comeBack = async (
  { core, reader }: Pick<SetUp, 'core' | 'reader'>,
  after: { epoch: string; position: number } | null,
) => {
  const caller = await core.join({ after })
  const opening = caller.take()
  const answer = await caller.say(reader.ask())
  return { caller, opening, answer, content: answer.filter(({ type }) => type !== 'saved') }
}

/** To this engine nothing follows on anything. */
const notJoining = (inline: InlineEngine): Engine => ({
  fold: (...args) => inline.fold(...args),
  join: async () => null,
  open: (...args) => inline.open(...args),
  apply: (...args) => inline.apply(...args),
  stateVector: (...args) => inline.stateVector(...args),
  diff: (...args) => inline.diff(...args),
  intentions: space => inline.intentions(space),
  json: (space, roots) => inline.json(space, roots),
  close: (...args) => inline.close(...args),
})

const isWhole = ({ doc, reader }: SetUp): void => {
  assert.is(reader.text.toString(), doc.text.toString())
  assert.is(reader.doc.store.pendingStructs, null)
}

/** One step 2, too small to hold the deletions of before. */
const hasMissed = (content: readonly ServerMessage[]): void => {
  assert.equal(types(content), ['step2'])
  const { update } = content[0] as { update: Uint8Array }
  assert.ok(update.length > 2 && update.length < 60, `${update.length} bytes`)
}

/** Answered by state vector: one step 2 that is not empty, for it holds the whole delete set. */
const isFull = (content: readonly ServerMessage[]): void => {
  assert.equal(types(content), ['step2'])
  assert.ok((content[0] as { update: Uint8Array }).update.length > 2)
}

test('[M16] whoever missed nothing is sent nothing', async () => {
  const set = await setUp()
  const { opening, content } = await comeBack(set, set)
  assert.equal(types(opening), ['welcome', 'step1'])
  assert.equal(content, [{ type: 'step2', update: Uint8Array.of(0, 0) }])
  assert.is(set.core.observer.of('resumes'), 1)
})

test('[M16] whoever missed something is sent that and no more, deletions included, and is live', async () => {
  const set = await setUp()
  const { author, doc, reader } = set
  await author.say(doc.type('while away'))
  await author.say(doc.edit(() => doc.text.delete(0, 5)))
  const { caller, answer, content } = await comeBack(set, set)
  hasMissed(content)
  reader.read(answer)
  isWhole(set)
  await author.say(doc.type('and after'))
  reader.read(caller.take())
  isWhole(set)
})

test('[M16] what cannot be one update is sent as it was relayed', async () => {
  const set = await setUp(new Core({ engine: inline => notJoining(inline) }))
  const { author, doc, reader } = set
  for (const word of ['while ', 'away']) await author.say(doc.type(word))
  const { content } = await comeBack(set, set)
  assert.equal(types(content), ['update', 'update', 'step2'])
  reader.read(content)
  isWhole(set)
})

test('[M16] what is edited between its arrival and its question is there once', async () => {
  const set = await setUp()
  const { core, author, doc, reader } = set
  const caller = await core.join({ after: set })
  await author.say(doc.type('just now'))
  assert.equal(types(caller.take()), ['welcome', 'step1'], 'it is not live yet')
  const content = (await caller.say(reader.ask())).filter(({ type }) => type !== 'saved')
  reader.read(content)
  isWhole(set)
  hasMissed(content)
})

test('[M16] what was not on the disk when it left is sent, too', async () => {
  const set = await setUp()
  const { core, author, doc, reader } = set
  core.store.hold('append')
  await author.say(doc.type('not saved yet'))
  const { content } = await comeBack(set, set)
  hasMissed(content)
  reader.read(content)
  isWhole(set)
  core.store.release('append')
  await core.settle()
})

test('[M16] another epoch, no position, and one that the space never had are answered in full', async () => {
  const set = await setUp()
  const { epoch, position } = set
  for (const after of [null, { epoch: 'other', position }, { epoch, position: position + 1 }]) {
    const { content } = await comeBack(set, after)
    isFull(content)
  }
  assert.is(set.core.observer.of('resumes'), 0)
})

test('[M16] whoever missed more than is remembered is answered in full', async () => {
  const set = await setUp()
  const { author, doc, reader } = set
  await author.say(doc.type('x'.repeat(100_000)))
  const { content } = await comeBack(set, set)
  isFull(content)
  reader.read(content)
  isWhole(set)
})

test('[M16] a wrong position hurts only who claims it, and a second question heals it', async () => {
  const set = await setUp()
  const { core, author, doc, epoch, position } = set
  const liar = { core, reader: new Writer() }
  const { caller, content } = await comeBack(liar, { epoch, position: position - 2 })
  liar.reader.read(content)
  assert.ok(liar.reader.doc.store.pendingStructs !== null, 'it lacks what it said it had')
  liar.reader.read(await caller.say(liar.reader.ask()))
  assert.is(liar.reader.text.toString(), doc.text.toString())
  await author.say(doc.type('all is well'))
  liar.reader.read(caller.take())
  assert.is(liar.reader.text.toString(), doc.text.toString())
})

test('[M16] a space that left memory and came back goes on from what it loaded', async () => {
  const set = await setUp()
  const { core, author, doc, reader } = set
  await author.say(doc.type('while away'))
  author.hangUp()
  await core.advance(60_000)
  assert.is(core.registry.status.spaces, 0, 'evicted')
  const { content } = await comeBack(set, set)
  hasMissed(content)
  reader.read(content)
  isWhole(set)
})

test('[M16] a document that rests stays at rest for who comes back', async () => {
  const set = await setUp()
  const { core, author, doc, reader } = set
  await author.say(doc.type('while away'))
  await core.advance(120_000)
  assert.ok(core.observer.of('rests') > 0)
  const wakes = core.observer.of('wakes')
  const { caller, content } = await comeBack(set, set)
  hasMissed(content)
  reader.read(content)
  isWhole(set)
  await caller.say(NOTHING)
  assert.is(core.observer.of('wakes'), wakes)
})

test('[M16] a compaction takes what came before it from a space that is loaded again', async () => {
  const set = await setUp()
  const { core, author, doc, reader } = set
  await author.say(doc.type('while away'))
  author.hangUp()
  await core.advance(60_000)
  await core.registry.compact(DEMO)
  const { content } = await comeBack(set, set)
  isFull(content)
  reader.read(content)
  isWhole(set)
})

test('[M16] one that is slow to take the beginning is caught up by state vector', async () => {
  const set = await setUp(new Core({ limits: { peerBudgetBytes: 50 } }))
  const { core, reader } = set
  const caller = core.call({ after: set })
  await core.settle()
  assert.is(caller.session.flow.type, 'behind', 'the welcome alone is over its budget')
  caller.send(reader.ask())
  await core.settle()
  caller.take()
  await core.settle()
  reader.read(caller.take())
  isWhole(set)
})

test('[S5] no position is told before all up to it was sent: not to one that joins, nor to one behind', async () => {
  const core = new Core({ limits: { peerBudgetBytes: 3_000 } })
  const author = await core.live()
  const doc = new Writer()
  await author.say(doc.type('x'))
  const slow = await core.live()
  const replica = new Writer()
  // It says what it has, and has not asked for anything.
  const joining = await core.join()
  assert.equal((await joining.say(NOTHING)).at(-1), { type: 'saved', count: 1, position: 0 })
  /** Reads one frame after the other; after each 101 all up to its position must be there. */
  const lengths = new Map<number, number>([[0, 0]])
  const read = (caller: Caller): void => {
    for (const message of caller.take()) {
      replica.read([message])
      if (message.type !== 'saved') continue
      const length = lengths.get(message.position)
      assert.ok(length !== undefined && replica.text.length >= length, `position ${message.position}`)
    }
  }
  replica.read(await slow.say(replica.ask()))
  let position = 1
  for (let i = 0; i < 30; i++) {
    await author.say(doc.type('y'.repeat(400)))
    lengths.set(++position, doc.text.length)
    await core.advance(1000)
    if (i % 10 === 9) read(slow)
    assert.is(positionIn(joining.take()), 0)
  }
  assert.ok(core.observer.of('collapses') > 0, 'it was behind')
  read(slow)
  await core.advance(2000)
  read(slow)
  assert.is(replica.text.toString(), doc.text.toString())
})

test('[M17] after a flush that the store refused for good nobody goes on from where they were', async () => {
  const set = await setUp()
  const { core, author, doc, epoch } = set
  core.store.fail('append', 2, 'internal')
  await author.say(doc.type('never stored'))
  await core.advance(1000)
  core.store.mend('append')
  const { opening, content } = await comeBack(set, set)
  assert.is.not(epochIn(opening), epoch)
  isFull(content)
})

test('[M19] what fails in one space lets those of another go on from where they were', async () => {
  const set = await setUp()
  const { core, author, doc, reader, epoch } = set
  const other = spaceName('other')
  const stranger = await core.live({ space: other })
  core.store.fail('append', 2, 'internal')
  await stranger.say(new Writer().type('never stored'))
  core.store.mend('append')
  stranger.take()
  assert.is(stranger.closed?.code, 4500)
  assert.is.not(epochIn((await core.join({ space: other })).take()), epoch)
  await author.say(doc.type('while away'))
  const { opening, content } = await comeBack(set, set)
  assert.is(epochIn(opening), epoch)
  hasMissed(content)
  reader.read(content)
  isWhole(set)
})

test('[M17] a space that was repaired while nobody was there has another epoch', async () => {
  const set = await setUp()
  const { core, author, epoch } = set
  author.hangUp()
  await core.advance(60_000)
  assert.is(core.registry.status.spaces, 0, 'evicted')
  core.store.disk.spaces.get(DEMO)!.generation++
  const { opening, content } = await comeBack(set, set)
  assert.is.not(epochIn(opening), epoch)
  isFull(content)
})
