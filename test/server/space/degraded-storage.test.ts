/** Spaces while the disk fails, and when it works again. */
import type { ServerMessage } from '../../../shared/protocol/index.js'
import { ASK_ALL, type Caller, Core, DEMO, NOTHING, spaceName } from '../../support/core.js'
import { assert, suite } from '../../support/suite.js'
import { textIn, Writer } from '../../support/writer.js'

const test = suite('degraded storage')

const kinds = (messages: readonly ServerMessage[]): string[] =>
  messages.map(message => (message.type === 'notice' ? message.kind : message.type))
const savedCount = (messages: readonly ServerMessage[]): number =>
  messages.reduce((most, message) => (message.type === 'saved' ? message.count : most), -1)

/** A core whose disk has just failed on an edit of the first writer. */
const failing = async () => {
  const core = new Core()
  const [author, other] = [await core.live(), await core.live()]
  const doc = new Writer()
  core.store.fail('append')
  const told = await author.say(doc.type('a'))
  return { core, author, other, doc, told }
}

/** Answers the step 1 that the caller was sent, as a client does. */
const answerStep1 = async (caller: Caller, writer: Writer, messages: readonly ServerMessage[]) => {
  const answers = messages.flatMap(message =>
    message.type === 'step1' ? [writer.answer(message.stateVector)] : [],
  )
  return caller.say(...answers)
}

test('[S7] everybody is told once, and nothing is acknowledged', async () => {
  const { core, author, other, doc, told } = await failing()
  assert.equal(kinds(told), ['degraded'])
  assert.equal(kinds(other.take()), ['update', 'degraded'], 'peers may see an edit before it is saved')
  assert.equal(await author.say(doc.type('b')), [])
  await core.advance(60_000)
  assert.is(savedCount(author.take()), -1)
  assert.ok(core.registry.status.isDegraded)
})

test('[S7] reads, joins and presence go on', async () => {
  const { core, doc, author } = await failing()
  const newcomer = await core.join()
  const greeting = await newcomer.say(ASK_ALL, NOTHING)
  assert.equal(kinds(greeting), ['welcome', 'degraded', 'step1', 'step2'])
  assert.is(textIn(greeting), 'a')
  await author.say({ type: 'awareness', entries: Uint8Array.of(1, 7, 1, 2, 123, 125) })
  assert.equal(kinds(newcomer.take()), ['awareness'])
  const elsewhere = await core.join({ space: spaceName('elsewhere') })
  assert.ok(kinds(await elsewhere.say(ASK_ALL)).includes('step2'))
  assert.is(doc.text.toString(), 'a')
})

test('[S3] [S7] on recovery everybody is asked, everything arrives, and is acknowledged then', async () => {
  const { core, author, other, doc } = await failing()
  const second = new Writer()
  second.read(other.take())
  author.send(doc.type('b'), doc.type('c'))
  other.send(second.type('d'))
  await core.settle()
  const late = new Writer()
  const newcomer = await core.join({ dialect: 'stock' })
  const greeting = await newcomer.say(ASK_ALL, late.type('e'))
  await answerStep1(newcomer, late, greeting)
  core.store.mend('append')
  await core.advance(5000)
  const [toAuthor, toOther, toNewcomer] = [author.take(), other.take(), newcomer.take()]
  assert.equal(kinds(toAuthor).slice(0, 3), ['saved', 'recovered', 'step1'], 'what was appended is saved')
  assert.is(savedCount(toAuthor), 2)
  assert.is(savedCount(toOther), 1, 'its edit was discarded')
  // What arrives before the reply is handled, and yet not counted: it has lost messages before it.
  const early = await author.say(new Writer().type('f'))
  assert.ok(savedCount(early) <= 2)
  other.take()
  newcomer.take()
  const healed = [
    await answerStep1(author, doc, toAuthor),
    await answerStep1(other, second, toOther),
    await answerStep1(newcomer, late, toNewcomer),
  ]
  await core.advance(1000)
  assert.is(
    savedCount([...healed[0]!, ...author.take()]),
    6,
    'the step 2, its three edits, the other, the reply',
  )
  assert.is(savedCount([...healed[1]!, ...other.take()]), 3)
  const text = textIn(await (await core.join()).say(ASK_ALL))
  assert.is([...text].sort().join(''), 'abcdef')
})

test('[S2] [S7] after a crash between apply and commit nobody was told saved, and the edit is gone', async () => {
  const { core, author, other } = await failing()
  for (const caller of [author, other]) assert.is(savedCount(caller.take()), -1)
  const next = new Core({ disk: core.store.disk, idPrefix: 'next' })
  assert.is(textIn(await (await next.join()).say(ASK_ALL)), '')
})

test('[S7] what was appended before the failure is retried, saved and acknowledged', async () => {
  const { core, author } = await failing()
  core.store.mend('append')
  await core.advance(5000)
  assert.is(savedCount(author.take()), 2)
  assert.is((await core.store.load(DEMO)).position, 1)
})

test('[S7] a message that arrives between two failures is held until its reply', async () => {
  const { core, author, doc } = await failing()
  await author.say(doc.type('b'))
  core.store.mend('append')
  await core.advance(5000)
  const asked = author.take()
  // The disk fails again, before the reply.
  core.store.fail('append', 1)
  const bystander = await core.live()
  await bystander.say(new Writer().type('z'))
  await answerStep1(author, doc, asked)
  assert.is(savedCount(author.take()), -1)
  await core.advance(5000)
  const again = author.take()
  assert.equal(kinds(again).slice(0, 2), ['recovered', 'step1'])
  await answerStep1(author, doc, again)
  await core.advance(1000)
  author.take()
  assert.is(author.session.ledger.savedCount, 5)
})

test('[S10] a flush that the store will never take ends its space, which is loaded again', async () => {
  const core = new Core()
  const [author, bystander] = [await core.live(), await core.live({ space: spaceName('other') })]
  const doc = new Writer()
  await author.say(doc.type('a'))
  core.store.fail('append', 2, 'internal')
  await author.say(doc.type('b'))
  author.take()
  assert.is(author.closed?.code, 4500)
  assert.is(bystander.closed, null)
  core.store.mend('append')
  const back = await core.join()
  const greeting = await back.say(ASK_ALL)
  assert.is(textIn(greeting), 'a')
  await answerStep1(back, doc, greeting)
  assert.is(textIn(await (await core.join()).say(ASK_ALL)), 'ab')
  assert.is(back.session.ledger.savedCount, 1)
})
