/** What only a WebSocket does; what every door does is in the contract. Real sockets, fake spaces. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import { unsentBytes } from '../../../server/transport/unsent.js'
import { PlenumError } from '../../../shared/errors.js'
import { type DoorSettings, ending, type OpenDoor, openDoor } from '../../support/open-door.js'
import { assert, suite } from '../../support/suite.js'
import { until } from '../../support/until.js'

const test = suite('websocket door')

let door: OpenDoor
const open = async (settings: DoorSettings = {}): Promise<OpenDoor> => {
  door = await openDoor(settings)
  return door
}

test.after.each(() => door?.close())

test('[D5] frames that come in one packet with the handshake arrive', async () => {
  await open()
  const socket = door.raw(`/sync/demo?token=${await door.token()}`)
  // A masked binary frame of one byte, right behind the request: ws hands it over as the head.
  socket.write(Buffer.from([0x82, 0x81, 0, 0, 0, 0, 0x2a]))

  const session = await door.registry.session()
  await session.untilEvents(({ frames }) => frames.length === 1)

  assert.equal([...session.frames[0]!], [0x2a])
})

/** Until what it sends has nowhere left to go. */
const untilStill = async (client: WebSocket): Promise<void> => {
  // Twice the same figure: nothing moves any more.
  let before = -1
  await until('the client stands still', async () => {
    await new Promise(resolve => setTimeout(resolve, 50))
    const isStill = client.bufferedAmount === before
    before = client.bufferedAmount
    return isStill
  })
}

test('[D58] what waits while a session is busy is its own, whatever others send meanwhile', async () => {
  await open()
  const [client, other] = [await door.join(), await door.join()]
  const session = await door.registry.session()
  let goOn = (): void => {}
  session.onFrame = () =>
    new Promise(resolve => {
      goOn = resolve
    })
  const { _socket: socket } = client as unknown as { readonly _socket: Socket }
  socket.cork()
  for (const byte of [1, 2]) client.send(Uint8Array.of(byte, byte, byte))
  socket.uncork()
  await session.untilEvents(({ frames }) => frames.length === 1)
  const { length } = (await door.registry.session(1)).frames
  other.send(new Uint8Array(30_000).fill(9))
  await (await door.registry.session(1)).untilEvents(({ frames }) => frames.length > length)
  goOn()

  await session.untilEvents(({ frames }) => frames.length === 2)
  assert.equal([...session.frames[1]!], [2, 2, 2])
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
  await untilStill(client)

  assert.ok(client.bufferedAmount > 16 * 1024 * 1024)
  assert.is(session.frames.length, 1)
  session.onFrame = () => {}
  goOn()
  await session.untilEvents(({ frames }) => frames.length === 64)
})

test('[D55] who has sent much is read from in turn with others', async () => {
  await open()
  const client = await door.join()
  const session = await door.registry.session()
  let goOn = (): void => {}
  session.onFrame = () =>
    new Promise(resolve => {
      goOn = resolve
    })
  const [count, frame] = [24_000, new Uint8Array(1_000)]
  for (let i = 0; i < count; i++) client.send(frame)
  await session.untilEvents(({ frames }) => frames.length === 1)
  await untilStill(client)
  assert.ok(client.bufferedAmount > 0)

  let [inTurn, most] = [0, 0]
  session.onFrame = () => {
    if (inTurn++ === 0) {
      setImmediate(() => {
        most = Math.max(most, inTurn)
        inTurn = 0
      })
    }
  }
  goOn()
  await session.untilEvents(({ frames }) => frames.length === count)

  // One read is 65 of them; without turns it is 32 reads in a row.
  assert.ok(most < 300, `${most} in one turn`)
})

test('[D55] so is who was told to go, and goes on', async () => {
  await open()
  let onServer: Socket | null = null
  const heard = (message: unknown): void => {
    onServer = (message as { socket: Socket }).socket
  }
  subscribe('net.server.socket', heard)
  const client = await door.join()
  unsubscribe('net.server.socket', heard)
  const session = await door.registry.session()
  let refuse = (_error: Error): void => {}
  session.onFrame = () =>
    new Promise((_resolve, reject) => {
      refuse = reject
    })
  for (let i = 0; i < 24_000; i++) client.send(new Uint8Array(1_000))
  await session.untilEvents(({ frames }) => frames.length === 1)
  await untilStill(client)

  const socket = onServer as unknown as Socket
  let [most, before] = [0, socket.bytesRead]
  const look = (): void => {
    most = Math.max(most, socket.bytesRead - before)
    before = socket.bytesRead
    if (!socket.destroyed) setImmediate(look)
  }
  look()
  refuse(new PlenumError('malformed'))
  await ending(client)
  await once(socket, 'close')

  // Without turns, 32 reads of 64 KiB in a row.
  assert.ok(most > 0 && most <= 4 * 64 * 1024, `${most} bytes in one turn`)
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

test('[D16] a stock client has no wish to go on', async () => {
  await open()
  await once(door.client(`/sync/demo?token=${await door.token()}&after=e1:7`, ['yjs']), 'open')
  assert.is((await door.registry.session()).after, null)
})
