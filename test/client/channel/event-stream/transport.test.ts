/** The transport over event streams and polls, against a server that the test plays on a real port. */
import {
  type EventStreamOptions,
  eventStreamTransport,
} from '../../../../client/channel/event-stream/transport.js'
import { encodeMessage, type ServerMessage } from '../../../../shared/protocol/index.js'
import { FakeClock } from '../../../support/fake-clock.js'
import { createRng, int } from '../../../support/rng.js'
import { WELCOME } from '../../../support/scripted-server.js'
import { ScriptedStreamServer } from '../../../support/scripted-stream-server.js'
import { assert, suite } from '../../../support/suite.js'
import { until } from '../../../support/until.js'

const test = suite('event stream transport')

let server: ScriptedStreamServer
const opened: { close(code: number, reason: string): void }[] = []

test.before.each(async () => {
  server = await ScriptedStreamServer.open()
})
test.after.each(async () => {
  for (const transport of opened.splice(0)) transport.close(1000, '')
  await server.close()
})

const saved = (count: number): ServerMessage => ({ type: 'saved', count, position: count })
const update = (byte: number) => encodeMessage({ type: 'update', update: Uint8Array.of(byte) })

const connect = (
  options: EventStreamOptions = {},
  { query = '', token = 't.o.k' }: { readonly query?: string; readonly token?: string | null } = {},
) => {
  const clock = new FakeClock()
  const told: string[] = []
  const frames: Uint8Array[] = []
  const protocols = ['plenum.v1', ...(token === null ? [] : [`bearer.${token}`])]
  const transport = eventStreamTransport({ clock, ...options })(
    { url: `${server.url}${query}`, protocols },
    {
      opened: () => told.push('open'),
      frame: data => frames.push(new Uint8Array(data as ArrayBuffer)),
      closed: ({ code, reason }) => told.push(`close ${code} ${reason}`),
      moved: () => {},
    },
  )
  opened.push(transport)
  const untilTold = (count: number): Promise<boolean> => until('told', () => told.length >= count)
  const untilFrames = (count: number): Promise<boolean> => until('frames', () => frames.length >= count)
  const send = (frame: Uint8Array): void => transport.send(frame as Uint8Array<ArrayBuffer>)
  return { transport, clock, told, frames, untilTold, untilFrames, send }
}

const DELIVERIES = ['stream', 'poll'] as const

for (const delivery of DELIVERIES) {
  test(`[D47] ${delivery}: frames come down and go up, each once and in order`, async () => {
    const { told, frames, untilFrames, send, transport } = connect({ delivery })
    await untilFrames(1)
    assert.equal([told, transport.protocol], [['open'], 'plenum.v1'])
    for (let count = 1; count <= 50; count++) {
      server.say(saved(count))
      send(update(count))
    }
    await untilFrames(51)
    await server.untilReceived(50)
    assert.equal(frames[0], encodeMessage(WELCOME))
    assert.equal(
      server.received.map(message => message.type === 'update' && message.update[0]),
      Array.from({ length: 50 }, (_, at) => at + 1),
    )
    await until('nothing is under way', () => transport.bufferedBytes === 0)
    assert.is(server.mostPosting, 1)
    assert.ok(server.requestsOf('POST').length <= 3, 'what gathers goes together')
  })

  test(`[D42] ${delivery}: the server’s close and its refusals end it with their codes`, async () => {
    const first = connect({ delivery })
    await first.untilFrames(1)
    server.sayClose(4401, 'no')
    await first.untilTold(2)
    assert.equal(first.told, ['open', 'close 4401 no'])

    for (const [status, body, told] of [
      [401, '{"code":"token_expired","message":"old"}', 'close 4501 old'],
      [403, '{"code":"forbidden","message":"no"}', 'close 4403 no'],
      [404, '{"code":"not_found","message":"no such route"}', 'close 1006 HTTP status 404'],
      [502, '<html>', 'close 1006 HTTP status 502'],
      [200, '{"hello":1}', 'close 1006 HTTP status 200'],
    ] as const) {
      server.refusal = { status, body }
      const other = connect({ delivery })
      await other.untilTold(1)
      assert.equal(other.told, [told])
    }
  })

  test(`[D46] ${delivery}: what was sent before the close goes out, then the session is left`, async () => {
    const { told, untilFrames, untilTold, send, transport } = connect({ delivery })
    await untilFrames(1)
    send(update(1))
    transport.close(1000, 'bye')
    send(update(2))
    await untilTold(2)
    await until('left', () => server.requestsOf('DELETE').length > 0)
    assert.equal([told.at(-1), server.received.length], ['close 1000 bye', 1])
    const [{ headers }] = server.requestsOf('DELETE') as [(typeof server.requests)[number]]
    assert.equal([headers['plenum-session'], headers.authorization], [server.session, 'Bearer t.o.k'])
  })

  test(`[D44] ${delivery}: each ping is answered, and two beats of silence end it`, async () => {
    let pings = 0
    const { told, clock, untilFrames, untilTold } = connect({ delivery, onPing: () => pings++ })
    await untilFrames(1)
    server.ping()
    const answers = (): number =>
      delivery === 'poll' ? server.requestsOf('GET').length - 3 : server.requestsOf('POST').length
    await until('answered', () => answers() === 1)
    assert.equal([pings, server.requestsOf('POST')[0]?.frames], [1, delivery === 'poll' ? undefined : 0])
    clock.advance(29_999)
    assert.equal(told, ['open'])
    clock.advance(1)
    await untilTold(2)
    assert.equal(told[1], 'close 1006 no sign of life')
  })
}

test('[D40] the same frames wherever the stream is cut, and a stream that ends is a lost connection', async () => {
  const { frames, untilFrames, untilTold, told } = connect()
  await untilFrames(1)
  const rng = createRng(11)
  const messages = Array.from({ length: 40 }, (_, at) => encodeMessage(saved(at)))
  const text = messages.map(frame => `data: ${Buffer.from(frame).toString('base64')}\n\n`).join('')
  for (let from = 0; from < text.length; ) {
    const to = from + int(rng, 1, 60)
    server.event(text.slice(from, to))
    from = to
    await new Promise(setImmediate)
  }
  await untilFrames(41)
  assert.equal(frames.slice(1), messages)
  server.endStream()
  await untilTold(2)
  assert.equal(told[1], 'close 1006 the stream ended')
})

test('[D40] what breaks the form of a stream is malformed', async () => {
  for (const text of ['data: ***\n\n', 'event: close\ndata: nothing\n\n']) {
    const { untilFrames, untilTold, told } = connect()
    await untilFrames(1)
    server.event(text)
    await untilTold(2)
    assert.match(told[1] ?? '', /^close 4400 malformed stream/)
  }
})

test('[D41] a POST whose fate is unknown is repeated under its number, and counts once', async () => {
  const { clock, untilFrames, send, told, transport } = connect()
  await untilFrames(1)
  server.fates.push('lost', 'answer-lost', { status: 502, body: '' })
  send(update(1))
  for (let retry = 0; retry < 3; retry++) {
    await until('a retry is planned', () => clock.nextMs === 250 * 2 ** retry)
    send(update(2 + retry))
    clock.advance(250 * 2 ** retry)
  }
  await server.untilReceived(4)
  await until('nothing is under way', () => transport.bufferedBytes === 0)
  assert.equal(
    server.requestsOf('POST').map(({ headers, frames }) => [headers['plenum-seq'], frames]),
    [
      ['1', 1],
      ['1', 1],
      ['1', 1],
      ['1', 1],
      ['2', 3],
    ],
  )
  assert.equal(told, ['open'])
})

test('[D46] a close does not wait for what does not get through: one more try, and no timer is left', async () => {
  for (const isBack of [true, false]) {
    const { clock, untilFrames, untilTold, send, transport, told } = connect()
    await untilFrames(1)
    const before = server.received.length
    server.fates.push('lost', isBack ? 'handled' : 'lost')
    send(update(1))
    await until('a retry is planned', () => clock.delaysMs.includes(250))
    transport.close(1000, '')
    await untilTold(2)
    assert.equal([told[1], server.received.length - before], ['close 1000 ', isBack ? 1 : 0])
    await until('no timer is left', () => clock.pending === 0)
  }
})

test('[D46] a network that swallows the last request keeps nobody waiting for its answer', async () => {
  let leaving: AbortSignal | null = null
  const request: typeof fetch = (input, init) => {
    if (init?.method !== 'DELETE') return fetch(input, init)
    const signal = init.signal as AbortSignal
    leaving = signal
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  }
  const { clock, untilFrames, untilTold, transport } = connect({ fetch: request })
  await untilFrames(1)
  transport.close(1000, '')
  await untilTold(2)
  const { aborted } = await until('it says that it leaves', () => leaving)
  assert.not(aborted)
  clock.advance(10_000)
  assert.ok((leaving as unknown as AbortSignal).aborted)
  assert.is(clock.pending, 0)
})

test('[D41] one that never gets through ends the connection, and one that is refused as the refusal says', async () => {
  const { clock, untilFrames, untilTold, send, told } = connect()
  await untilFrames(1)
  server.fates.push('lost', 'lost', 'lost', 'lost', 'lost', 'lost')
  send(update(1))
  for (const delayMs of [250, 500, 1_000, 2_000, 4_000]) {
    await until('a retry is planned', () => clock.nextMs === delayMs)
    clock.advance(delayMs)
  }
  await untilTold(2)
  assert.equal(told[1], 'close 1006 nothing goes up')

  for (const [status, body, expected] of [
    [413, '<html>', 'close 4413 '],
    [404, '{"code":"no_session","message":"gone"}', 'close 4500 gone'],
    [403, '<html>', 'close 1006 HTTP status 403'],
  ] as const) {
    const other = connect()
    await other.untilFrames(1)
    server.fates.push({ status, body })
    other.send(update(1))
    await other.untilTold(2)
    assert.equal(other.told[1], expected)
  }
})

test('[D41] a body holds no more than the server takes in one frame', async () => {
  const { untilFrames, send } = connect()
  server.greets = false
  await until('open', () => server.hasStream)
  server.say({ ...WELCOME, limits: { ...WELCOME.limits, maxFrameBytes: 100 } })
  await untilFrames(1)
  for (let at = 0; at < 10; at++) send(encodeMessage({ type: 'update', update: new Uint8Array(40) }))
  await server.untilReceived(10)
  assert.equal(
    server.requestsOf('POST').map(({ frames }) => frames),
    [2, 2, 2, 2, 2],
  )
})

test('[D43] the token is a header; a renewed one goes with the POST after the one that handed it in', async () => {
  const { untilFrames, send } = connect({}, { query: '?after=e1:5' })
  await untilFrames(1)
  send(update(1))
  send(encodeMessage({ type: 'authenticate', token: 'n.e.w' }))
  send(update(2))
  await server.untilReceived(3)
  assert.equal(
    server.requests.map(({ method, url, headers }) => [method, url, headers.authorization]),
    [
      ['GET', '/sync/demo?after=e1:5', 'Bearer t.o.k'],
      ['POST', '/sync/demo', 'Bearer t.o.k'],
      ['POST', '/sync/demo', 'Bearer n.e.w'],
    ],
  )
})

test('[D43] a renewed token that no header can carry breaks nothing: the one before goes on', async () => {
  const { untilFrames, send, transport } = connect()
  await untilFrames(1)
  send(encodeMessage({ type: 'authenticate', token: 'n☃w' }))
  send(update(1))
  await server.untilReceived(2)
  assert.equal(
    server.requestsOf('POST').map(({ headers }) => headers.authorization),
    ['Bearer t.o.k', 'Bearer t.o.k'],
  )
  transport.close(1000, '')
  await until('left', () => server.requestsOf('DELETE').length > 0)
})

test('[D43] where the URL carries the token, it goes on doing so', async () => {
  const { untilFrames, send } = connect({ delivery: 'poll' }, { query: '?token=q', token: null })
  await untilFrames(1)
  send(update(1))
  await server.untilReceived(1)
  for (const { url, headers } of server.requests) {
    assert.match(url, /token=q/)
    assert.is(headers.authorization, undefined)
  }
})

test('[D45] a page that was frozen does not take its own sleep for the server’s silence', async () => {
  const { clock, untilFrames, told } = connect()
  await untilFrames(1)
  clock.advance(10_000)
  clock.freeze(600_000)
  clock.advance(0)
  assert.equal(told, ['open'])
  server.ping()
  await until('answered', () => server.requestsOf('POST').length === 1)
  clock.advance(29_000)
  assert.equal(told, ['open'])
})

test('[D44] a stream that brought no ping before it fell silent was held back; another was cut off', async () => {
  for (const isPinged of [true, false]) {
    const { clock, untilFrames, untilTold, transport } = connect()
    await untilFrames(1)
    const before = server.requestsOf('POST').length
    if (isPinged) server.ping()
    if (isPinged) await until('answered', () => server.requestsOf('POST').length > before)
    clock.advance(30_000)
    await untilTold(2)
    assert.is(transport.isStalled, !isPinged)
  }
})

test('[D44] so was one that was over before a POST got through', async () => {
  for (const fate of ['lost', 'handled'] as const) {
    const { untilFrames, untilTold, transport, send } = connect()
    await untilFrames(1)
    server.fates.push(fate)
    send(update(1))
    await until('posted', () => (fate === 'lost' ? server.fates.length === 0 : transport.bufferedBytes === 0))
    server.endStream()
    await untilTold(2)
    assert.is(transport.isStalled, fate === 'lost')
  }
})

test('[D47] polls are numbered in their session, and the next one waits for news', async () => {
  const { untilFrames } = connect({ delivery: 'poll' })
  await untilFrames(1)
  server.say(saved(1))
  await untilFrames(2)
  await until('the next poll', () => server.requestsOf('GET').length >= 4)
  const polls = server.requestsOf('GET').map(({ headers }) => headers)
  assert.equal(
    polls.map(headers => [headers['plenum-session'], headers['plenum-poll']]),
    [undefined, 's1', 's1', 's1'].map((session, at) => [session, at === 0 ? undefined : String(at + 1)]),
  )
})
