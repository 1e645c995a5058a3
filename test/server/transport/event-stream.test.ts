/** What only the second door has: requests that come twice, late, out of order or from somebody else. Real sockets. */
import { connect, type Socket } from 'node:net'
import type { Access } from '../../../server/space/peer.js'
import type { Gate } from '../../../server/transport/ports.js'
import { PlenumError } from '../../../shared/errors.js'
import { encodeFrames } from '../../../shared/protocol/index.js'
import { type DoorSettings, type OpenDoor, openDoor, textOf } from '../../support/open-door.js'
import { ask, codeOf, StreamClient, type StreamClientOptions } from '../../support/stream-client.js'
import { assert, suite } from '../../support/suite.js'
import { until } from '../../support/until.js'

const test = suite('event stream door')

let door: OpenDoor
let clients: StreamClient[] = []
const open = async (settings: DoorSettings = {}): Promise<OpenDoor> => {
  door = await openDoor(settings)
  return door
}

test.after.each(async () => {
  for (const client of clients) client.terminate()
  clients = []
  await door?.close()
})

const client = async (options: Partial<StreamClientOptions> = {}): Promise<StreamClient> => {
  const token = options.token === undefined ? await door.token() : options.token
  const made = new StreamClient({ port: door.port, target: '/sync/demo', ...options, token })
  clients.push(made)
  return made
}

const join = async (options: Partial<StreamClientOptions> = {}): Promise<StreamClient> => {
  const made = await client(options)
  await made.untilOpen()
  return made
}

const BEAT = { beatMs: 1_000, stuckMs: 3_000 }

/** A request written byte for byte. */
const raw = (text: string): Socket => {
  const socket = connect(door.port, '127.0.0.1')
  socket.on('error', () => {})
  socket.write(text)
  return socket
}

const one = (byte: number): Uint8Array => encodeFrames([Uint8Array.of(byte)])
const firstBytes = (frames: readonly Uint8Array[]): (number | undefined)[] => frames.map(([first]) => first)

test('[D18] an answer that does not end begins at once, tells proxies to let it through, and opens the session', async () => {
  await open()
  const stream = await join({ headers: { 'accept-encoding': 'gzip, br' } })
  const headers = await stream.headers
  assert.is(headers['content-type'], 'text/event-stream; charset=utf-8')
  assert.is(headers['cache-control'], 'no-cache, no-store, no-transform')
  assert.is(headers['x-accel-buffering'], 'no')
  assert.is(headers['content-encoding'], undefined)
  assert.is(headers['content-length'], undefined)
  assert.is(stream.events[0]?.name, 'open')
  assert.is(JSON.parse(stream.events[0]!.data).beatMs, 15_000)
  assert.ok(stream.session.length >= 20, 'nobody guesses it')
  assert.is((await door.registry.session()).dialect, 'plenum')
  assert.is(door.streams.connections, 1)
  await door.untilTold('opened plenum')
})

test('[D18] frames come down each as one event, whatever their bytes, and those of one tick in one write', async () => {
  await open()
  const stream = await join()
  const { peer } = await door.registry.session()
  const frames = [new Uint8Array(0), Uint8Array.of(10, 13, 0, 255), new Uint8Array(100_000).fill(7)]
  for (const frame of frames) peer.send(frame)
  await stream.untilEvents(({ frames: { length } }) => length === 3)
  assert.equal(
    stream.frames.map(frame => [...frame]),
    frames.map(frame => [...frame]),
  )
})

test('[D18] what asks for no event stream is told what to ask for', async () => {
  await open()
  const headers = { authorization: `Bearer ${await door.token()}` }
  const asked = (method: string) => ask({ port: door.port, method, target: '/sync/demo', headers })
  assert.is((await asked('GET')).status, 400)
  for (const method of ['PUT', 'HEAD']) {
    const answer = await asked(method)
    assert.is(answer.status, 405)
    assert.is(answer.headers.allow, 'GET, POST, DELETE, OPTIONS')
  }
  assert.is(door.admission.connections, 0)
})

test('[D19] a POST that comes again has no effect again, one that is ahead is told what is missing', async () => {
  await open()
  const stream = await join()
  const session = await door.registry.session()
  const statuses: number[] = []
  for (const [number, byte] of [
    [1, 1],
    [1, 9],
    [3, 3],
    [2, 2],
    [1, 9],
    [3, 3],
  ] as const) {
    const answer = await stream.post(number, one(byte))
    statuses.push(answer.status)
    if (answer.status === 409) {
      assert.equal(JSON.parse(answer.body), {
        code: 'out_of_order',
        message: 'a request of this session is missing',
        retryable: true,
        expected: 2,
      })
    }
  }
  assert.equal(statuses, [204, 204, 409, 204, 204, 204])
  assert.equal(firstBytes(session.frames), [1, 2, 3])
})

test('[D19] a POST that comes again while the first is handled waits for the same end; the next waits for its turn', async () => {
  await open()
  const stream = await join()
  const session = await door.registry.session()
  let goOn = (): void => {}
  session.onFrame = () =>
    new Promise(resolve => {
      goOn = resolve
    })
  const order: string[] = []
  const post = (name: string, number: number): Promise<void> =>
    stream.post(number, one(number)).then(({ status }) => void order.push(`${name} ${status}`))
  const first = post('first', 1)
  await session.untilEvents(({ frames }) => frames.length === 1)
  const again = post('again', 1)
  const second = post('second', 2)
  // All three are at the server: a fourth that is answered at once came behind them.
  await until('they wait', async () => (await stream.post(9, one(9))).status === 409)
  assert.equal(order, [])
  session.onFrame = () => {}
  goOn()
  await Promise.all([first, again, second])
  assert.equal([...order].sort(), ['again 204', 'first 204', 'second 204'])
  assert.equal(firstBytes(session.frames), [1, 2])
})

test('[D19] a body that is cut off counts for nothing, and its number is free for another attempt', async () => {
  await open()
  const stream = await join()
  const session = await door.registry.session()
  const head = async (length: number): Promise<string> =>
    [
      'POST /sync/demo HTTP/1.1',
      'Host: x',
      `Authorization: Bearer ${await door.token()}`,
      `Plenum-Session: ${stream.session}`,
      'Plenum-Seq: 1',
      `Content-Length: ${length}`,
      '\r\n',
    ].join('\r\n')
  const cut = raw(`${await head(100)}abc`)
  await until('its head is there', () => door.requests === 2)
  cut.destroy()
  // One that hangs does not hold up who comes after it, nor does it count.
  const hanging = raw(`${await head(100)}abc`)
  await until('it counts', async () => (await stream.post(1, one(1))).status === 204)
  assert.equal(firstBytes(session.frames), [1])
  hanging.destroy()
  assert.is((await stream.post(2, one(2))).status, 204)
  assert.not(session.hasLeft)
})

test('[D19] a malformed body closes the session as malformed, and so does not count', async () => {
  await open()
  const stream = await join()
  const session = await door.registry.session()
  const answer = await stream.post(1, Uint8Array.of(5, 1))
  assert.is(answer.status, 400)
  assert.is(codeOf(answer), 'malformed')
  const ending = await stream.ended
  assert.is(ending.type === 'closed' && ending.code, 4400)
  assert.is(session.frames.length, 0)
  assert.ok(session.hasLeft)
  assert.is((await stream.post(1, one(1))).status, 404)
})

test('[D20] requests of a session need a token of the same user for the same space, at any time', async () => {
  await open()
  const stream = await join()
  const session = await door.registry.session()
  const tokens: readonly (readonly [string | null, string, number, string])[] = [
    [null, '/sync/demo', 401, 'unauthenticated'],
    ['x', '/sync/demo', 401, 'unauthenticated'],
    [await door.token({ '**': 'write' }, 'eve'), '/sync/demo', 403, 'forbidden'],
    [await door.token({ other: 'write' }), '/sync/demo', 403, 'forbidden'],
    [await door.token(), '/sync/other', 404, 'no_session'],
    [await door.token({ '**': 'write' }, 'ann', -1_000), '/sync/demo', 401, 'token_expired'],
  ]
  for (const [token, target, status, code] of tokens) {
    for (const [method, numbers] of [
      ['POST', { 'plenum-seq': '1' }],
      ['GET', { 'plenum-poll': '2', accept: 'text/event-stream' }],
      ['DELETE', {}],
    ] as const) {
      const headers = {
        'plenum-session': stream.session,
        ...numbers,
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      }
      const answer = await ask({ port: door.port, method, target, headers })
      const isGoodLeave = method === 'DELETE' && code === 'no_session'
      assert.is(answer.status, isGoodLeave ? 204 : status, `${method} ${code}`)
      if (!isGoodLeave) assert.is(codeOf(answer), code)
    }
  }
  assert.not(session.hasLeft)
  assert.is(session.frames.length, 0)
  // A token that ended meanwhile is no better for having been good, a fresh one is.
  assert.is((await stream.post(1, one(1))).status, 204)
  door.nowMs += 61_000
  assert.is((await stream.post(2, one(2))).status, 401)
  const headers = {
    'plenum-session': stream.session,
    'plenum-seq': '2',
    authorization: `Bearer ${await door.token()}`,
  }
  const fresh = await ask({ port: door.port, method: 'POST', target: '/sync/demo', headers, body: one(2) })
  assert.is(fresh.status, 204)
})

test('[D20] so they do where an application knows its users by a cookie, or by another header', async () => {
  for (const name of ['cookie', 'x-user']) {
    const gate: Gate = {
      admit: async ({ headers }) => {
        const user = headers?.[name]
        if (typeof user !== 'string') throw new PlenumError('unauthenticated')
        return { user, name: null, role: 'write', expiresAtMs: null } as Access
      },
      renew: () => Promise.reject(new PlenumError('unauthenticated')),
    }
    await open({ options: { gate } })
    const stream = await join({ token: null, headers: { [name]: 'ann' } })
    const session = await door.registry.session()
    const statusFor = async (headers: Record<string, string>): Promise<number> => {
      const numbers = { 'plenum-session': stream.session, 'plenum-seq': '1' }
      const all = { ...numbers, ...headers }
      const request = { port: door.port, method: 'POST', target: '/sync/demo', headers: all, body: one(1) }
      return (await ask(request)).status
    }
    assert.is(await statusFor({}), 401, name)
    assert.is(await statusFor({ [name]: 'eve' }), 403, name)
    assert.is(session.frames.length, 0)
    assert.is(await statusFor({ [name]: 'ann' }), 204, name)
    assert.is(session.frames.length, 1)
    stream.terminate()
    await door.close()
  }
})

test('[D20] requests of a session that has ended, or never was, are told so', async () => {
  await open()
  const stream = await join()
  const session = await door.registry.session()
  assert.is((await stream.leave()).status, 204)
  assert.ok(session.hasLeft)
  await stream.ended
  assert.is((await stream.leave()).status, 204)
  const late = await stream.post(1, one(1))
  assert.is(late.status, 404)
  assert.is(codeOf(late), 'no_session')
  stream.session = 'x'
  assert.is((await stream.post(1, one(1))).status, 404)
  assert.is(door.admission.connections, 0)
})

test('[D20] one that ends while the token of a request is looked at is told so as well', async () => {
  let looked = (): void => {}
  let [asked, isLooking] = [0, Promise.resolve()]
  const gate: Gate = {
    admit: async () => {
      asked++
      await isLooking
      return { user: 'ann', name: null, role: 'write', expiresAtMs: null } as Access
    },
    renew: () => Promise.reject(new PlenumError('unauthenticated')),
  }
  await open({ options: { gate, heartbeat: BEAT } })
  const stream = await client({ token: null, delivery: 'poll' })
  stream.pollsAtMost = 1
  await stream.untilOpen()
  const session = await door.registry.session()
  isLooking = new Promise(resolve => {
    looked = resolve
  })

  const poll = stream.poll(2)
  await until('its token is looked at', () => asked === 2)
  for (let beat = 0; beat < 3; beat++) door.beat(BEAT.beatMs)
  assert.ok(session.hasLeft)
  looked()

  assert.is(codeOf(await poll), 'no_session')
})

test('[D20] a server that is full or draining serves those inside, and counts bad tokens of theirs', async () => {
  await open({
    limits: { maxConnections: 1, maxConnectionsPerIp: 1, maxFailedUpgradesPerMinute: 2 },
    options: { trustedProxies: 1 },
  })
  const headers = { 'x-forwarded-for': '203.0.113.7' }
  const stream = await join({ headers })
  const full = await (await client({ headers })).ended
  assert.is(full.type === 'refused' && full.answer.status, 429)
  assert.is((await stream.send(Uint8Array.of(1))).status, 204)
  door.streams.stopAccepting()
  assert.is((await stream.send(Uint8Array.of(2))).status, 204)
  const bad = { ...headers, authorization: 'Bearer x' }
  for (const status of [401, 401, 429]) assert.is((await stream.post(3, one(3), bad)).status, status)
})

test('[D21] a poll is answered with what is there, held while there is nothing, and what waits counts as unsent', async () => {
  await open()
  const stream = await join({ delivery: 'poll' })
  const { peer } = await door.registry.session()
  const headers = await stream.headers
  assert.ok(Number(headers['content-length']) > 0)
  peer.send(Uint8Array.of(1))
  await stream.untilEvents(({ frames }) => frames.length === 1)
  await until('the next poll is held', () => door.requests === 3)
  peer.send(Uint8Array.of(2))
  await stream.untilEvents(({ frames }) => frames.length === 2)
  stream.pause()
  await until('it is out', () => peer.bufferedBytes === 0)
  peer.send(new Uint8Array(3_000))
  peer.send(Uint8Array.of(4))
  await until('they wait', () => peer.bufferedBytes > 4_000)
  stream.resume()
  await stream.untilEvents(({ frames }) => frames.length === 4)
  await (await door.registry.session()).untilEvents(({ events }) =>
    events.some(({ type }) => type === 'drained'),
  )
  peer.close('replaced')
  const ending = await stream.ended
  assert.is(ending.type === 'closed' && ending.code, 4410)
  await door.untilTold('closed plenum replaced')
})

test('[D21] a poll that comes again, is ahead or comes beside another ends the session', async () => {
  await open()
  for (const [index, number] of [1, 2, 4].entries()) {
    const before = door.requests
    const stream = await join({ delivery: 'poll' })
    const session = await door.registry.session(index)
    session.peer.send(Uint8Array.of(1))
    await stream.untilEvents(({ frames }) => frames.length === 1)
    await until('poll 3 is held', () => door.requests === before + 3)
    const answer = await stream.poll(number)
    assert.is(answer.status, 409)
    assert.is(codeOf(answer), 'out_of_order')
    const ending = await stream.ended
    assert.is(ending.type === 'closed' && ending.code, 4500)
    assert.ok(session.hasLeft)
  }
  await until('no place is held', () => door.admission.connections === 0)
})

test('[D21] a poll whose client goes away ends the session at once', async () => {
  await open()
  const stream = await join({ delivery: 'poll' })
  const session = await door.registry.session()
  session.peer.send(Uint8Array.of(1))
  await stream.untilEvents(({ frames }) => frames.length === 1)
  await until('the next poll is held', () => door.requests === 3)
  stream.drop()
  await session.untilEvents(({ hasLeft }) => hasLeft)
  await until('no place is held', () => door.admission.connections === 0)
})

test('[D22] a beat asks by a ping, an empty POST or the next poll answers', async () => {
  await open({ options: { heartbeat: BEAT } })
  for (const delivery of ['stream', 'poll'] as const) {
    const stream = await join({ delivery })
    const session = await door.registry.session(door.registry.sessions.length - 1)
    for (let beat = 1; beat <= 4; beat++) {
      door.nowMs += 1_000
      door.streams.sweep(door.nowMs)
      await stream.untilEvents(({ events }) => events.filter(({ name }) => name === 'ping').length === beat)
      // Behind the answer to the ping.
      await stream.send(Uint8Array.of(beat))
      await until('it polls again', () => delivery === 'stream' || session.frames.length === beat)
    }
    assert.not(session.hasLeft)
    stream.drop()
    await session.untilEvents(({ hasLeft }) => hasLeft)
  }
})

test('[D22] who neither answers nor asks again is gone at the second beat', async () => {
  await open({ options: { heartbeat: BEAT } })
  const stream = await join()
  stream.isAnswering = false
  const poller = await join({ delivery: 'poll' })
  const sessions = [await door.registry.session(0), await door.registry.session(1)]
  sessions[1]!.peer.send(Uint8Array.of(1))
  await poller.untilEvents(({ frames }) => frames.length === 1)
  poller.pause()
  for (let beat = 0; beat < 2; beat++) {
    assert.ok(sessions.every(({ hasLeft }) => !hasLeft))
    door.nowMs += 1_000
    door.streams.sweep(door.nowMs)
  }
  assert.ok(sessions.every(({ hasLeft }) => hasLeft))
  await door.untilTold('closed plenum half_open')
  await until('no place is held', () => door.admission.connections === 0)
})

test('[D23] pages of allowed origins are let in by their browsers, others are not, whatever the answer', async () => {
  await open({ limits: { origins: ['https://app.example'] } })
  const from = async (origin: string, method: string, headers: Record<string, string> = {}) =>
    ask({ port: door.port, method, target: '/sync/demo', headers: { origin, ...headers } })
  const preflight = await from('https://app.example', 'OPTIONS')
  assert.is(preflight.status, 204)
  assert.is(preflight.headers['access-control-allow-methods'], 'GET, POST, DELETE')
  assert.is(
    preflight.headers['access-control-allow-headers'],
    'authorization, content-type, plenum-session, plenum-seq, plenum-poll',
  )
  assert.ok(Number(preflight.headers['access-control-max-age']) > 0)
  const stream = await join({ headers: { origin: 'https://app.example' } })
  const answers = [
    preflight,
    { headers: await stream.headers },
    await stream.send(Uint8Array.of(1)),
    await from('https://app.example', 'POST', { 'plenum-seq': '1' }),
    await from('https://app.example', 'GET', { accept: 'text/event-stream' }),
    await from('https://app.example', 'PUT'),
    await stream.leave(),
  ]
  for (const { headers } of answers) {
    assert.is(headers['access-control-allow-origin'], 'https://app.example')
    assert.match(String(headers.vary), 'Origin')
  }
  for (const method of ['OPTIONS', 'GET', 'POST', 'DELETE']) {
    const token = await door.token()
    const headers = { accept: 'text/event-stream', authorization: `Bearer ${token}` }
    const answer = await from('https://evil.example', method, headers)
    assert.is(codeOf(answer), 'origin_denied')
    assert.is(answer.headers['access-control-allow-origin'], undefined)
    assert.is(answer.headers.vary, 'Origin')
  }
})

test('[D1] the second door reads the target as it came, too', async () => {
  await open()
  const token = await door.token()
  for (const [path, status] of [
    ['/sync/../etc/passwd', 400],
    ['/sync/a/../b', 400],
    ['/sync/%2e%2e/b', 400],
    ['/sync/', 400],
    ['/other', 404],
  ] as const) {
    const answer = await textOf(
      raw(
        `GET ${path} HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nAuthorization: Bearer ${token}\r\nConnection: close\r\n\r\n`,
      ),
    )
    assert.ok(answer.startsWith(`HTTP/1.1 ${status} `), `${path}: ${answer.split('\r\n')[0]}`)
  }
  assert.is(door.registry.sessions.length, 0)
})

test('[D24] a stream behind an unfinished answer of the same connection is refused, not queued', async () => {
  await open()
  const token = await door.token()
  const get = `GET /sync/demo HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nAuthorization: Bearer ${token}\r\n\r\n`
  const socket = raw(get + get)
  await door.untilTold('refused bad_request')
  assert.is(door.streams.connections, 1)
  socket.destroy()
  await until('no place is held', () => door.admission.connections === 0)
})

test('[D24] a client that stops reading is seen by what it has not taken, and again once it has', async () => {
  await open()
  const stream = await join()
  const session = await door.registry.session()
  stream.pause()
  session.peer.send(new Uint8Array(16 * 1024 * 1024))
  const stuck = await until('something is stuck', () => session.peer.bufferedBytes || null)
  stream.resume()
  const seen = new Set<number>()
  while (session.peer.bufferedBytes > 0) {
    seen.add(session.peer.bufferedBytes)
    await new Promise(resolve => setImmediate(resolve))
  }
  assert.ok(stuck > 16 * 1024 * 1024, 'text counts as it travels')
  assert.ok(seen.size > 3, `${seen.size} steps`)
  await session.untilEvents(({ events }) => events.some(({ type }) => type === 'drained'))
})

test('[D24] what one body holds is bounded, and so is who waits for a turn', async () => {
  await open({ options: { maxPayloadBytes: 1_000 } })
  const stream = await join()
  const session = await door.registry.session()
  assert.is((await stream.post(1, encodeFrames([new Uint8Array(1_000)]))).status, 204)
  let goOn = (): void => {}
  session.onFrame = () =>
    new Promise(resolve => {
      goOn = resolve
    })
  const posts = Array.from({ length: 8 }, () => stream.post(2, one(2)))
  await until(
    'some are sent away',
    () => door.told.filter(line => line === 'refused rate_limited').length === 3,
  )
  goOn()
  const statuses = (await Promise.all(posts)).map(({ status }) => status)
  assert.equal(statuses.filter(status => status === 204).length, 5)
  // A length is believed only where it is harmless; without one the bytes are counted.
  const answer = await stream.post(3, new Uint8Array(1_009)).catch(() => null)
  if (answer !== null) assert.is(answer.status, 413)
  const ending = await stream.ended
  assert.is(ending.type === 'closed' && ending.code, 4413)
  await door.untilTold('closed plenum too_large')
})

test('[D13] the second door, too, closes what fails in our hands, tells of it, and hurts nobody else', async () => {
  await open()
  const other = await join()
  const stream = await join()
  const session = await door.registry.session(1)
  session.onFrame = () => {
    throw new Error('our own bug')
  }
  const answer = await stream.send(Uint8Array.of(1))
  assert.is(answer.status, 500)
  assert.not.match(answer.body, 'bug')
  const ending = await stream.ended
  assert.is(ending.type === 'closed' && ending.code, 4500)
  await door.untilTold('error internal error')
  assert.is((await other.send(Uint8Array.of(1))).status, 204)
})

test('[D10] a join that fails ends the stream with its code and leaves nothing', async () => {
  await open()
  door.registry.onJoin = () => {
    throw new PlenumError('load_failed', undefined, { cause: new Error('the page is torn') })
  }
  const ending = await (await client()).ended
  assert.is(ending.type === 'closed' && ending.code, 4500)
  await until('no place is held', () => door.admission.connections === 0)
  assert.is(door.streams.connections, 0)
})

test('[G5] the second door repeats no token either', async () => {
  await open()
  const tokens = [await door.token(), await door.token({ other: 'read' }), await door.token({}, 'ann', -1)]
  const answers: string[] = []
  for (const token of tokens) {
    for (const method of ['GET', 'POST', 'DELETE', 'PUT']) {
      for (const target of [
        '/sync/demo',
        '/sync/../x',
        `/sync/demo?token=${token}`,
        `/sync/a?token=${token}broken`,
      ]) {
        const headers = {
          accept: 'text/event-stream',
          authorization: `Bearer ${token}`,
          'plenum-session': token,
          'plenum-seq': token,
          'plenum-poll': token,
        }
        const answer = await ask({ port: door.port, method, target, headers })
        answers.push(JSON.stringify(answer))
      }
    }
    const stream = await client({ token })
    if (token === tokens[0]) {
      await stream.untilOpen()
      await stream.send(Uint8Array.of(1))
      await stream.leave()
    }
    answers.push(JSON.stringify([await stream.ended, await stream.headers]))
  }
  const everything = [...answers, ...door.told].join('\n')
  for (const token of tokens) {
    for (const part of token.split('.').slice(1)) assert.not(everything.includes(part.slice(0, 24)))
  }
})

test('[D56] a body of many frames is handed on in parts, in order, and others have their turn in between', async () => {
  await open()
  const stream = await join()
  const session = await door.registry.session()
  let inOneTurn = 0
  let most = 0
  let isWatching = true
  session.onFrame = () => {
    most = Math.max(most, ++inOneTurn)
  }
  const watch = (): void => {
    inOneTurn = 0
    if (isWatching) setImmediate(watch)
  }
  watch()
  const frames = Array.from({ length: 4_096 }, (_, i) => Uint8Array.of(i >> 8, i & 255))
  const { status } = await stream.post(1, encodeFrames(frames))
  isWatching = false
  assert.is(status, 204)
  assert.equal(
    session.frames.map(([high = 0, low = 0]) => high * 256 + low),
    frames.map((_, i) => i),
  )
  assert.ok(most <= 256, `${most} in one turn`)
})
