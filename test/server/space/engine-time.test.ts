/** Connections whose messages cost the engine much. */
import type { Engine } from '../../../server/space/engine.js'
import type { ClientMessage } from '../../../shared/protocol/index.js'
import { ASK_ALL, type Caller, Core } from '../../support/core.js'
import { assert, suite } from '../../support/suite.js'
import { textIn, Writer } from '../../support/writer.js'

const test = suite('engine time')

const limits = { engineBurstMs: 1000, engineSharePercent: 50 }

/** A core whose engine says that a message with "!" in it costs so much. */
const setup = async (costMs: number, count = 2, allowed = limits) => {
  const engine = (inline: Engine): Engine => ({
    fold: (space, updates) => inline.fold(space, updates),
    join: updates => inline.join(updates),
    open: (space, updates) => inline.open(space, updates),
    apply: async (space, batch) => {
      const result = await inline.apply(space, batch)
      const dear = batch.filter(({ update }) => update.includes(33)).length
      return result.type === 'applied' ? { ...result, costMs: dear * costMs } : result
    },
    stateVector: space => inline.stateVector(space),
    diff: (space, stateVector) => inline.diff(space, stateVector),
    intentions: space => inline.intentions(space),
    json: (space, roots) => inline.json(space, roots),
    close: space => inline.close(space),
  })
  const core = new Core({ engine, limits: allowed })
  const callers: Caller[] = []
  for (let i = 0; i < count; i++) callers.push(await core.live())
  return { core, callers: callers as [Caller, Caller] }
}

test('[Q5] whoever used up the allowance is not read from until it has grown, and loses nothing', async () => {
  const { core, callers } = await setup(1500)
  const [dear, other] = callers
  const [writer, beside] = [new Writer(), new Writer()]
  await dear.say(writer.type('!'))
  assert.not(dear.door.isPaused)
  await dear.say(writer.type('a'))
  assert.ok(dear.door.isPaused)
  dear.send(writer.type('b'))
  await other.say(beside.type('c'))
  assert.not(other.door.isPaused)
  assert.is(core.observer.of('slowed'), 1)
  assert.is(textIn(await other.say(ASK_ALL)).includes('b'), false)
  await core.advance(2000)
  assert.not(dear.door.isPaused)
  assert.is([...textIn(await other.say(ASK_ALL))].sort().join(''), '!abc')
  assert.is(dear.closed, null)
})

test('[Q5] whoever owes too much all the same is closed, and what still waits is dropped', async () => {
  const { core, callers } = await setup(4000)
  const [dear, other] = callers
  const writer = new Writer()
  dear.send(writer.type('!'), writer.type('!'))
  await core.settle()
  dear.take()
  assert.is(dear.closed?.code, 4529)
  assert.is(core.observer.of('too_costly'), 1)
  await other.say(new Writer().type('it goes on'))
  assert.is(other.closed, null)
})

test('[Q5] a paused connection that leaves, or whose space ends, leaves nothing behind', async () => {
  const { core, callers } = await setup(1500)
  for (const caller of callers) {
    const writer = new Writer()
    await caller.say(writer.type('!'))
    await caller.say(writer.type('a'))
    assert.ok(caller.door.isPaused)
  }
  callers[0].hangUp()
  await core.settle()
  assert.not(callers[0].door.isPaused)
  await core.registry.drain(1000)
  await core.settle()
  assert.not(callers[1].door.isPaused)
})

/** As many clients, each at clock 1, as an encoded state vector. */
const questionAbout = (clients: number): ClientMessage => {
  const head = [(clients & 127) | 128, ((clients >>> 7) & 127) | 128, (clients >>> 14) & 127]
  return { type: 'step1', stateVector: Uint8Array.from([...head, ...new Array(2 * clients).fill(1)]) }
}

test('[Q5] asking costs, too', async () => {
  const { core, callers } = await setup(0, 2, { engineBurstMs: 10, engineSharePercent: 1 })
  await callers[0].say(questionAbout(90_000))
  assert.ok(callers[0].door.isPaused)
  assert.not(callers[1].door.isPaused)
  await core.advance(2_000)
  assert.not(callers[0].door.isPaused)
  assert.is(callers[0].closed, null)
})

test('[Q5] a question about more clients than are answered is malformed, unread', async () => {
  const { callers } = await setup(0)
  await callers[0].say(questionAbout(1_050_000))
  assert.is(callers[0].closed?.code, 4400)
})
