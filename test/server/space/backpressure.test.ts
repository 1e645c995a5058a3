/** Connections that read slowly or not at all. What waits for one is what its socket has not delivered. */
import type { ServerMessage } from '../../../shared/protocol/index.js'
import { type Caller, Core } from '../../support/core.js'
import { assert, suite } from '../../support/suite.js'
import { Writer } from '../../support/writer.js'

const test = suite('backpressure')

const BUDGET = 10_000
const limits = { peerBudgetBytes: BUDGET, slowPeerDeadlineMs: 30_000 }

const types = (messages: readonly ServerMessage[]): string[] => messages.map(({ type }) => type)

/** An author, and somebody who does not read: both live, nothing under way. */
const setup = async () => {
  const core = new Core({ limits })
  const [author, slow] = [await core.live(), await core.live()]
  const doc = new Writer()
  const type = (bytes: number): Promise<ServerMessage[]> => author.say(doc.type('x'.repeat(bytes)))
  return { core, author, slow, doc, type }
}

const waiting = (caller: Caller): number => caller.pair.server.bufferedBytes

/** An awareness update of one client. */
const aware = (
  clientId: number,
  clock: number,
  state: object | null,
): ServerMessage & { type: 'awareness' } => {
  const json = new TextEncoder().encode(JSON.stringify(state))
  return { type: 'awareness', entries: Uint8Array.of(1, clientId, clock, json.length, ...json) }
}

test('[B1] above its budget a connection is sent nothing more, however much is edited', async () => {
  const { core, author, slow, type } = await setup()
  for (let i = 0; i < 12; i++) await type(1000)
  const cut = waiting(slow)
  assert.ok(cut > BUDGET && cut < BUDGET + 2000, `${cut}`)
  assert.is(core.observer.of('collapses'), 1)
  for (let i = 0; i < 50; i++) await type(1000)
  await author.say(aware(1, 1, { cursor: 1 }))
  await core.advance(25_000)
  assert.is(waiting(slow), cut)
})

test('[B2] once it has drained it is sent one diff, and is whole', async () => {
  const { core, slow, doc, type } = await setup()
  for (let i = 0; i < 100; i++) await type(1000)
  const replica = new Writer()
  replica.read(slow.take())
  assert.ok(replica.text.length < 20_000)
  await core.settle()
  const rest = slow.take()
  assert.equal(types(rest), ['update'], 'one diff')
  replica.read(rest)
  assert.is(replica.text.toString(), doc.text.toString())
  await type(10)
  assert.is(replica.read(slow.take()), 1, 'live again')
  assert.is(replica.text.toString(), doc.text.toString())
})

test('[B2] the diff carries deletions of what the connection had', async () => {
  const { core, author, slow, doc, type } = await setup()
  for (let i = 0; i < 12; i++) await type(1000)
  await author.say(doc.edit(() => doc.text.delete(0, 11_990)))
  const replica = new Writer()
  replica.read(slow.take())
  await core.settle()
  replica.read(slow.take())
  assert.is(replica.text.toString(), 'x'.repeat(10))
})

test('[B2] half of the budget must have drained, and then the diff may exceed it', async () => {
  const { core, slow, type } = await setup()
  for (let i = 0; i < 12; i++) await type(1000)
  await type(50_000)
  slow.pair.toClient.deliver(3)
  slow.door.drained()
  await core.settle()
  assert.is(core.observer.of('catch_ups'), 0)
  slow.pair.toClient.deliver(5)
  slow.door.drained()
  await core.settle()
  assert.is(core.observer.of('catch_ups'), 1)
  assert.ok(waiting(slow) > 50_000)
  assert.is(core.observer.of('collapses'), 2, 'and it is cut again until that has drained')
})

test('[B2] presence of the missed time arrives, departures included', async () => {
  const { core, author, slow, type } = await setup()
  const leaving = await core.live({ access: { user: 'bob' } })
  await author.say(aware(1, 1, { at: 0 }))
  await leaving.say(aware(2, 1, { at: 0 }))
  for (let i = 0; i < 12; i++) await type(1000)
  for (let i = 1; i < 50; i++) await author.say(aware(1, 1 + i, { at: i }))
  leaving.hangUp()
  slow.take()
  await core.settle()
  const rest = slow.take()
  assert.equal(types(rest), ['update', 'awareness'])
  const [, presence] = rest
  if (presence?.type !== 'awareness') return
  const entries = new TextDecoder().decode(presence.entries)
  assert.ok(entries.includes('{"at":49,'), entries)
  assert.ok(entries.includes('null'), entries)
  assert.is(presence.entries[0], 2)
})

test('[B2] acknowledgements that fell due meanwhile are made up for', async () => {
  const { core, slow, type } = await setup()
  for (let i = 0; i < 12; i++) await type(1000)
  await slow.door.session?.receive(frameOf(new Writer().type('y')))
  await core.settle()
  assert.not(types(slow.take()).includes('saved'))
  await core.advance(1000)
  const saved = slow.take().filter(({ type }) => type === 'saved')
  assert.equal(saved, [{ type: 'saved', count: 2, position: 13 }])
})

const frameOf = ({ update }: { update: Uint8Array }): Uint8Array =>
  Uint8Array.of(0, 2, update.length, ...update)

test('[B3] whoever takes nothing until the deadline is closed with 4508, and nobody else', async () => {
  const { core, author, slow, type } = await setup()
  for (let i = 0; i < 12; i++) await type(1000)
  await core.advance(29_000)
  assert.ok(slow.pair.server.isOpen)
  await core.advance(3000)
  slow.take()
  assert.is(slow.closed?.code, 4508)
  assert.is(core.observer.of('too_slow'), 1)
  assert.is(author.closed, null)
})

test('[B3] a slow link that takes a little now and then gets through', async () => {
  const { core, slow, doc, type } = await setup()
  const replica = new Writer()
  await type(5000)
  for (let i = 0; i < 40; i++) await type(500)
  for (let i = 0; i < 20; i++) {
    await core.advance(20_000)
    slow.pair.toClient.deliver(1)
    slow.door.drained()
  }
  await core.settle()
  assert.is(slow.closed, null)
  replica.read(slow.take())
  await core.settle()
  replica.read(slow.take())
  assert.is(replica.text.toString(), doc.text.toString())
})

test('[B4] who asks without reading is answered when they have read, and not read from until then', async () => {
  const { core, slow, doc, type } = await setup()
  for (let i = 0; i < 12; i++) await type(1000)
  const cut = waiting(slow)
  const replica = new Writer()
  for (let i = 0; i < 100; i++) slow.send(replica.ask())
  await core.advance(5000)
  assert.is(waiting(slow), cut)
  assert.ok(slow.door.isPaused)
  slow.take()
  await core.settle()
  const [answer] = slow.take()
  assert.is(answer?.type, 'step2', 'in place of the diff')
  replica.read([answer!])
  assert.is(replica.text.toString(), doc.text.toString())
})

test('[B4] one who asks again and again, from the first on, is held to the budget', async () => {
  const { core, doc, type } = await setup()
  for (let i = 0; i < 30; i++) await type(1000)
  const greedy = await core.join()
  for (let i = 0; i < 100; i++) greedy.send({ type: 'step1', stateVector: Uint8Array.of(0) })
  await core.advance(5000)
  assert.ok(waiting(greedy) < 80_000, `${waiting(greedy)}`)
  assert.ok(greedy.door.isPaused)
  const replica = new Writer()
  replica.read(greedy.take())
  assert.is(replica.text.toString(), doc.text.toString())
})

test('[B4] asking for presence without reading does not grow either, joining or live', async () => {
  for (const isJoining of [true, false]) {
    const { core, author } = await setup()
    await author.say(aware(1, 1, { text: 'x'.repeat(100) }))
    const greedy = await (isJoining ? core.join() : core.live())
    for (let i = 0; i < 1000; i++) greedy.send({ type: 'query-awareness' })
    await core.settle()
    assert.ok(waiting(greedy) < BUDGET + 500, `${waiting(greedy)}`)
    for (let i = 0; i < 1000; i++) greedy.send({ type: 'query-awareness' })
    await core.settle()
    assert.ok(waiting(greedy) < BUDGET + 500, `${waiting(greedy)}`)
    await core.advance(40_000)
    greedy.take()
    assert.is(greedy.closed?.code, 4508)
  }
})

test('[B4] a joining connection that has drained can still ask', async () => {
  const { core, author, doc, type } = await setup()
  await type(100)
  await author.say(aware(1, 1, { text: 'x'.repeat(100) }))
  const greedy = await core.join()
  for (let i = 0; i < 1000; i++) greedy.send({ type: 'query-awareness' })
  await core.settle()
  greedy.take()
  await core.settle()
  const replica = new Writer()
  replica.read(await greedy.say(replica.ask()))
  assert.is(replica.text.toString(), doc.text.toString())
})

test('[B4] one who goes away with a question open is forgotten', async () => {
  const { core, slow, type } = await setup()
  for (let i = 0; i < 12; i++) await type(1000)
  const answered = slow.session.receive(Uint8Array.of(0, 0, 1, 0))
  await core.settle()
  slow.session.leave()
  await answered
  assert.is(core.registry.status.peers, 1)
})

test('[B1] presence alone does not fill a slow connection beyond its budget', async () => {
  const core = new Core({ limits: { peerBudgetBytes: 500 } })
  const [author, slow] = [await core.live(), await core.live()]
  for (let clock = 1; clock <= 50; clock++) {
    const state = new TextEncoder().encode(JSON.stringify({ cursor: 'x'.repeat(100) }))
    const entries = Uint8Array.of(1, 7, clock, state.length, ...state)
    await author.say({ type: 'awareness', entries })
    await core.advance(1000)
  }
  assert.is(slow.session.flow.type, 'behind')
  assert.ok(slow.pair.toClient.bytes < 1000, `${slow.pair.toClient.bytes} bytes`)
})
