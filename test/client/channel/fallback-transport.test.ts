/** A channel that gets through: real sockets to a server that the test plays, and a clock that the test moves. */
import { WebSocket } from 'ws'
import type { Channel } from '../../../client/channel/channel.js'
import { type ChannelOptions, channelClass } from '../../../client/channel/channel-class.js'
import type { Door, DoorMemory } from '../../../client/channel/door-choice.js'
import { fallbackTransport } from '../../../client/channel/fallback-transport.js'
import type { SocketClass } from '../../../client/channel/socket.js'
import { EMPTY_AWARENESS_FRAME, encodeMessage } from '../../../shared/protocol/index.js'
import { FakeClock } from '../../support/fake-clock.js'
import { ScriptedStreamServer } from '../../support/scripted-stream-server.js'
import { assert, suite } from '../../support/suite.js'
import { until } from '../../support/until.js'

const test = suite('fallback transport')

let server: ScriptedStreamServer
const opened: Channel[] = []

test.before.each(async () => {
  server = await ScriptedStreamServer.open()
})
test.after.each(async () => {
  for (const channel of opened.splice(0)) channel.close()
  await server.close()
})

interface PageOptions {
  readonly memory?: Map<string, DoorMemory>
  readonly doors?: readonly Door[]
  readonly WebSocket?: SocketClass
  readonly openTimeoutMs?: number
  readonly token?: string
}

/** A page that comes back by itself, as a provider does. */
const openPage = ({
  memory = new Map(),
  WebSocket: Socket = WebSocket as never,
  token = 't.o.k',
  ...rest
}: PageOptions = {}) => {
  const clock = new FakeClock()
  const told: string[] = []
  let onHint = (): void => {}
  let waits = 0
  const hints = (listener: () => void) => {
    onHint = listener
    waits++
    return () => {}
  }
  const options: ChannelOptions = {
    token,
    clock,
    hints,
    transport: fallbackTransport({ WebSocket: Socket, clock, hints, memory, ...rest }),
    onConnection: ({ state }) => told.push(state),
  }
  const ChannelClass = channelClass(options)
  const page = {
    clock,
    told,
    memory,
    hint: () => onHint(),
    /** How often it began to wait for its next look. */
    get waits() {
      return waits
    },
    messages: 0,
    channel: null as unknown as Channel,
    connect: () => {
      const channel = new ChannelClass(server.url)
      opened.push(channel)
      page.channel = channel
      channel.onopen = () => told.push(`open ${channel.door}`)
      channel.onmessage = () => void page.messages++
      channel.onclose = ({ code }) => {
        told.push(`close ${code}`)
        if (code === 1012) page.connect()
      }
    },
    untilOpen: async (door: Door): Promise<void> => {
      await until(`open by ${door}`, () => page.channel.door === door)
    },
  }
  page.connect()
  return page
}

/** The clock moves once the next timer is due after so long. */
const passTimer = async (clock: FakeClock, delayMs: number): Promise<void> => {
  await until(`a timer of ${delayMs} ms`, () => clock.nextMs === delayMs)
  clock.advance(delayMs)
}

const getWays = (): string[] =>
  server.requestsOf('GET').map(({ url }) => (url.includes('delivery=poll') ? 'poll' : 'stream'))

test('[D49] a WebSocket that is refused is followed by a stream in the same attempt', async () => {
  const page = openPage()
  await page.untilOpen('event-stream')
  assert.equal(page.told, ['connecting', 'open event-stream', 'connected'])
})

test('[D49] so is one that opens and never answers', async () => {
  server.socketFate = 'silent'
  const page = openPage()
  await until('a silent WebSocket', () => server.sockets.length === 1)
  await passTimer(page.clock, 4_500)
  await page.untilOpen('event-stream')
  await until('the WebSocket is closed', () => (server.sockets[0]?.readyState ?? 0) >= WebSocket.CLOSING)
})

test('[D49] what holds back a stream is passed by polls, both ways', async () => {
  server.holdsBack = true
  const page = openPage()
  await until('a stream is asked for', () => server.requestsOf('GET').length === 1)
  await passTimer(page.clock, 4_500)
  await page.untilOpen('event-stream-poll')
  page.channel.send(encodeMessage({ type: 'update', update: Uint8Array.of(1) }))
  await server.untilReceived(1)
  assert.equal(page.told, ['connecting', 'open event-stream-poll', 'connected'])
})

test('[D49] a server that answers with a code of its own is believed at once', async () => {
  server.socketFate = 'silent'
  const page = openPage()
  const socket = await until('a WebSocket', () => server.sockets[0])
  socket.close(4403, 'no')
  await until('told', () => page.told.includes('close 4403'))
  assert.equal([page.told.at(-1), server.requests.length], ['closed', 0])
})

test('[D50] later attempts of a page begin where one got through, those of another page do not', async () => {
  const page = openPage()
  await page.untilOpen('event-stream')
  let sockets = 0
  class Counted extends WebSocket {
    constructor(url: string, protocols: string[]) {
      super(url, protocols)
      sockets++
    }
  }
  const same = openPage({ memory: page.memory, WebSocket: Counted as never })
  await same.untilOpen('event-stream')
  assert.is(sockets, 0)
  const other = openPage({ WebSocket: Counted as never })
  await other.untilOpen('event-stream')
  assert.is(sockets, 1)
})

test('[D50] where everything fails the connection is lost, and begins with a WebSocket again', async () => {
  server.refusal = { status: 502, body: '' }
  const page = openPage()
  await until('lost', () => page.told.includes('offline'))
  assert.equal(page.told, ['connecting', 'close 1006', 'offline'])
  assert.equal([getWays(), page.memory.size], [['stream'], 0])
})

test('[D51] it is back on a WebSocket once one opens and answers, at once and by a brief connecting', async () => {
  const page = openPage()
  await page.untilOpen('event-stream')
  await passTimer(page.clock, 15_000)
  await until('a look that fails', () => page.waits === 2)
  server.say(EMPTY_AWARENESS_FRAME)
  await until('a sign of life', () => page.messages === 1)
  server.socketFate = 'welcomed'
  server.answersProbes = true
  page.clock.advance(15_000)
  page.hint()
  await page.untilOpen('websocket')
  assert.equal(page.told, [
    'connecting',
    'open event-stream',
    'connected',
    'close 1012',
    'connecting',
    'open websocket',
    'connected',
  ])
  await until('the stream was left', () => server.requestsOf('DELETE').length === 1)
})

test('[D51] in a page that nobody looks at it waits for somebody instead of a timer', async () => {
  const page = { visibilityState: 'hidden', addEventListener: () => {}, removeEventListener: () => {} }
  Object.assign(globalThis, { document: page })
  try {
    const { clock, hint, untilOpen } = openPage()
    await untilOpen('event-stream')
    await passTimer(clock, 15_000)
    assert.is(server.probes, 0)
    page.visibilityState = 'visible'
    hint()
    await until('a look', () => server.probes === 1)
  } finally {
    Object.assign(globalThis, { document: undefined })
  }
})

test('[D49] a shorter patience leaves each door its turn', async () => {
  server.socketFate = 'silent'
  const page = openPage({ openTimeoutMs: 2_000 })
  await until('a silent WebSocket', () => server.sockets.length === 1)
  await passTimer(page.clock, 500)
  await page.untilOpen('event-stream')
})

test('[D51] it does not move while something is under way', async () => {
  const page = openPage()
  await page.untilOpen('event-stream')
  server.socketFate = 'welcomed'
  server.answersProbes = true
  page.clock.advance(14_900)
  server.fates.push('lost', 'lost')
  page.channel.send(encodeMessage({ type: 'update', update: Uint8Array.of(1) }))
  await until('lost once', () => server.requestsOf('POST').length === 1)
  await until('a retry is planned', () => page.clock.delaysMs.includes(250))
  await passTimer(page.clock, 100)
  await until('a look', () => server.probesAnswered === 1)
  await passTimer(page.clock, 150)
  await until('lost twice', () => server.requestsOf('POST').length === 2)
  assert.is(page.channel.door, 'event-stream')
  await until('out and in again', () => {
    page.clock.advance(50)
    return page.channel.door === 'websocket'
  })
  const ways = server.requests.map(({ method }) => method)
  assert.equal([ways, server.received.length], [['GET', 'POST', 'POST', 'POST', 'DELETE'], 1])
})

test('[D51] a WebSocket that fails after a good look is left alone for long', async () => {
  server.answersProbes = true
  const page = openPage()
  await page.untilOpen('event-stream')
  await passTimer(page.clock, 15_000)
  await until(
    'moved, and back on a stream',
    () => page.told.filter(told => told.startsWith('open')).length === 2,
  )
  assert.is(page.channel.door, 'event-stream')
  assert.is(server.probes, 1)
  page.clock.advance(590_000)
  page.hint()
  assert.is(server.probes, 1)
})

test('[D51] from polls it is back on a stream once one brings a sign of life', async () => {
  server.holdsBack = true
  const page = openPage({ doors: ['event-stream', 'event-stream-poll'] })
  await until('a stream is asked for', () => server.requestsOf('GET').length === 1)
  await passTimer(page.clock, 4_500)
  await page.untilOpen('event-stream-poll')
  server.holdsBack = false
  await passTimer(page.clock, 15_000)
  await until('a look at the stream', () => getWays().filter(way => way === 'stream').length === 2)
  await until('it streams', () => server.hasStream)
  server.ping()
  await page.untilOpen('event-stream')
  assert.ok(page.told.includes('close 1012'))
})

test('[D52] where there is no WebSocket class, and where only streams may be used, it begins with a stream', async () => {
  const page = openPage({ doors: ['event-stream'] })
  await page.untilOpen('event-stream')
  assert.is(page.clock.nextMs, 30_000, 'nothing to look for')
  page.channel.close()
  assert.is(page.channel.door, null)
})

test('[D46] once it is closed nothing of it is left: no timer, no request, no look', async () => {
  const page = openPage()
  await page.untilOpen('event-stream')
  page.channel.onclose = null
  page.channel.close()
  await until('left', () => server.requestsOf('DELETE').length === 1)
  await until('no timer', () => page.clock.pending === 0)
  await until('no stream', () => !server.hasStream)
})

test('[D46] when the last way stays silent, too, it is closed like those before', async () => {
  server.holdsBack = true
  const page = openPage({ doors: ['websocket', 'event-stream'] })
  await until('a stream is held back', () => server.heldBack === 1)
  await passTimer(page.clock, 4_500)
  assert.equal(page.told, ['connecting', 'close 1006', 'offline'])
  await until('nobody waits for it', () => server.heldBack === 0)
})

test('[D49] a way that cannot be used with this target ends the attempt, after a silent one as well', async () => {
  server.socketFate = 'silent'
  const page = openPage({ token: 't.ö€.k', WebSocket: Lenient as never })
  await until('a silent WebSocket', () => server.sockets.length === 1)
  await passTimer(page.clock, 4_500)
  await until('told', () => page.told.includes('offline'))
  assert.equal(page.told, ['connecting', 'close 1006', 'offline'])
  await until('the WebSocket is closed', () => (server.sockets[0]?.readyState ?? 0) >= WebSocket.CLOSING)
})

/** Takes a token that no header can carry. */
class Lenient extends WebSocket {
  constructor(url: string, [protocol]: string[]) {
    super(url, protocol)
  }
}
