/** Compression where it was agreed on: the same frames for all, and inflating within bounds. Real sockets. */
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { constants, inflateRawSync } from 'node:zlib'
import type { WebSocket } from 'ws'
import { SharedFrames } from '../../../server/transport/websocket/shared-frames.js'
import { ending, type OpenDoor, openDoor } from '../../support/open-door.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('deflate')

let door: OpenDoor
test.before.each(async () => {
  door = await openDoor({ options: { isCompressing: true } })
})
test.after.each(() => door.close())

const join = async (isDeflating: boolean): Promise<WebSocket> => {
  const target = `/sync/demo?token=${await door.token()}`
  const client = door.client(target, ['plenum.v1'], {}, { perMessageDeflate: isDeflating })
  await once(client, 'open')
  return client
}

const repeated = (bytes: number, fill: number): Uint8Array => new Uint8Array(bytes).fill(fill)

/** What a client was sent by then, and its bytes on the wire since the handshake. */
const listen = (client: WebSocket): { readonly heard: string[]; wireBytes(): number } => {
  const heard: string[] = []
  const { _socket: socket } = client as unknown as { _socket: Socket }
  const before = socket.bytesRead
  client.on('message', data => heard.push(`${(data as Buffer)[0]} × ${(data as Buffer).length}`))
  return { heard, wireBytes: () => socket.bytesRead - before }
}

test('[D15] one payload for those who negotiated compression and those who did not, in order', async () => {
  const [deflating, plain] = [await join(true), await join(false)]
  const sessions = [await door.registry.session(0), await door.registry.session(1)]
  const clients = [listen(deflating), listen(plain)]
  for (const [fill, bytes] of [
    [1, 10],
    [2, 20_000],
    [3, 10],
    [4, 500_000],
    [5, 2_000],
  ] as const) {
    const payload = repeated(bytes, fill)
    for (const { peer } of sessions) peer.send(payload)
  }
  for (const { peer } of sessions) peer.close('replaced')
  await Promise.all([once(deflating, 'close'), once(plain, 'close')])

  for (const { heard } of clients)
    assert.equal(heard, ['1 × 10', '2 × 20000', '3 × 10', '4 × 500000', '5 × 2000'])
  assert.ok(clients[1]!.wireBytes() > 522_000)
  const saved = clients[1]!.wireBytes() - clients[0]!.wireBytes()
  assert.ok(saved > 21_500 && saved < 22_020, `${saved} bytes: two of them were worth it`)
})

test('[D15] what clients deflate arrives in order with what they do not', async () => {
  const client = await join(true)
  const session = await door.registry.session()
  for (let i = 0; i < 20; i++) {
    client.send(repeated(5_000, i), { compress: true })
    client.send(Uint8Array.of(i), { compress: false })
  }
  // In fragments, and after them.
  client.send(repeated(3_000, 20), { compress: true, fin: false })
  client.send(repeated(3_000, 20), { fin: true })
  client.send(repeated(3_000, 21), { compress: true })
  // More than is inflated within a tick.
  client.send(repeated(1_000_000, 22), { compress: true })
  client.send(repeated(3_000, 23), { compress: true })
  await session.untilEvents(({ frames }) => frames.length === 44)

  assert.equal(
    session.frames.map(frame => [frame[0], frame.length, frame.every(byte => byte === frame[0])]),
    [
      ...Array.from({ length: 20 }, (_, i) => [
        [i, 5_000, true],
        [i, 1, true],
      ]).flat(),
      [20, 6_000, true],
      [21, 3_000, true],
      [22, 1_000_000, true],
      [23, 3_000, true],
    ],
  )
})

test('[D7] [D15] what inflates beyond the limit closes with 1009', async () => {
  const client = await join(true)
  client.send(repeated(10 * 1024 * 1024, 0), { compress: true })

  const outcome = await ending(client)

  assert.is(outcome.type === 'close' && outcome.code, 1009)
  await door.untilTold('closed plenum too_large')
})

test('[D7] [D15] what does not inflate ends its own connection only', async () => {
  const other = await join(true)
  const target = `/sync/demo?token=${await door.token()}`
  const socket = door.raw(target, { 'Sec-WebSocket-Extensions': 'permessage-deflate' })
  const broken = await door.registry.session(1)
  // A masked final frame with RSV1 and four bytes that are no deflate stream.
  socket.write(Buffer.from([0xc2, 0x84, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]))
  await broken.untilEvents(({ hasLeft }) => hasLeft)
  socket.destroy()
  await door.untilTold('closed stock protocol_error')

  other.send(repeated(2_000, 7), { compress: true })
  const session = await door.registry.session(0)
  await session.untilEvents(({ frames }) => frames.length === 1)
})

test('[D15] nothing is agreed on where compression is off', async () => {
  const off = await openDoor()
  try {
    const client = await off.join()
    assert.is(client.extensions, '')
  } finally {
    await off.close()
  }
  assert.is((await join(false)).extensions, '')
  assert.match((await join(true)).extensions, 'permessage-deflate')
})

test('[D15] a payload is deflated once, and only where that pays', () => {
  const frames = new SharedFrames()
  const payload = repeated(2_000, 1)
  const [frame, ...rest] = frames.of(payload, true)
  assert.equal(rest, [])
  assert.is(frames.of(payload, true)[0], frame)
  assert.is(frame![0], 0xc2)
  assert.equal(
    Buffer.compare(inflateRawSync(frame!.subarray(2), { finishFlush: constants.Z_SYNC_FLUSH }), payload),
    0,
  )
  assert.is(frames.of(payload)[0]![0], 0x82)
  assert.is(frames.of(payload, true)[0], frame, 'both forms are kept')
  for (const bytes of [191, 70_000]) {
    assert.is(Buffer.concat(frames.of(repeated(bytes, 1), true)).length - bytes, bytes > 65_535 ? 10 : 4)
  }
})
