/** The server's clock, as a client knows it. */
import { ServerClock } from '../../../client/channel/server-clock.js'
import { FakeClock } from '../../support/fake-clock.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('server clock')

const NOON = 1_700_000_000_000

const setUp = () => {
  const clock = new FakeClock()
  return { clock, serverClock: new ServerClock(clock) }
}

test('[P33] before the server has said anything, nothing is known', () => {
  const { clock, serverClock } = setUp()
  clock.advance(5_000)
  assert.equal([serverClock.now(), serverClock.lastHeard()], [null, null])
})

test('[P33] it goes on from what the server said', () => {
  const { clock, serverClock } = setUp()
  clock.advance(5_000)
  serverClock.start(NOON)
  assert.is(serverClock.now(), NOON)
  clock.advance(60_000)
  assert.is(serverClock.now(), NOON + 60_000)
})

test('[P33] a message that was long under way sets nothing back, a faster one sets it right', () => {
  const { clock, serverClock } = setUp()
  // Half a second under way.
  serverClock.start(NOON - 500)
  clock.advance(1_000)
  serverClock.told(NOON - 3_000)
  assert.is(serverClock.now(), NOON + 500)
  serverClock.told(NOON + 990)
  assert.is(serverClock.now(), NOON + 990)
})

test('[P33] a computer that slept, with its clock, is set right by the next word', () => {
  const { clock, serverClock } = setUp()
  serverClock.start(NOON)
  clock.advance(1_000)
  serverClock.told(NOON + 3_600_000)
  assert.is(serverClock.now(), NOON + 3_600_000)
})

test('[P33] each connection begins anew: a server whose clock was set back is followed', () => {
  const { clock, serverClock } = setUp()
  serverClock.start(NOON)
  clock.advance(1_000)
  serverClock.start(NOON - 60_000)
  assert.is(serverClock.now(), NOON - 60_000)
})

test('[P32] when the server was last heard is told on its own clock', () => {
  const { clock, serverClock } = setUp()
  serverClock.start(NOON)
  clock.advance(10_000)
  serverClock.heard()
  clock.advance(25_000)
  assert.is(serverClock.lastHeard(), NOON + 10_000)
})
