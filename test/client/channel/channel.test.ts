/** The channel over a socket pair, with a clock that the test moves and a server that the test plays. */
import * as Y from 'yjs'
import { Channel } from '../../../client/channel/channel.js'
import { type ChannelOptions, channelClass } from '../../../client/channel/channel-class.js'
import type { ConnectionState } from '../../../client/channel/connection-state.js'
import { EMPTY_AWARENESS_FRAME, encodeMessage, type ServerMessage } from '../../../shared/protocol/index.js'
import { throwsCode } from '../../support/expect.js'
import { FakeClock } from '../../support/fake-clock.js'
import { ScriptedServer, WELCOME } from '../../support/scripted-server.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('channel')

const EMPTY_VECTOR = Y.encodeStateVector(new Y.Doc())
const step1: ServerMessage = { type: 'step1', stateVector: EMPTY_VECTOR }
const update = (text: string): Uint8Array => {
  const doc = new Y.Doc()
  doc.getText('text').insert(0, text)
  return Y.encodeStateAsUpdate(doc)
}

/** Lets what is queued as microtasks happen. */
const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 10; turn++) await undefined
}

const setUp = (options: ChannelOptions = {}) => {
  const clock = new FakeClock()
  const server = new ScriptedServer()
  const told: ConnectionState[] = []
  let onHint: (() => void) | null = null
  const hints = (listener: () => void) => {
    onHint = listener
    return () => {
      onHint = null
    }
  }
  const ChannelClass = channelClass({
    token: 't.o.k',
    WebSocket: server.WebSocket,
    doors: ['websocket'],
    clock,
    hints,
    onConnection: state => told.push(state),
    ...options,
  })
  const events: string[] = []
  const received: Uint8Array[] = []
  const make = (): Channel => {
    const channel = new ChannelClass('ws://host/sync/demo')
    channel.binaryType = 'arraybuffer'
    channel.onopen = () => events.push('open')
    channel.onmessage = ({ data }) => received.push(new Uint8Array(data))
    channel.onerror = () => events.push('error')
    channel.onclose = ({ code, reason }) => events.push(`close ${code}${reason === '' ? '' : ` ${reason}`}`)
    return channel
  }
  return {
    clock,
    server,
    told,
    events,
    received,
    ChannelClass,
    make,
    hint: () => onHint?.(),
    hasHint: () => onHint !== null,
    /** A channel whose transport is open and not welcomed. */
    dialed: async (): Promise<Channel> => {
      const channel = make()
      await settle()
      server.pair.accept()
      return channel
    },
    opened: async (welcome: Partial<typeof WELCOME> = {}): Promise<Channel> => {
      const channel = make()
      await settle()
      server.pair.accept()
      server.say({ ...WELCOME, ...welcome })
      return channel
    },
  }
}

test('[P6] asks for a token at each attempt, and offers it beside plenum.v1 and the owner’s protocols', async () => {
  let asked = 0
  const { server, ChannelClass } = setUp({ token: async () => `fresh-${++asked}` })
  for (const expected of ['fresh-1', 'fresh-2']) {
    const channel = new ChannelClass('ws://host/sync/demo', ['extra'])
    await settle()
    assert.equal(server.pair.protocols, ['plenum.v1', `bearer.${expected}`, 'extra'])
    assert.is(server.pair.url, 'ws://host/sync/demo')
    channel.close()
  }
})

test('[P6] without a token source offers none, and leaves it to the URL', async () => {
  const server = new ScriptedServer()
  const ChannelClass = channelClass({ WebSocket: server.WebSocket, clock: new FakeClock() })
  new ChannelClass('ws://host/sync/demo?token=t')
  await settle()
  assert.equal(server.pair.protocols, ['plenum.v1'])
})

test('[P7] opens when the welcome has passed, and not when the transport does', async () => {
  const { server, dialed, events } = setUp()
  const channel = await dialed()
  assert.is(channel.readyState, Channel.CONNECTING)
  assert.equal(events, [])
  server.say(WELCOME)
  assert.is(channel.readyState, Channel.OPEN)
  assert.is(channel.protocol, 'plenum.v1')
  assert.equal(events, ['open'])
})

test('[P7] a known copy of another incarnation never opens: 4409, and nothing is sent', async () => {
  const { server, dialed, events, told } = setUp({ knownIncarnation: 'i0', isEmptyDocument: () => false })
  const channel = await dialed()
  assert.equal(server.say(WELCOME, step1), [])
  assert.is(channel.readyState, Channel.CLOSED)
  assert.match(events.join(), /^error,close 4409 /)
  assert.is(server.close?.code, 4409)
  assert.is(told.at(-1)?.state, 'closed')
})

test('[P7] by itself it takes a copy for empty until content has passed, either way', async () => {
  const other = { ...WELCOME, incarnation: 'i2' }
  const cases: [ServerMessage | null, Uint8Array | null, boolean][] = [
    [null, null, false],
    [{ type: 'step2', update: Uint8Array.of(0, 0) }, null, false],
    [{ type: 'update', update: update('x') }, null, true],
    [null, encodeMessage({ type: 'update', update: update('x') }), true],
  ]
  for (const [fromServer, fromClient, isConflict] of cases) {
    const { server, opened, clock, make } = setUp()
    const first = await opened()
    if (fromServer !== null) server.say(fromServer)
    if (fromClient !== null) first.send(fromClient)
    server.pair.cut()
    const second = make()
    clock.advance(1_000)
    await settle()
    server.pair.accept()
    server.say(other)
    assert.is(second.readyState, isConflict ? Channel.CLOSED : Channel.OPEN)
  }
})

test('[P7] a server that selects another subprotocol, or is too old, is left for good', async () => {
  const first = setUp()
  first.make()
  await settle()
  first.server.pair.accept('yjs')
  assert.match(first.events.join(), /close 4426/)
  const second = setUp()
  await second.opened({ version: 0 })
  assert.match(second.events.join(), /close 4426/)
})

test('[P7] a target that no WebSocket takes is 4400, told later and once', async () => {
  class Picky {
    constructor() {
      throw new SyntaxError('no such protocol')
    }
  }
  const { make, events } = setUp({ WebSocket: Picky as never })
  make()
  assert.equal(events, [])
  await settle()
  assert.equal(events, ['error', 'close 4400 the URL or the token cannot be used'])
})

test('[P8] its owner sees stock messages only, each frame as it came', async () => {
  const { server, opened, received } = setUp()
  await opened()
  const content: ServerMessage = { type: 'update', update: update('x') }
  server.say(step1, { type: 'saved', count: 0, position: 0 }, content, {
    type: 'notice',
    kind: 'degraded',
    retryAfterMs: 0,
  })
  assert.equal(received, [encodeMessage(step1), encodeMessage(content)])
})

test('[P8] counts document messages that were sent and that are saved', async () => {
  const { server, opened } = setUp()
  const channel = await opened()
  channel.send(encodeMessage(step1 as never))
  channel.send(encodeMessage({ type: 'awareness', entries: Uint8Array.of(0) }))
  assert.is(channel.sentMessages, 0)
  channel.send(encodeMessage({ type: 'step2', update: update('a') }).buffer as ArrayBuffer)
  channel.send(encodeMessage({ type: 'update', update: update('b') }))
  assert.is(channel.sentMessages, 2)
  server.say({ type: 'saved', count: 1, position: 1 })
  assert.is(channel.savedMessages, 1)
})

test('[P8] after a refusal no document message goes out; one over the server’s limit is 4413', async () => {
  const { server, opened } = setUp()
  const channel = await opened()
  channel.send(encodeMessage({ type: 'step2', update: update('a') }))
  server.say({ type: 'rejected', number: 1, code: 'read_only', reason: 'no' })
  channel.send(encodeMessage({ type: 'update', update: update('b') }))
  channel.send(encodeMessage({ type: 'query-awareness' }))
  assert.equal(server.take(), [{ type: 'query-awareness' }])

  const small = setUp()
  const narrow = await small.opened({ limits: { ...WELCOME.limits, maxFrameBytes: 20 } })
  narrow.send(encodeMessage({ type: 'update', update: update('far too much to send') }))
  assert.equal(small.events, ['open', 'error', 'close 4413 over 20 bytes'])
})

test('[P8] what breaks the protocol ends it with 4400', async () => {
  for (const frame of [Uint8Array.of(99), Uint8Array.of(), Uint8Array.of(2, 0, 0)]) {
    const { server, opened, events } = setUp()
    await opened()
    server.say(frame)
    assert.match(events.join(), /close 4400/)
  }
})

test('[P9] behaves as a WebSocket does: states, listeners, and what may be sent when', async () => {
  const { opened, make, server, ChannelClass } = setUp()
  const early = make()
  throwsCode('bad_request', () => early.send(Uint8Array.of(3)))
  early.close()
  await settle()
  const channel = await opened()
  throwsCode('bad_request', () => channel.send('text'))
  assert.equal([ChannelClass.CONNECTING, channel.OPEN, Channel.CLOSING, channel.CLOSED], [0, 1, 2, 3])
  let heard = 0
  const listener = (): void => void heard++
  channel.addEventListener('message', listener)
  server.say(step1)
  channel.removeEventListener('message', listener)
  server.say(step1)
  assert.is(heard, 1)
})

test('[P9] two that are made for one URL at the same time are two connections', async () => {
  const { opened, server } = setUp()
  const first = await opened()
  const pair = server.pair
  const second = await opened()
  assert.is.not(server.pair, pair)
  assert.equal([first.readyState, second.readyState], [Channel.OPEN, Channel.OPEN])
})

test('[P9] a local close ends it at once, and the event comes later', async () => {
  const { opened, events, clock, server } = setUp()
  const channel = await opened()
  let heard = 0
  const listener = (): void => void heard++
  channel.addEventListener('close', listener)
  channel.close()
  channel.close()
  channel.send(Uint8Array.of(3))
  assert.is(channel.readyState, Channel.CLOSING)
  assert.is(clock.pending, 0)
  assert.equal(server.take(), [])
  assert.is(channel.readyState, Channel.CLOSED)
  assert.equal(events, ['open', 'close 1000'])
  assert.is(heard, 1)
})

test('[P9] closed before it could open, it leaves no timer, no listener and no socket', async () => {
  const { make, clock, server, events, hasHint } = setUp()
  const early = make()
  early.close()
  await settle()
  assert.is(early.readyState, Channel.CLOSED)
  const dialing = make()
  await settle()
  dialing.close()
  server.take()
  assert.is(dialing.readyState, Channel.CLOSED)
  assert.is(clock.pending, 0)
  assert.is(hasHint(), false)
  assert.not(events.includes('open'))
})

test('[P2] a lost network is 1006, and the next channel waits for its time', async () => {
  const { opened, make, server, events, clock, told } = setUp()
  await opened()
  const before = server.pair
  before.cut()
  assert.equal(events, ['open', 'error', 'close 1006'])
  make()
  await settle()
  assert.is(server.pair, before)
  assert.is(told.at(-1)?.state, 'offline')
  clock.advance(clock.nextMs ?? 0)
  await settle()
  assert.is.not(server.pair, before)
  assert.is(told.at(-1)?.state, 'connecting')
})

test('[P2] a server that does not answer is given up', async () => {
  const { dialed, clock, events, server } = setUp({ openTimeoutMs: 15_000 })
  await dialed()
  clock.advance(15_000)
  assert.equal(events, ['error', 'close 1006 no answer'])
  server.take()
  assert.ok(server.close)
  assert.is(clock.pending, 0)
})

test('[P2] a token that cannot be fetched is a failure like another', async () => {
  let isOnline = false
  const token = async (): Promise<string> => {
    if (!isOnline) throw new TypeError('fetch failed')
    return 'fresh'
  }
  const { make, clock, events, server } = setUp({ token })
  make()
  await settle()
  assert.equal(events, ['error', 'close 1006 no token could be fetched'])
  isOnline = true
  make()
  clock.advance(1_000)
  await settle()
  assert.equal(server.pair.protocols, ['plenum.v1', 'bearer.fresh'])
})

test('[P2] a token that does not come in time is one, too, and is not used when it comes', async () => {
  const answers: ((token: string) => void)[] = []
  const token = (): Promise<string> => new Promise(resolve => answers.push(resolve))
  const { make, clock, events, told, server } = setUp({ token, tokenTimeoutMs: 20_000 })
  make()
  await settle()
  clock.advance(20_000)
  assert.equal(events, ['error', 'close 1006 no token could be fetched'])
  assert.is(clock.pending, 0)
  make()
  clock.advance(10_000)
  await settle()
  assert.is(told.at(-1)?.state, 'connecting')
  answers[0]!('late')
  await settle()
  assert.is(server.hasPair, false)
  answers[1]!('fresh')
  await settle()
  assert.equal(server.pair.protocols, ['plenum.v1', 'bearer.fresh'])
})

test('[P2] a token function is waited for without end where the app says so', async () => {
  let answer: (token: string) => void = () => {}
  const token = (): Promise<string> =>
    new Promise(resolve => {
      answer = resolve
    })
  const { make, clock, events, server } = setUp({ token, tokenTimeoutMs: Number.POSITIVE_INFINITY })
  make()
  await settle()
  assert.is(clock.pending, 0)
  clock.advance(3_600_000)
  await settle()
  assert.equal(events, [])
  answer('at last')
  await settle()
  assert.equal(server.pair.protocols, ['plenum.v1', 'bearer.at last'])
})

test('[P10] when the network or the user comes back, a waiting channel goes on at once', async () => {
  const { opened, make, server, hint, hasHint, clock } = setUp()
  await opened()
  const before = server.pair
  before.cut()
  assert.is(hasHint(), false)
  make()
  assert.is(hasHint(), true)
  hint()
  await settle()
  assert.is.not(server.pair, before)
  assert.is(hasHint(), false)
  server.pair.cut()
  assert.is(clock.pending, 0)
})

test('[P3] after a draining notice the next channel comes when the server said', async () => {
  const { opened, make, server, hint, clock } = setUp()
  await opened()
  const before = server.pair
  server.say({ type: 'notice', kind: 'draining', retryAfterMs: 5_000 })
  server.pair.server.close(4503, 'draining')
  server.take()
  make()
  hint()
  clock.advance(5_000)
  await settle()
  assert.is(server.pair, before)
  clock.advance(500)
  await settle()
  assert.is.not(server.pair, before)
})

const closeWith = (server: ScriptedServer, code: number, reason = 'r'): void => {
  server.pair.server.close(code, reason)
  server.take()
}

test('[P4] after a permanent close, an owner that comes back by itself is kept waiting, and resume lets it go', async () => {
  const { opened, make, server, told, ChannelClass } = setUp()
  await opened()
  const before = server.pair
  closeWith(server, 4403, 'access denied')
  const waiting = make()
  await settle()
  assert.is(waiting.readyState, Channel.CONNECTING)
  assert.is(server.pair, before)
  assert.equal(told.at(-1), { state: 'closed', code: 4403, reason: 'access denied' })
  ChannelClass.resume()
  await settle()
  assert.is.not(server.pair, before)
})

test('[P4] an owner that lets go of what waits, or stopped by itself, resumes by coming back', async () => {
  const letGo = setUp()
  await letGo.opened()
  const before = letGo.server.pair
  closeWith(letGo.server, 4404)
  letGo.make().close()
  letGo.make()
  await settle()
  assert.is.not(letGo.server.pair, before)

  const stopped = setUp()
  const channel = await stopped.opened()
  const old = stopped.server.pair
  channel.onclose = () => {
    channel.onclose = null
  }
  closeWith(stopped.server, 4404)
  stopped.make()
  await settle()
  assert.is.not(stopped.server.pair, old)
})

test('[P4] 1009 is told as 4413', async () => {
  const { opened, server, events } = setUp()
  await opened()
  closeWith(server, 1009, '')
  assert.equal(events, ['open', 'close 4413 too large'])
})

test('[P5] an expired token is answered with a fresh one, unseen; two in a row need a login', async () => {
  let asked = 0
  const { opened, make, server, told } = setUp({ token: () => `t${++asked}` })
  await opened()
  closeWith(server, 4501)
  make()
  await settle()
  assert.equal(server.pair.protocols, ['plenum.v1', 'bearer.t2'])
  server.pair.accept()
  closeWith(server, 4501, 'expired')
  assert.equal(told.at(-1), { state: 'needs-auth', code: 4501, reason: 'expired' })
})

test('[P5] a token is renewed in place before it ends, by the server’s clock', async () => {
  let asked = 0
  const { opened, server, clock } = setUp({ token: async () => `t${++asked}` })
  const ends = WELCOME.serverTimeMs + 10_000
  await opened({ expiresAtMs: ends })
  clock.advance(8_000)
  await settle()
  assert.equal(server.take(), [{ type: 'authenticate', token: 't2' }])
  server.say({ type: 'access', role: 'write', expiresAtMs: ends + 600_000 })
  for (let waited = 0; waited < 602_000 - 60_000; waited += 20_000) {
    await settle()
    assert.equal(server.take(), [], `after ${waited} ms`)
    clock.advance(20_000)
    server.say({ type: 'awareness', entries: Uint8Array.of(0) })
  }
  await settle()
  assert.equal(server.take(), [{ type: 'authenticate', token: 't3' }])
})

test('[P5] a token that nobody can renew is left alone', async () => {
  const { opened, clock, server } = setUp()
  await opened({ expiresAtMs: WELCOME.serverTimeMs + 10_000 })
  clock.advance(20_000)
  await settle()
  assert.equal(server.take(), [])
  // It listens for the server's silence, and for nothing else.
  assert.is(clock.pending, 1)
})

test('[P36] a server that is silent for 30 s is given up, whatever the date says; any word will do', async () => {
  const { opened, server, clock, told } = setUp()
  const realNow = Date.now
  try {
    await opened()
    clock.advance(29_000)
    server.say({ type: 'saved', count: 0, position: 1 })
    Date.now = () => realNow() - 3 * 3_600_000
    clock.advance(29_999)
    assert.is(told.at(-1)?.state, 'connected')
    clock.advance(1)
    assert.is(told.at(-1)?.state, 'offline')
    assert.is(server.close, null)
    server.take()
    assert.is((server.close as unknown as { code: number }).code, 1000)
    assert.is(clock.pending, 0)
  } finally {
    Date.now = realNow
  }
})

test('[D45] after a freeze what waits is read first, and what is silent then is given up', async () => {
  for (const isAlive of [true, false]) {
    const { opened, server, clock, told } = setUp()
    await opened()
    clock.freeze(600_000)
    clock.advance(0)
    if (isAlive) server.say({ type: 'saved', count: 0, position: 1 })
    clock.advance(3_000)
    assert.is(told.at(-1)?.state, isAlive ? 'connected' : 'offline')
  }
})

test('[D45] a page that goes on after a freeze gives its owner a word before the owner’s timers run', async () => {
  const page = Object.assign(new EventTarget(), { visibilityState: 'visible' })
  Object.assign(globalThis, { document: page })
  try {
    const { opened, received } = setUp()
    const channel = await opened()
    page.dispatchEvent(new Event('resume'))
    assert.equal(received, [EMPTY_AWARENESS_FRAME])
    channel.close()
    page.dispatchEvent(new Event('resume'))
    assert.is(received.length, 1)
  } finally {
    Object.assign(globalThis, { document: undefined })
  }
})

test('[P6] nobody logged in needs a login, without a connection', async () => {
  const { make, told, events } = setUp({ token: () => null })
  make()
  await settle()
  assert.equal(events, ['close 4401 the app has no token'])
  assert.is(told.at(-1)?.state, 'needs-auth')
})
