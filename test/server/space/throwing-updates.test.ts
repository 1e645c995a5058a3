/** Spaces whose document an update breaks: nothing of it stays, and nobody else notices. */
import type { Engine } from '../../../server/space/engine.js'
import type { ServerMessage } from '../../../shared/protocol/index.js'
import { ASK_ALL, type Caller, Core, DEMO, NOTHING } from '../../support/core.js'
import { documentOf, isPending } from '../../support/documents.js'
import { assert, suite } from '../../support/suite.js'
import { GROUND, THROWING } from '../../support/throwing-update.js'
import { textIn, Writer } from '../../support/writer.js'

const test = suite('throwing updates')

const rejections = (messages: readonly ServerMessage[]) =>
  messages.flatMap(message => (message.type === 'rejected' ? [`${message.number} ${message.code}`] : []))
const savedCount = (messages: readonly ServerMessage[]): number =>
  messages.reduce((most, message) => (message.type === 'saved' ? message.count : most), 0)

/** A core with the ground that the throwing update needs, and so many who are live. */
const setup = async (count: number, engine?: (inline: Engine) => Engine) => {
  const core = new Core(engine === undefined ? {} : { engine })
  const callers: Caller[] = []
  for (let i = 0; i < count; i++) callers.push(await core.live())
  await callers[0]?.say({ type: 'update', update: GROUND })
  for (const caller of callers) caller.take()
  return { core, callers }
}

/** What is on the disk can be loaded, and is this text. */
const isStored = async (core: Core, text: string): Promise<void> => {
  const { tail } = await core.store.load(DEMO)
  const doc = documentOf(tail.flatMap(({ updates }) => updates))
  assert.not(isPending(doc))
  assert.is(doc.getText('text').length, text.length)
  const next = new Core({ disk: core.store.disk, idPrefix: 'next' })
  const found = textIn(await (await next.join()).say(ASK_ALL))
  assert.is([...found].sort().join(''), text)
}

test('[M8] its sender is refused, the rest of the batch takes effect', async () => {
  const { core, callers } = await setup(3)
  const [before, offender, behind] = callers as [Caller, Caller, Caller]
  const late = new Writer()
  before.send(new Writer().type('a'))
  offender.send({ type: 'update', update: THROWING }, late.type('x'))
  behind.send(new Writer().type('b'))
  await core.settle()
  assert.equal(rejections(offender.take()), ['2 unappliable'])
  assert.is(savedCount(before.take()), 3)
  assert.is(savedCount(behind.take()), 2)
  assert.is(core.observer.of('rebuilds'), 1)
  await isStored(core, 'ab')
})

test('[M8] several in one batch are all refused', async () => {
  const { core, callers } = await setup(4)
  for (const caller of callers.slice(1)) caller.send({ type: 'update', update: THROWING })
  callers[0]?.send(new Writer().type('a'))
  await core.settle()
  for (const caller of callers.slice(1)) assert.equal(rejections(caller.take()), ['2 unappliable'])
  assert.is(savedCount(callers[0]!.take()), 3)
  await isStored(core, 'a')
})

test('[M8] what is on its way to the disk is part of the rebuilt document', async () => {
  const { core, callers } = await setup(2)
  const [author, offender] = callers as [Caller, Caller]
  const doc = new Writer()
  core.store.hold('append')
  await author.say(doc.type('a'))
  await author.say(doc.type('b'))
  assert.equal(rejections(await offender.say({ type: 'update', update: THROWING })), ['2 unappliable'])
  await author.say(doc.type('c'))
  assert.is(textIn(await (await core.join()).say(ASK_ALL)), 'abc')
  core.store.release('append')
  await core.advance(50)
  assert.is(savedCount(author.take()), 5)
  await isStored(core, 'abc')
})

test('[M8] [R9] where the rebuilding fails the space ends, and is loaded anew', async () => {
  const { core, callers } = await setup(2)
  const [author, offender] = callers as [Caller, Caller]
  await author.say(new Writer().type('a'))
  core.store.fail('load', 1)
  core.store.fail('compact', 1)
  offender.send({ type: 'update', update: THROWING })
  await core.settle()
  for (const caller of callers) {
    caller.take()
    assert.is(caller.closed?.code, 4500)
  }
  assert.is(core.engine.size, 0)
  core.store.mend('load', 'compact')
  assert.is(textIn(await (await core.join()).say(ASK_ALL)), 'a')
})

test('[M8] [R10] where the rebuilding repairs what is stored, everybody comes back', async () => {
  const { core, callers } = await setup(2)
  core.store.fail('load', 1)
  core.store.compactions.push({ type: 'repaired', position: 1, bytes: 0, dropped: [] })
  // What a repair in the store does besides.
  for (const space of core.store.disk.spaces.values()) space.generation++
  await callers[1]?.say({ type: 'update', update: THROWING })
  callers[0]?.take()
  assert.is(callers[0]?.closed?.code, 4500)
  const [welcome] = (await core.join()).take()
  assert.is(welcome?.type === 'welcome' && welcome.incarnation, `${core.store.id}.1`)
})

/** An engine that breaks at the end of a batch with more than one message, or with a message of these bytes. */
const breaking = (inline: Engine, isBad: (batch: readonly Uint8Array[]) => boolean): Engine => ({
  fold: (space, updates) => inline.fold(space, updates),
  join: updates => inline.join(updates),
  open: (space, updates) => inline.open(space, updates),
  apply: async (space, batch) => {
    const result = await inline.apply(space, batch)
    if (!isBad(batch.map(({ update }) => update))) return result
    await inline.close(space)
    return { type: 'broken', offender: null, cause: new Error('the clean-up of the whole batch threw') }
  },
  stateVector: space => inline.stateVector(space),
  diff: (space, stateVector) => inline.diff(space, stateVector),
  intentions: space => inline.intentions(space),
  json: (space, roots) => inline.json(space, roots),
  close: space => inline.close(space),
})

test('[M8] where nobody knows which it was, each is tried alone', async () => {
  const bad = new Writer().type('bad').update
  const isBad = (batch: readonly Uint8Array[]) =>
    batch.includes(bad) || batch.some(update => isEqual(update, bad))
  const { core, callers } = await setup(3, inline => breaking(inline, isBad))
  const [first, offender, third] = callers as [Caller, Caller, Caller]
  const later = new Writer()
  first.send(new Writer().type('a'))
  offender.send(later.type('b'), { type: 'update', update: bad }, later.type('c'))
  third.send(new Writer().type('d'))
  await core.advance(50)
  assert.equal(rejections(offender.take()), ['3 unappliable'])
  assert.is(savedCount(first.take()), 3)
  assert.is(savedCount(third.take()), 2)
  await isStored(core, 'abd')
})

const isEqual = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, at) => byte === b[at])

test('[M8] where only their being together breaks it, nobody is refused', async () => {
  const { core, callers } = await setup(3, inline => breaking(inline, batch => batch.length > 1))
  for (const caller of callers) caller.send(new Writer().type('a'))
  await core.advance(50)
  for (const caller of callers) {
    const messages = caller.take()
    assert.equal(rejections(messages), [])
    assert.ok(savedCount(messages) > 0)
  }
  await isStored(core, 'aaa')
})

test('[M8] a single message that breaks it is refused, and the space goes on', async () => {
  let isBad = false
  const { core, callers } = await setup(2, inline => breaking(inline, () => isBad))
  isBad = true
  callers[0]?.send(new Writer().type('x'))
  core.scheduler.runDue()
  await core.settle()
  isBad = false
  assert.equal(rejections(callers[0]!.take()), ['3 unappliable'])
  assert.is(savedCount(await callers[1]!.say(new Writer().type('a'), NOTHING)), 3)
  await isStored(core, 'a')
})
