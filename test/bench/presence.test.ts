/** What the bench makes of presence: who was seen when, and who is still shown; without a server and without a clock. */
import { Departures } from '../../bench/load/departures.js'
import { awarenessMessage } from '../../bench/load/messages.js'
import { AwarenessFrames, PresenceEcho, type PresenceNews } from '../../bench/load/presence-echo.js'
import { Sightings } from '../../bench/load/sightings.js'
import { assert, suite } from '../support/suite.js'

const test = suite('bench: presence')

const isAbout = (value: number, expected: number): boolean => Math.abs(value / expected - 1) < 0.02

test('[Y1] a state that a server left out counts as seen when a newer one came', () => {
  const sightings = new Sightings()
  for (const clock of [1, 2, 3]) sightings.moved(7, clock, clock * 100)
  sightings.saw(7, { from: 0, to: 1, nowMs: 110 })
  sightings.saw(7, { from: 1, to: 3, nowMs: 500 })
  assert.is(sightings.count, 2)
  assert.is(sightings.latencies.count, 3)
  assert.ok(isAbout(sightings.latencies.quantile(0.01), 10))
  assert.ok(isAbout(sightings.latencies.quantile(0.5), 200))
  assert.ok(isAbout(sightings.latencies.quantile(1), 300))
})

test('[Y1] what was announced without a time, and what others announced, is no sighting', () => {
  const sightings = new Sightings()
  sightings.moved(7, 5, 100)
  sightings.saw(7, { from: 0, to: 4, nowMs: 200 })
  sightings.saw(8, { from: 0, to: 5, nowMs: 200 })
  assert.is(sightings.count, 0)
  assert.is(sightings.latencies.count, 0)
})

test('[Y1] a member is behind by as long as the next state has been due', () => {
  const sightings = new Sightings()
  sightings.moved(7, 1, 100)
  sightings.moved(7, 2, 200)
  assert.is(sightings.behindMs(7, 0, 250), 150)
  assert.is(sightings.behindMs(7, 1, 250), 50)
  assert.is(sightings.behindMs(7, 2, 250), 0)
  assert.is(sightings.behindMs(8, 0, 250), 0)
})

test('[Y1] who left is a ghost until each who stays has noticed, once', () => {
  const departures = new Departures()
  departures.left(1, 100, [2, 3])
  assert.is(departures.ghosts, 2)
  departures.noticed(1, 2, 130)
  departures.noticed(1, 2, 900)
  departures.noticed(9, 3, 900)
  assert.is(departures.ghosts, 1)
  departures.noticed(1, 3, 150)
  assert.is(departures.ghosts, 0)
  assert.is(departures.latencies.count, 2)
  assert.is(departures.longestMs, 50)
})

test('[Y1] who has left itself is not expected to notice', () => {
  const departures = new Departures()
  departures.left(1, 100, [2, 3])
  departures.left(2, 110, [3])
  assert.is(departures.ghosts, 2)
  departures.noticed(1, 3, 120)
  departures.noticed(2, 3, 120)
  assert.is(departures.ghosts, 0)
})

test('[Y2] a load client tells what is new about others, and nothing else', () => {
  const news: PresenceNews[] = []
  const frames = new AwarenessFrames(
    new Map([
      [11, 0],
      [22, 1],
    ]),
  )
  const echo = new PresenceEcho(0, 2, one => news.push(one))
  const hear = (clientId: number, clock: number, state: string): void => {
    echo.hear(frames.read(awarenessMessage([{ clientId, clock, state }])), '{}')
  }
  hear(22, 3, '{}')
  hear(22, 3, '{}')
  hear(22, 2, '{"at":1}')
  hear(11, 8, 'null')
  hear(33, 1, '{}')
  hear(22, 3, 'null')
  assert.equal(news, [
    { member: 1, from: 0, to: 3, hasLeft: false },
    { member: 1, from: 3, to: 3, hasLeft: true },
  ])
})
