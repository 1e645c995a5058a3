/** Renewals among those who take others for gone without them, and those who are told who leaves. */
import { decodeAwareness } from '../../../server/space/awareness-codec.js'
import type { ServerMessage } from '../../../shared/protocol/index.js'
import { ASK_ALL, type Caller, type ConnectOptions, Core, NOTHING } from '../../support/core.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('renewals')

const STEADY: ConnectOptions = { dialect: 'plenum', needsRenewals: false }
const STOCK: ConnectOptions = { dialect: 'stock' }
/** A stock provider over a channel. */
const CHANNEL: ConnectOptions = { dialect: 'plenum' }

/** An awareness update of one client; its numbers are below 2^14. */
const entry = (clientId: number, clock: number, state: object | null) => {
  const json = new TextEncoder().encode(JSON.stringify(state))
  const entries = Uint8Array.of(1, ...varUint(clientId), clock, ...varUint(json.length), ...json)
  return { type: 'awareness', entries } as const
}

const varUint = (number: number): number[] => (number < 128 ? [number] : [(number % 128) + 128, number >> 7])

/** As `clientID:clock`, and `-` before whoever left. */
const told = (messages: readonly ServerMessage[]): string[] =>
  messages
    .flatMap(message =>
      message.type === 'awareness' ? decodeAwareness(message.entries, () => true).entries : [],
    )
    .map(({ clientId, clock, json }) => `${json.length === 4 ? '-' : ''}${clientId}:${clock}`)

const live = (core: Core, options: ConnectOptions, user: string): Promise<Caller> =>
  core.live({ ...options, access: { user } })

/** Two who watch and a third, over the three kinds of connection; and one of ours that was announced with clock 1. */
const room = async () => {
  const core = new Core()
  const ann = await live(core, STEADY, 'ann')
  const watchers = {
    steady: await live(core, STEADY, 'bob'),
    stock: await live(core, STOCK, 'carol'),
    channel: await live(core, CHANNEL, 'dave'),
  }
  await ann.say(entry(1, 1, { at: 1 }))
  const heard = async (byMs = 5_000) => {
    await core.advance(byMs)
    const { steady, stock, channel } = watchers
    return { steady: told(steady.take()), stock: told(stock.take()), channel: told(channel.take()) }
  }
  assert.equal(await heard(), { steady: ['1:1'], stock: ['1:1'], channel: ['1:1'] })
  return { core, ann, watchers, heard }
}

test('[A40] a renewal goes to those alone who take others for gone without it', async () => {
  const { ann, heard } = await room()
  for (const clock of [2, 3]) {
    ann.send(entry(1, clock, { at: 1 }))
    const now = [`1:${clock}`]
    assert.equal(await heard(), { steady: [], stock: now, channel: now })
  }
})

test('[A40] a change, and a removal, come to everybody, later than all that was known', async () => {
  const { ann, heard } = await room()
  for (const clock of [2, 3]) ann.send(entry(1, clock, { at: 1 }))
  ann.send(entry(1, 4, { at: 2 }))
  assert.equal(await heard(), { steady: ['1:4'], stock: ['1:4'], channel: ['1:4'] })
  ann.send(entry(1, 5, { at: 2 }))
  await heard()
  ann.hangUp()
  assert.equal(await heard(0), { steady: ['-1:5'], stock: ['-1:5'], channel: ['-1:5'] })
})

test('[A40] a renewal that waits while somebody changes goes with it to those who need it', async () => {
  const { core, ann, watchers, heard } = await room()
  const eve = await live(core, STEADY, 'eve')
  await eve.say(entry(2, 1, { at: 1 }))
  await heard()
  // No turn between the two.
  ann.send(entry(1, 2, { at: 1 }))
  eve.send(entry(2, 2, { at: 2 }))
  const { steady, stock } = await heard()
  assert.equal(steady, ['2:2'])
  assert.equal(stock.sort(), ['1:2', '2:2'])
  assert.is(watchers.steady.closed, null)
})

test('[A40] where nobody needs renewals nothing is said of them, and newcomers know everybody', async () => {
  const core = new Core()
  const [ann, bob] = [await live(core, STEADY, 'ann'), await live(core, STEADY, 'bob')]
  await ann.say(entry(1, 1, { at: 1 }))
  bob.take()
  let frames = 0
  for (let clock = 2; clock < 100; clock++) {
    ann.send(entry(1, clock, { at: 1 }))
    await core.advance(15_000)
    frames += told(bob.take()).length
  }
  assert.is(frames, 0)
  const stock = await core.join({ ...STOCK, access: { user: 'carol' } })
  assert.equal(told(await stock.say(ASK_ALL, NOTHING)), ['1:99'])
  ann.send(entry(1, 100, { at: 1 }))
  await core.advance(5_000)
  assert.equal(told(stock.take()), ['1:100'])
  stock.hangUp()
  ann.send(entry(1, 101, { at: 1 }))
  await core.advance(5_000)
  assert.equal(told(bob.take()), [])
})

test('[A40] whoever was behind has missed changes and removals, and no renewals', async () => {
  const core = new Core({ limits: { peerBudgetBytes: 3_000 } })
  const [ann, eve] = [await live(core, STEADY, 'ann'), await live(core, STEADY, 'eve')]
  const [steady, stock] = [await live(core, STEADY, 'bob'), await live(core, STOCK, 'carol')]
  const states = (at: number) => ({ at, padding: 'x'.repeat(90) })
  await ann.say(entry(1, 1, { at: 1 }))
  for (let at = 1; at <= 60; at++) {
    await eve.say(entry(2, at, states(at)))
    await core.advance(100)
  }
  assert.is(steady.session.flow.type, 'behind')
  assert.is(stock.session.flow.type, 'behind')
  ann.send(entry(1, 2, { at: 1 }))
  await core.advance(5_000)
  for (const caller of [steady, stock]) caller.take()
  await core.settle()
  assert.equal(told(steady.take()), ['2:60'])
  assert.equal(told(stock.take()).sort(), ['1:2', '2:60'])
})

test('[A43] a first state is told again at the clock at which it is taken, which is not 0', async () => {
  const { core, watchers, heard } = await room()
  const eve = await live(core, STEADY, 'eve')
  await eve.say(entry(2, 0, {}))
  await heard()
  eve.send(entry(2, 1, {}))
  assert.equal((await heard()).steady, ['2:1'])
  eve.send(entry(2, 2, {}))
  assert.equal((await heard()).steady, [])
  assert.is(watchers.stock.closed, null)
})

test('[A43] who comes back at a known clock before its end was told is told of at the next, whoever needs no renewals', async () => {
  const core = new Core()
  const members: Caller[] = []
  for (let id = 1; id <= 150; id++) members.push(await live(core, STEADY, `u${id}`))
  const watcher = await live(core, STEADY, 'watcher')
  for (const [i, member] of members.entries()) {
    await member.say(entry(i + 1, 1, { at: 1 }))
  }
  await core.advance(5_000)
  // So much is told that the rest waits, and so many go that not each is told by itself.
  for (const [i, member] of members.entries()) await member.say(entry(i + 1, 2, { at: 2 }))
  for (const member of members) member.hangUp()
  const last = await core.join({ ...STEADY, access: { user: 'u150' } })
  last.send(entry(150, 2, { at: 3 }))
  await core.advance(2_000)
  last.send(entry(150, 3, { at: 3 }))
  await core.advance(2_000)
  const seen = told(watcher.take()).filter(text => text.includes('150:'))
  assert.equal(seen.slice(-2), ['150:2', '150:3'])
})
