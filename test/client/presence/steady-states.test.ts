/** Others' states over y-protocols' own expiry, which looks every 3 s, in time that the test owns. */
import '../../support/virtual-time.js'

import * as awarenessProtocol from 'y-protocols/awareness'
import * as Y from 'yjs'
import { type AwarenessRelay, relayAwareness } from '../../../client/awareness-relay.js'
import type { Clock } from '../../../client/channel/clock.js'
import { assert, suite } from '../../support/suite.js'
import { virtualTime } from '../../support/virtual-time.js'

const test = suite('steady states')

const SERVER = 'the server'
const HOUR_MS = 3_600_000

const clock: Clock = {
  now: () => virtualTime.elapsed(),
  after: (delayMs, task) => virtualTime.after(delayMs, task),
  random: () => 0,
}

const awarenesses: awarenessProtocol.Awareness[] = []
const relays: AwarenessRelay[] = []
test.after.each(() => {
  for (const relay of relays.splice(0)) relay.close()
  for (const awareness of awarenesses.splice(0)) awareness.doc.destroy()
})

const aware = (clientId: number, state: object): awarenessProtocol.Awareness => {
  const doc = new Y.Doc()
  doc.clientID = clientId
  const awareness = new awarenessProtocol.Awareness(doc)
  awareness.setLocalState({ ...state })
  awarenesses.push(awareness)
  return awareness
}

const entryOf = (
  awareness: awarenessProtocol.Awareness,
  states?: Map<number, Record<string, unknown>>,
): Uint8Array => awarenessProtocol.encodeAwarenessUpdate(awareness, [awareness.clientID], states)
const goneOf = (awareness: awarenessProtocol.Awareness): Uint8Array => entryOf(awareness, new Map())

const setup = () => {
  const mine = aware(1, { name: 'me' })
  const other = aware(2, { name: 'other' })
  const third = aware(3, { name: 'third' })
  const connection = { isLive: true }
  const asked: number[] = []
  const startMs = virtualTime.elapsed()
  const relay = relayAwareness(mine, {
    origin: SERVER,
    clock,
    isLive: () => connection.isLive,
    send: () => {},
    ask: () => asked.push(virtualTime.elapsed() - startMs),
  })
  relays.push(relay)
  relay.start()
  relay.receive(entryOf(other))
  relay.receive(entryOf(third))
  const seen = (): number[] => [...mine.getStates().keys()].filter(id => id !== 1)
  return { mine, other, third, relay, connection, asked, seen }
}

test('[A41] whoever the server told of stays until it says that they left, however long it says nothing', async () => {
  const { mine, other, relay, seen, asked } = setup()
  let changes = 0
  mine.on('change', () => changes++)
  await virtualTime.advance(HOUR_MS)
  assert.equal(seen(), [2, 3])
  assert.is(changes, 0)
  relay.receive(goneOf(other))
  assert.equal(seen(), [3])
  assert.is(changes, 1)
  assert.equal(asked, [])
})

test('[A41] after a page was frozen, or its date set, everybody is there before the first message is read', async () => {
  const { seen, connection } = setup()
  await virtualTime.advance(10_000)
  virtualTime.jump(HOUR_MS)
  await virtualTime.advance(3_000)
  assert.equal(seen(), [2, 3])
  virtualTime.jump(-2 * HOUR_MS)
  connection.isLive = true
  await virtualTime.advance(3_000)
  assert.equal(seen(), [2, 3])
})

test('[A41] without a server, and among tabs, it is y-protocols that says how long anybody stays', async () => {
  const { relay, connection, seen, third, asked } = setup()
  await virtualTime.advance(HOUR_MS)
  connection.isLive = false
  await virtualTime.advance(20_000)
  assert.equal(seen(), [2, 3])
  third.setLocalState({ name: 'renewed' })
  relay.receiveFromTab(entryOf(third))
  await virtualTime.advance(15_000)
  assert.equal(seen(), [3])
  await virtualTime.advance(18_000)
  assert.equal(seen(), [])
  assert.equal(asked, [])
})

test('[A42] whom something else has removed is asked for, and comes back with the clock that was known', async () => {
  const { mine, other, relay, seen, asked } = setup()
  const events: string[] = []
  mine.on('change', ({ added, removed }: { added: number[]; removed: number[] }) =>
    events.push(`+${added} -${removed}`),
  )
  awarenessProtocol.removeAwarenessStates(mine, [2], 'timeout')
  assert.equal(asked, [], 'not before all have heard')
  await virtualTime.advance(1)
  assert.is(asked.length, 1)
  relay.receive(entryOf(other))
  assert.equal(seen().sort(), [2, 3])
  await virtualTime.advance(HOUR_MS)
  assert.equal(seen().sort(), [2, 3])
  assert.equal(events, ['+ -2', '+2 -'])
  assert.is(asked.length, 1)
})

test('[A42] what removes others again and again is answered once in 15 s', async () => {
  const { mine, other, relay, asked } = setup()
  mine.on('change', ({ added }: { added: number[] }) => {
    if (added.includes(2)) awarenessProtocol.removeAwarenessStates(mine, [2], 'the app')
  })
  awarenessProtocol.removeAwarenessStates(mine, [2, 3], 'the app')
  let answered = 0
  for (let second = 0; second < 60; second++) {
    await virtualTime.advance(1_000)
    for (; answered < asked.length; answered++) relay.receive(entryOf(other))
  }
  assert.equal(asked, [0, 15_000, 30_000, 45_000, 60_000])
})

test('[A42] nobody is asked where there is no server, on the server’s own word, or once it is closed', async () => {
  const { mine, other, relay, connection, asked } = setup()
  relay.receive(goneOf(other))
  connection.isLive = false
  awarenessProtocol.removeAwarenessStates(mine, [3], 'timeout')
  await virtualTime.advance(60_000)
  connection.isLive = true
  relay.forgetOthers()
  relay.receive(entryOf(other))
  awarenessProtocol.removeAwarenessStates(mine, [2], 'timeout')
  relay.close()
  await virtualTime.advance(60_000)
  assert.equal(asked, [])
})

test('[A42] whoever left and is told of again counts at any clock, and is not remembered meanwhile', () => {
  const { mine, other, third, relay, seen } = setup()
  relay.receive(goneOf(other))
  relay.receive(entryOf(third))
  assert.equal([...mine.meta.keys()].sort(), [1, 3])
  relay.receive(entryOf(other))
  assert.equal(seen().sort(), [2, 3])
})

test('[A43] a client whose app sets no state is seen by its first announcement', () => {
  const doc = new Y.Doc()
  const mine = new awarenessProtocol.Awareness(doc)
  const other = aware(2, {})
  awarenesses.push(mine)
  const sent: Uint8Array[] = []
  const relay = relayAwareness(mine, {
    origin: SERVER,
    clock,
    isLive: () => true,
    send: entries => sent.push(entries),
    ask: () => {},
  })
  relays.push(relay)
  relay.start()
  assert.is(sent.length, 1)
  awarenessProtocol.applyAwarenessUpdate(other, sent[0]!, SERVER)
  assert.equal(other.getStates().get(doc.clientID), {})
})
