/** What happens to a connection that was let in. Real sockets, fake spaces. */
import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import { unsentBytes } from '../../../server/transport/unsent.js'
import { PlenumError } from '../../../shared/errors.js'
import { type DoorSettings, ending, type OpenDoor, openDoor, textOf } from '../../support/open-door.js'
import { assert, suite } from '../../support/suite.js'
import { until } from '../../support/until.js'

const test = suite('websocket door')

let door: OpenDoor
const open = async (settings: DoorSettings = {}): Promise<OpenDoor> => {
  door = await openDoor(settings)
  return door
}

test.after.each(() => door?.close())

const BEAT = { beatMs: 1_000, stuckMs: 3_000 }

test('[D5] what a client sends before its space is open arrives, in order', async () => {
  await open()
  let ready = (): void => {}
  const isReady = new Promise<void>(resolve => {
    ready = resolve
  })
  let joining = (): void => {}
  const isJoining = new Promise<void>(resolve => {
    joining = resolve
  })
  door.registry.onJoin = () => {
    joining()
    return isReady
  }
  const client = await door.join()
  for (let i = 0; i < 100; i++) client.send(Uint8Array.of(i))
  await isJoining
  ready()

  const session = await door.registry.session()
  await session.untilEvents(({ frames }) => frames.length === 100)

  assert.equal(
    session.frames.map(([first]) => first),
    Array.from({ length: 100 }, (_, i) => i),
  )
})

test('[D5] frames that come in one packet with the handshake arrive', async () => {
  await open()
  const socket = door.raw(`/sync/demo?token=${await door.token()}`)
  // A masked binary frame of one byte, right behind the request: ws hands it over as the head.
  socket.write(Buffer.from([0x82, 0x81, 0, 0, 0, 0, 0x2a]))

  const session = await door.registry.session()
  await session.untilEvents(({ frames }) => frames.length === 1)

  assert.equal([...session.frames[0]!], [0x2a])
})

test('[D5] a session that asks for a pause gets one frame at a time, and the rest in order', async () => {
  await open()
  const client = await door.join()
  const session = await door.registry.session()
  let underWay = 0
  let most = 0
  session.onFrame = async () => {
    most = Math.max(most, ++underWay)
    await new Promise(resolve => setImmediate(resolve))
    underWay--
  }

  for (let i = 0; i < 200; i++) client.send(Uint8Array.of(i))
  await session.untilEvents(({ frames }) => frames.length === 200)

  assert.is(most, 1)
  assert.equal(
    session.frames.map(([first]) => first),
    Array.from({ length: 200 }, (_, i) => i),
  )
})

test('[D5] while a session has asked for a pause the sender is held back', async () => {
  await open()
  const client = await door.join()
  const session = await door.registry.session()
  let goOn = (): void => {}
  session.onFrame = () =>
    new Promise(resolve => {
      goOn = resolve
    })
  const chunk = new Uint8Array(512 * 1024)

  for (let i = 0; i < 64; i++) client.send(chunk)
  await session.untilEvents(({ frames }) => frames.length === 1)
  // Twice the same figure: nothing moves any more.
  let before = -1
  await until('the client stands still', async () => {
    await new Promise(resolve => setTimeout(resolve, 50))
    const isStill = client.bufferedAmount === before
    before = client.bufferedAmount
    return isStill
  })

  assert.ok(client.bufferedAmount > 16 * 1024 * 1024)
  assert.is(session.frames.length, 1)
  session.onFrame = () => {}
  goOn()
  await session.untilEvents(({ frames }) => frames.length === 64)
})

test('[D5] what was sent before a close arrives, although a pause was asked for', async () => {
  await open()
  const client = await door.join()
  const session = await door.registry.session()
  session.onFrame = () => new Promise(resolve => setImmediate(resolve))

  for (let i = 0; i < 50; i++) client.send(Uint8Array.of(i))
  client.close()
  await session.untilEvents(({ hasLeft }) => hasLeft)

  assert.is(session.frames.length, 50)
  assert.is(session.events.at(-1)?.type, 'left')
})

test('[D6] a text frame closes with 4400, and reaches nobody', async () => {
  await open()
  const client = await door.join()
  const session = await door.registry.session()

  client.send('hello')
  const outcome = await ending(client)

  assert.is(outcome.type === 'close' && outcome.code, 4400)
  assert.ok(session.hasLeft)
  assert.is(session.frames.length, 0)
  await door.untilTold('closed plenum malformed')
})

test('[D7] a frame beyond the limit closes with 1009 and counts as too large', async () => {
  await open({ options: { maxPayloadBytes: 1000 } })
  const client = await door.join()
  const session = await door.registry.session()

  client.send(new Uint8Array(1001))
  const outcome = await ending(client)

  assert.is(outcome.type === 'close' && outcome.code, 1009)
  assert.ok(session.hasLeft)
  await door.untilTold('closed plenum too_large')
})

test('[D7] [G11] the third such upload within a minute is not even accepted', async () => {
  await open({ options: { maxPayloadBytes: 1000 } })
  for (let i = 0; i < 2; i++) {
    const client = await door.join('demo', ['yjs'])
    client.send(new Uint8Array(1001))
    await ending(client)
  }
  await until(
    'both are counted',
    () => door.told.filter(line => line === 'closed stock too_large').length === 2,
  )

  const target = `/sync/demo?token=${await door.token()}`
  const stock = await ending(door.client(target, ['yjs']))
  const ours = await ending(door.client(target, ['plenum.v1']))

  assert.is(stock.type === 'status' && stock.status, 413)
  assert.is(stock.type === 'status' && stock.retryAfter, '600')
  assert.is(ours.type === 'close' && ours.code, 4413)
  door.nowMs += 600_000
  await door.join('demo', ['yjs'])
})

test('[D7] a frame that breaks the protocol ends the connection and no other', async () => {
  await open()
  const other = await door.join()
  const socket = door.raw(`/sync/demo?token=${await door.token()}`)
  const session = await door.registry.session(1)

  socket.resume()
  // Reserved bits, an unknown opcode, no mask.
  socket.write(Buffer.from([0xff, 0x01, 0x00]))
  await session.untilEvents(({ hasLeft }) => hasLeft)

  await door.untilTold('closed stock protocol_error')
  other.send(Uint8Array.of(1))
  await (await door.registry.session(0)).untilEvents(({ frames }) => frames.length === 1)
})

test('[D8] a half-open connection is gone at the second beat', async () => {
  await open({ options: { heartbeat: BEAT } })
  const socket = door.raw(`/sync/demo?token=${await door.token()}`)
  const session = await door.registry.session()
  // A peer that is there and says nothing: pings are not answered.
  socket.on('data', () => {})

  door.nowMs += 1_000
  door.door.sweep(door.nowMs)
  assert.not(session.hasLeft)
  door.nowMs += 1_000
  door.door.sweep(door.nowMs)

  assert.ok(session.hasLeft)
  await door.untilTold('closed stock half_open')
  assert.is(door.admission.connections, 0)
})

test('[D8] a client that answers stays', async () => {
  await open({ options: { heartbeat: BEAT } })
  const client = await door.join()
  const session = await door.registry.session()
  for (let beat = 0; beat < 5; beat++) {
    const isAsked = once(client, 'ping')
    door.nowMs += 1_000
    door.door.sweep(door.nowMs)
    await isAsked
    // Behind the pong on the same connection: when it is here, the pong is.
    client.send(Uint8Array.of(beat))
    await session.untilEvents(({ frames }) => frames.length === beat + 1)
  }

  assert.not(session.hasLeft)
})

test('[D9] a session is left when the close frame is here, not when the socket ends', async () => {
  await open()
  const socket = door.raw(`/sync/demo?token=${await door.token()}`)
  const session = await door.registry.session()

  // A close frame; the socket itself stays open on this side.
  socket.write(Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8]))
  await session.untilEvents(({ hasLeft }) => hasLeft)

  assert.is(door.admission.connections, 1)
  assert.is(session.events.filter(event => event.type === 'left').length, 1)
})

test('[D9] a session is left when the socket ends or breaks without a word', async () => {
  await open()
  const target = `/sync/demo?token=${await door.token()}`
  const ends = door.raw(target)
  const first = await door.registry.session(0)
  ends.end()
  await first.untilEvents(({ hasLeft }) => hasLeft)

  const breaks = door.raw(target)
  const second = await door.registry.session(1)
  breaks.resetAndDestroy()
  await second.untilEvents(({ hasLeft }) => hasLeft)

  await until('no place is held', () => door.admission.connections === 0)
})

test('[D10] a join that fails closes with its code and leaves nothing', async () => {
  await open()
  door.registry.onJoin = () => {
    throw new PlenumError('load_failed', undefined, { cause: new Error('the page is torn') })
  }

  const outcome = await ending(await door.join())

  assert.is(outcome.type === 'close' && outcome.code, 4500)
  assert.not.match(JSON.stringify(outcome), 'torn')
  await until('no place is held', () => door.admission.connections === 0)
  assert.is(door.door.connections, 0)
})

test('[D10] a client that leaves while it joins is left at once when it has joined', async () => {
  await open()
  let ready = (): void => {}
  const isReady = new Promise<void>(resolve => {
    ready = resolve
  })
  door.registry.onJoin = () => isReady
  const client = await door.join()
  client.terminate()
  ready()

  const session = await door.registry.session()
  await session.untilEvents(({ hasLeft }) => hasLeft)

  await until('no place is held', () => door.admission.connections === 0)
})

test('[D11] frames go out before the close that follows them, and it comes once', async () => {
  await open()
  const client = await door.join()
  const { peer } = await door.registry.session()
  const received: number[] = []
  client.on('message', data => received.push((data as Buffer)[0]!))

  for (let i = 0; i < 10; i++) peer.send(Uint8Array.of(i))
  peer.close('replaced', 'x'.repeat(500))
  peer.close('internal')
  peer.send(Uint8Array.of(99))
  const outcome = await ending(client)

  assert.equal(outcome, { type: 'close', code: 4410, reason: 'x'.repeat(123) })
  assert.equal(received, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  await door.untilTold('closed plenum replaced')
})

test('[D11] a peer that never answers a close is cut off', async () => {
  await open()
  const socket = door.raw(`/sync/demo?token=${await door.token()}`)
  const { peer } = await door.registry.session()
  socket.on('data', () => {})
  peer.close('too_slow')

  door.door.sweep(door.nowMs)
  assert.is(door.door.connections, 1)
  door.nowMs += 10_000
  door.door.sweep(door.nowMs)

  await door.untilTold('closed stock too_slow')
  assert.is(door.door.connections, 0)
})

test('[D12] what the operating system has not taken is seen to shrink within one large write', async () => {
  await open()
  const client = await door.join()
  const session = await door.registry.session()
  client.pause()
  const size = 32 * 1024 * 1024

  session.peer.send(new Uint8Array(size))
  const stuck = await until('something is stuck', () => session.peer.bufferedBytes || null)
  client.resume()
  const seen = new Set<number>()
  while (session.peer.bufferedBytes > 0) {
    seen.add(session.peer.bufferedBytes)
    await new Promise(resolve => setImmediate(resolve))
  }

  assert.ok(stuck > 0 && stuck < size, `${stuck} of ${size}`)
  assert.ok(seen.size > 3, `${seen.size} steps`)
  await session.untilEvents(({ events }) => events.some(event => event.type === 'drained'))
})

test('[D12] without the figures of the operating system those of Node stand', () => {
  const socketWith = (fields: object): Duplex => ({ writableLength: 100, ...fields }) as unknown as Duplex

  assert.is(unsentBytes(socketWith({})), 100)
  assert.is(unsentBytes(socketWith({ _handle: null, _writableState: { writelen: 60 } })), 100)
  assert.is(
    unsentBytes(socketWith({ _handle: { writeQueueSize: 10 }, _writableState: { writelen: 60 } })),
    50,
  )
  assert.is(
    unsentBytes(socketWith({ _handle: { writeQueueSize: 10 }, _writableState: { writelen: 999 } })),
    100,
  )
  assert.is(unsentBytes(socketWith({ writableLength: 0 })), 0)
})

test('[D13] a session that throws or rejects is closed as an internal error, and no other', async () => {
  await open()
  const other = await door.join()
  for (const [index, fail] of [
    [
      1,
      () => {
        throw new Error('our own bug')
      },
    ],
    [2, () => Promise.reject(new Error('our own bug'))],
  ] as const) {
    const client = await door.join()
    const session = await door.registry.session(index)
    session.onFrame = fail

    client.send(Uint8Array.of(1))
    const outcome = await ending(client)

    assert.equal(outcome, { type: 'close', code: 4500, reason: 'internal error' })
    assert.ok(session.hasLeft)
  }
  await door.untilTold('error internal error')
  other.send(Uint8Array.of(1))
  await (await door.registry.session(0)).untilEvents(({ frames }) => frames.length === 1)
})

test('[D16] a plenum client’s wish to go on is handed on, and what is no wish keeps nobody out', async () => {
  await open()
  const token = await door.token()
  const wishes = ['e1:7', 'e1:x', '', 'e1:7&after=e2:8', encodeURIComponent('e:1:7')]
  for (const wish of wishes) {
    await once(door.client(`/sync/demo?token=${token}&after=${wish}`, ['plenum.v1']), 'open')
  }
  await once(door.client(`/sync/demo?token=${token}&after=e1:7`, ['yjs']), 'open')
  const handed = await Promise.all([...wishes, 'stock'].map((_, at) => door.registry.session(at)))
  const e1 = { epoch: 'e1', position: 7 }
  assert.equal(
    handed.map(({ after }) => after),
    [e1, null, null, e1, { epoch: 'e:1', position: 7 }, null],
  )
  assert.not(
    door.told.some(line => line.includes('after=')),
    'it is in no log line',
  )
})

test('[G6] inside, a fresh token is judged for the same user and space', async () => {
  await open()
  await door.join()
  const { authenticate } = await door.registry.session()

  assert.is((await authenticate(await door.token({ demo: 'read' }))).role, 'read')
  for (const token of [await door.token({ other: 'read' }), await door.token({ demo: 'read' }, 'eve')]) {
    assert.instance(await authenticate(token).catch(error => error), PlenumError)
  }
})

test('[D9] closing the door ends what is left and gives every place back', async () => {
  await open()
  await door.join()
  const socket = door.raw(`/sync/demo?token=${await door.token()}`)
  const sessions = [await door.registry.session(0), await door.registry.session(1)]

  await door.door.close(10)

  assert.ok(sessions.every(({ hasLeft }) => hasLeft))
  await textOf(socket)
  await until('no place is held', () => door.admission.connections === 0)
})
