/** Nobody takes the clocks that a client who is here will use next, and whoever brings them honestly is not refused. */
import * as Y from 'yjs'
import type { ServerMessage } from '../../../shared/protocol/index.js'
import { ASK_ALL, type Caller, Core, DEMO, NOTHING } from '../../support/core.js'
import { assert, suite } from '../../support/suite.js'
import { textIn, Writer } from '../../support/writer.js'

const test = suite('holding')

const ANN = 1
const BOB = 2

const savedCount = (messages: readonly ServerMessage[]): number =>
  messages.reduce((most, message) => (message.type === 'saved' ? message.count : most), 0)
const questions = (messages: readonly ServerMessage[]): number =>
  messages.filter(({ type }) => type === 'step1').length

const announcement = (clientId: number, state: object | null = {}, clock = 1) => {
  const json = new TextEncoder().encode(JSON.stringify(state))
  return { type: 'awareness', entries: Uint8Array.of(1, clientId, clock, json.length, ...json) } as const
}

/** Who is live with a clientID, and has answered; nothing was sent since. */
const live = async (core: Core, user: string, clientId: number): Promise<Caller> => {
  const caller = await core.live({ access: { user } })
  await caller.say(announcement(clientId))
  caller.take()
  return caller
}

const setup = async () => {
  const core = new Core()
  const ann = await live(core, 'ann', ANN)
  const bob = await live(core, 'bob', BOB)
  return { core, ann, bob }
}

const textOf = async (core: Core): Promise<string> => textIn(await (await core.join()).say(ASK_ALL))

/** The document that another has, to go on from under any clientID. */
const copyOf = (writer: Writer, clientId: number): Writer => {
  const copy = new Writer()
  copy.read([writer.answer()])
  copy.doc.clientID = clientId
  return copy
}

test('[M18] the next edits of a client who is here are not discarded', async () => {
  const { core, ann, bob } = await setup()
  const annDoc = new Writer(ANN)
  await ann.say(annDoc.type('a'))
  const forged = copyOf(annDoc, ANN)
  const heard = await bob.say(forged.type('x'))
  assert.is(savedCount(heard), 0)
  assert.is(questions(heard), 0)
  assert.is(core.observer.of('held'), 1)
  assert.is(savedCount(await ann.say(annDoc.type('b'))), 3)
  assert.is(await textOf(core), 'ab')
})

test('[M18] the sender is asked again once the owner has delivered, and then acknowledged', async () => {
  const { ann, bob } = await setup()
  const annDoc = new Writer(ANN)
  const edits = [annDoc.type('a'), annDoc.type('b')]
  await bob.say(...edits)
  bob.take()
  assert.is(questions(await bob.say()), 0)
  await ann.say(edits[0]!)
  assert.is(questions(bob.take()), 0, 'one of two')
  await ann.say(edits[1]!)
  assert.is(questions(bob.take()), 1)
  assert.is(savedCount(await bob.say(copyOf(annDoc, BOB).answer())), 4)
})

test('[M18] what the owner delivers in the same batch counts', async () => {
  const { core, ann, bob } = await setup()
  const edit = new Writer(ANN).type('a')
  bob.send(edit)
  ann.send(edit)
  await core.settle()
  assert.is(core.observer.of('held'), 1)
  assert.is(questions(bob.take()), 1)
})

for (const [how, go] of Object.entries({
  'has left': async (_core: Core, ann: Caller) => ann.hangUp(),
  'has taken their presence back': async (core: Core, ann: Caller) => {
    await ann.say(announcement(ANN, null, 2))
    await core.advance(1000)
  },
})) {
  test(`[M18] it goes through when the owner ${how}`, async () => {
    const { core, ann, bob } = await setup()
    const annDoc = new Writer(ANN)
    await bob.say(annDoc.type('a'))
    await go(core, ann)
    await core.settle()
    assert.is(questions(bob.take()), 1)
    assert.is(savedCount(await bob.say(copyOf(annDoc, BOB).answer())), 3)
    assert.is(await textOf(core), 'a')
  })
}

test('[M18] another tab of the same user is not held, nor who comes before the owner has answered', async () => {
  const core = new Core()
  const ann = await core.join({ access: { user: 'ann' } })
  await ann.say(ASK_ALL, announcement(ANN))
  const bob = await live(core, 'bob', BOB)
  const annDoc = new Writer(ANN)
  assert.is(savedCount(await bob.say(annDoc.type('a'))), 2, 'the owner has not answered')
  await ann.say(NOTHING)
  const tab = await live(core, 'ann', 3)
  assert.is(savedCount(await tab.say(annDoc.type('b'))), 2)
  assert.is(core.observer.of('held'), 0)
  assert.is(await textOf(core), 'ab')
})

test('[M18] edits of others that the space has, or whose owners are not here, pass with a merge', async () => {
  const { core, ann, bob } = await setup()
  const annDoc = new Writer(ANN)
  await ann.say(annDoc.type('a'))
  const absent = copyOf(annDoc, 3)
  absent.type('c')
  const merged = copyOf(absent, BOB)
  merged.type('b')
  assert.is(savedCount(await bob.say(merged.answer())), 2)
  assert.is(core.observer.of('held'), 0)
  assert.is(await textOf(core), 'acb')
})

test('[M18] nothing is kept of it: the sender is asked once for all, and its own edits go on', async () => {
  const { core, ann, bob } = await setup()
  const annDoc = new Writer(ANN)
  const bobDoc = new Writer(BOB)
  for (let i = 0; i < 50; i++) await bob.say(annDoc.type('x'))
  const own = await bob.say(bobDoc.type('b'))
  assert.is(savedCount(own), 0, 'behind what is held nothing is acknowledged')
  assert.is(questions(own), 0)
  assert.is(await textOf(core), 'b')
  ann.hangUp()
  await core.settle()
  assert.is(questions(bob.take()), 1)
  bobDoc.read([annDoc.answer()])
  assert.is(savedCount(await bob.say(bobDoc.answer())), 53)
  assert.is((await textOf(core)).length, 51)
})

test('[M18] two who have edits of each other, one building on the other, both get through', async () => {
  const { core, ann, bob } = await setup()
  // Ann and Bob took turns while the server heard of nothing: each edit builds on the other's last.
  const both = [new Writer(ANN), new Writer(BOB)] as const
  for (const letter of 'abcdefgh') {
    const [writer, reader] = letter.charCodeAt(0) % 2 === 1 ? both : [both[1], both[0]]
    writer.type(letter)
    reader.read([writer.answer()])
  }
  const callers = [ann, bob] as const
  let asked = [true, true]
  let saved = [0, 0]
  let rounds = 0
  while (asked.some(Boolean)) {
    assert.ok(++rounds < 20, 'they wait for each other')
    for (const [i, caller] of callers.entries()) if (asked[i]) caller.send(both[i]!.answer())
    await core.settle()
    const heard = callers.map(caller => caller.take())
    asked = heard.map(messages => questions(messages) > 0)
    saved = heard.map((messages, i) => Math.max(savedCount(messages), saved[i]!))
  }
  assert.is(await textOf(core), 'abcdefgh')
  assert.ok(
    saved.every(count => count > 1),
    `${saved}`,
  )
})

test('[M18] two who squat each other keep neither from going on', async () => {
  const { core, ann, bob } = await setup()
  const [annDoc, bobDoc] = [new Writer(ANN), new Writer(BOB)]
  await ann.say(new Writer(BOB).type('forged'), annDoc.type('a'))
  await bob.say(new Writer(ANN).type('forged'), bobDoc.type('b'))
  assert.is([...(await textOf(core))].sort().join(''), 'ab')
})

test('[M18] what is logged of such a message is what was let in', async () => {
  const { core, ann, bob } = await setup()
  const merged = new Writer(BOB)
  merged.type('b')
  merged.read([new Writer(ANN).type('forged')])
  bob.send(merged.answer())
  const annDoc = new Writer(ANN)
  ann.send(annDoc.type('a'))
  await core.settle()
  const { tail } = await core.store.load(DEMO)
  const clients = tail.flatMap(({ inputs }) =>
    inputs.map(({ user, update }) => [user, ...Y.decodeUpdate(update).structs.map(({ id }) => id.client)]),
  )
  assert.equal(clients.sort(), [
    ['ann', ANN],
    ['bob', BOB],
  ])
  assert.equal(
    tail.flatMap(({ deliveries }) => deliveries.map(({ user, client }) => [user, client])).sort(),
    clients,
  )
})
