/** Connections that announce without end, and those that send back what they are sent. */
import * as encoding from 'lib0/encoding'
import { decodeAwareness } from '../../../server/space/awareness-codec.js'
import type { ServerMessage } from '../../../shared/protocol/index.js'
import { ASK_ALL, type Caller, Core } from '../../support/core.js'
import { assert, suite } from '../../support/suite.js'
import { textIn, Writer } from '../../support/writer.js'

const test = suite('announcing pace')

const MAX_FRAMES = 200

const state = (clientId: number, clock: number, bytes = 0) => ({
  type: 'awareness' as const,
  entries: encoding.encode(encoder => {
    for (const number of [1, clientId, clock]) encoding.writeVarUint(encoder, number)
    encoding.writeVarString(encoder, JSON.stringify({ at: clock, is: 'x'.repeat(bytes) }))
  }),
})

const clockOf = (clientId: number, messages: readonly ServerMessage[]): number | undefined =>
  messages
    .flatMap(message =>
      message.type === 'awareness' ? decodeAwareness(message.entries, () => true).entries : [],
    )
    .findLast(entry => entry.clientId === clientId)?.clock

const flood = (caller: Caller, clocks: { readonly from: number; readonly to: number }, bytes = 0): void => {
  for (let clock = clocks.from; clock <= clocks.to; clock++) caller.send(state(7, clock, bytes))
}

test('[Q7] who announces without end is not read from for a moment, and loses nothing', async () => {
  const core = new Core()
  const [loud, other] = [
    await core.live({ access: { user: 'ann' } }),
    await core.live({ access: { user: 'bob' } }),
  ]
  flood(loud, { from: 1, to: MAX_FRAMES })
  await core.settle()
  assert.not(loud.door.isPaused)
  flood(loud, { from: MAX_FRAMES + 1, to: MAX_FRAMES + 50 })
  await core.settle()
  assert.ok(loud.door.isPaused)
  assert.is(core.observer.of('slowed'), 1)
  await other.say(new Writer().type('meanwhile'))
  assert.is(textIn(await other.say(ASK_ALL)), 'meanwhile')
  await core.advance(100)
  assert.not(loud.door.isPaused)
  assert.is(clockOf(7, other.take()), MAX_FRAMES + 50)
  assert.is(loud.closed, null)
})

test('[Q7] large states count for more', async () => {
  const core = new Core()
  const loud = await core.live()
  flood(loud, { from: 1, to: 60 }, 60_000)
  await core.settle()
  assert.ok(loud.door.isPaused)
  await core.advance(100)
  assert.not(loud.door.isPaused)
})

test('[Q7] who leaves while it waits leaves nothing behind', async () => {
  const core = new Core()
  const loud = await core.live()
  flood(loud, { from: 1, to: MAX_FRAMES + 10 })
  await core.settle()
  assert.ok(loud.door.isPaused)
  loud.hangUp()
  await core.settle()
  assert.not(loud.door.isPaused)
})

test('[Q7] who echoes what a flood brings is read from all the time', async () => {
  const core = new Core()
  const loud = await core.live({ dialect: 'stock', access: { user: 'ann' } })
  const echoing = await core.live({ dialect: 'stock', access: { user: 'bob' } })
  await echoing.say(state(9, 1))
  let echoes = 0
  for (let clock = 1; clock <= 10 * MAX_FRAMES; clock++) {
    loud.send(state(7, clock, 1_000))
    await core.settle()
    for (const frame of echoing.take()) {
      if (frame.type !== 'awareness') continue
      echoing.send(frame)
      echoes++
    }
    if (clock % 15 === 0) await core.scheduler.advance(10)
    assert.not(echoing.door.isPaused)
  }
  assert.ok(echoes > 100)
  assert.is(core.observer.of('slowed'), 0)
})
