/** When the event loop rests between reads, by a clock of the test's. */
import { ReadPace } from '../../../server/transport/read-pace.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('read pace')

const INTERVAL_MS = 4
const CONNECTIONS = [{}, {}, {}, {}, {}, {}, {}, {}]

/** An event loop: what it comes round to, and how long that takes. */
class Loop {
  /** Of each rest: when it began, and how long it was. */
  readonly rests: { readonly atMs: number; readonly ms: number }[] = []
  /** A rest ends after this part of it. */
  restPart = 1
  #nowMs = 0
  #next = 0
  #asked: (() => void)[] = []
  readonly #pace = new ReadPace({
    intervalMs: INTERVAL_MS,
    elapsed: () => this.#nowMs,
    soon: task => this.soon(task),
    rest: ms => {
      this.rests.push({ atMs: this.#nowMs, ms })
      this.#nowMs += ms * this.restPart
    },
  })

  soon(task: () => void): void {
    this.#asked.push(task)
  }

  read(connection: object): void {
    this.#pace.read(connection)
  }

  /** All that was asked for, in order. */
  end(): void {
    const asked = this.#asked
    this.#asked = []
    for (const task of asked) task()
  }

  /** The loop comes round to so many reads, of as many connections, after `pauseMs`, and works on them for `workMs`. */
  round(reads: number, { pauseMs = 0, workMs = 0, by = CONNECTIONS } = {}): void {
    this.#nowMs += pauseMs
    for (let i = 0; i < reads; i++) this.read(by[this.#next++ % by.length]!)
    this.#nowMs += workMs
    this.end()
  }

  /** Until it rests: so much comes that it has to. */
  fill(): void {
    for (let i = 0; i < 40; i++) this.round(4, { pauseMs: 1 })
    assert.ok(this.rests.length > 0, 'it rests')
    this.rests.length = 0
  }
}

test('[D59] while little comes it is read at once', () => {
  const loop = new Loop()
  // A little more than four in four milliseconds would be much.
  for (let i = 0; i < 10_000; i++) loop.round(1, { pauseMs: 1.1 })
  assert.equal(loop.rests, [])
})

test('[D59] while much comes, reads are so far apart that what came lay for the interval at most', () => {
  const loop = new Loop()
  loop.fill()
  for (let i = 0; i < 1_000; i++) loop.round(6, { pauseMs: 0.1, workMs: 1 })
  assert.is(loop.rests.length, 1_000)
  for (const [i, { atMs, ms }] of loop.rests.entries()) {
    assert.ok(ms > 0 && ms <= INTERVAL_MS, `${ms} ms`)
    const before = loop.rests[i - 1]
    if (before !== undefined) {
      const apartMs = atMs + ms - (before.atMs + before.ms)
      assert.ok(Math.abs(apartMs - INTERVAL_MS) < 1e-6, `${apartMs} ms`)
    }
  }
})

test('[D59] what comes after a pause is read at once, and whoever works all the time does not rest', () => {
  const loop = new Loop()
  loop.fill()
  for (let i = 0; i < 100; i++) loop.round(40, { pauseMs: INTERVAL_MS + 1 })
  assert.equal(loop.rests, [])
  for (let i = 0; i < 100; i++) loop.round(40, { workMs: INTERVAL_MS })
  assert.equal(loop.rests, [])
  loop.round(4, { pauseMs: 1 })
  assert.is(loop.rests.length, 1)
})

test('[D59] where rests bring little together they end, and are tried again a second later', () => {
  const loop = new Loop()
  loop.fill()
  // Something else ends each rest early.
  loop.restPart = 0.1
  for (let i = 0; i < 100; i++) loop.round(2)
  const tried = loop.rests.length
  assert.ok(tried < 50, `${tried} rests`)
  loop.restPart = 1
  for (let i = 0; i < 800; i++) loop.round(8, { pauseMs: 1 })
  assert.is(loop.rests.length, tried)
  for (let i = 0; i < 400; i++) loop.round(8, { pauseMs: 1 })
  assert.ok(loop.rests.length > tried, 'it rests again')
})

test('[D59] one connection’s flood makes nobody wait', () => {
  const loop = new Loop()
  for (let i = 0; i < 10_000; i++) loop.round(20, { pauseMs: 0.1, by: [CONNECTIONS[0]!] })
  assert.equal(loop.rests, [])
})

test('[D59] a rest is behind all that the messages of its round have asked for', () => {
  const loop = new Loop()
  loop.fill()
  const order: string[] = []
  for (const connection of CONNECTIONS) {
    // As a session does: its message is dealt with before the read is told.
    loop.soon(() => order.push(`turn after ${loop.rests.length} rests`))
    loop.read(connection)
  }
  loop.end()
  assert.equal(
    order,
    CONNECTIONS.map(() => 'turn after 0 rests'),
  )
  assert.is(loop.rests.length, 1)
})
