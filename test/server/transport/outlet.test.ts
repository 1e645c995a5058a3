/** How frames leave: around `ws` and in one piece per tick, in the order in which they were sent. Real sockets. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import * as wsModule from 'ws'
import { WebSocket, WebSocketServer } from 'ws'
import { Outlet } from '../../../server/transport/outlet.js'
import { BufferPool } from '../../../server/transport/websocket/buffer-pool.js'
import { Connection } from '../../../server/transport/websocket/connection.js'
import { SharedFrames } from '../../../server/transport/websocket/shared-frames.js'
import { isSenderIdle } from '../../../server/transport/websocket/ws-internals.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('outlet')

/** Public in `ws`, and not in its types. */
const { Sender } = wsModule as unknown as {
  Sender: { frame(payload: Uint8Array, options: object): Uint8Array[] }
}

/** One connection with both its ends; `ws` may compress. */
class Line {
  readonly #http: Server = createServer()
  readonly #server = new WebSocketServer({ noServer: true, perMessageDeflate: { threshold: 0 } })
  client!: WebSocket
  ws!: WebSocket
  socket!: Socket
  connection!: Connection
  /** Chunks of each write to the socket. */
  readonly writes: number[] = []
  /** First byte of each message, and other events, as the client had them. */
  readonly heard: (number | string)[] = []

  async open(): Promise<this> {
    this.#http.listen(0, '127.0.0.1')
    await once(this.#http, 'listening')
    const { port } = this.#http.address() as AddressInfo
    this.client = new WebSocket(`ws://127.0.0.1:${port}`)
    this.client.on('message', data => this.heard.push((data as Buffer)[0]!))
    this.client.on('ping', () => this.heard.push('ping'))
    this.client.on('close', code => this.heard.push(`close ${code}`))
    const [request, socket, head] = await once(this.#http, 'upgrade')
    this.socket = socket
    this.#server.handleUpgrade(request, socket, head, ws => {
      this.ws = ws
      this.connection = new Connection({
        ws,
        socket,
        nowMs: 0,
        keeper: {
          heartbeat: { beatMs: 1_000, stuckMs: 3_000 },
          outlet: new Outlet(new SharedFrames()),
          readPace: null,
          wireTerms: { maxPayloadBytes: 1_000_000, buffers: new BufferPool(), start: () => ws },
          onFault: (_connection, error) => {
            throw error
          },
          onClosed: () => {},
        },
      })
      ws.resume()
    })
    await once(this.client, 'open')
    this.#countWrites()
    return this
  }

  async untilHeard(count: number): Promise<void> {
    while (this.heard.length < count) {
      await Promise.race(['message', 'ping', 'close'].map(event => once(this.client, event)))
    }
  }

  async close(): Promise<void> {
    this.client.terminate()
    this.socket.destroy()
    this.#server.close()
    this.#http.close()
    await once(this.#http, 'close')
  }

  #countWrites(): void {
    const { socket, writes } = this
    const { _write: write, _writev: writev } = socket
    socket._write = (...args) => {
      writes.push(1)
      write.apply(socket, args)
    }
    socket._writev = (...args) => {
      writes.push(args[0].length)
      writev!.apply(socket, args)
    }
  }
}

let line: Line
test.before.each(async () => {
  line = await new Line().open()
})
test.after.each(() => line.close())

const nextTick = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

test('[D14] what one connection is sent in one tick leaves in one write, pings and the close in their places', async () => {
  const { connection, writes, heard } = line
  for (let i = 0; i < 5; i++) connection.send(Uint8Array.of(i))
  await Promise.resolve()
  connection.send(Uint8Array.of(5))
  assert.equal(writes, [], 'nothing has left within the tick')
  assert.is(connection.bufferedBytes, 0, 'what the operating system was not offered does not wait for it')
  await nextTick()
  assert.equal(writes, [6])

  connection.send(Uint8Array.of(6))
  connection.sweep(1_000)
  connection.send(Uint8Array.of(7))
  connection.close('replaced')
  connection.send(Uint8Array.of(8))
  await line.untilHeard(10)

  assert.equal(heard, [0, 1, 2, 3, 4, 5, 6, 'ping', 7, 'close 4410'])
})

test('[D14] a large frame does not wait for the end of the tick, nor what was held before it', async () => {
  const { connection, socket, heard } = line
  connection.send(Uint8Array.of(1))
  connection.send(new Uint8Array(8 * 1024 * 1024).fill(2))

  assert.is(socket.writableCorked, 0)
  assert.ok(connection.bufferedBytes > 0, 'what the operating system did not take shows at once')
  connection.send(Uint8Array.of(3))
  await line.untilHeard(3)

  assert.equal(heard, [1, 2, 3])
})

test('[D14] while ws is busy with a socket, frames queue behind what it does', async () => {
  const { connection, ws, heard } = line
  connection.send(Uint8Array.of(1))
  ws.send(new Uint8Array(100_000).fill(2), { compress: true })
  connection.send(Uint8Array.of(3))
  ws.send(Uint8Array.of(4), { fin: false })
  ws.send(Uint8Array.of(5), { fin: true })
  connection.send(Uint8Array.of(6))
  await line.untilHeard(5)

  assert.equal(heard, [1, 2, 3, 4, 6])
})

test('[D14] ws has the internals that tell when it is busy', async () => {
  const { ws } = line
  assert.ok(isSenderIdle(ws))

  const isSent = new Promise<void>(resolve => {
    ws.send(new Uint8Array(1000), { compress: true }, () => resolve())
  })
  assert.not(isSenderIdle(ws), 'it compresses')
  await isSent
  await nextTick()
  assert.ok(isSenderIdle(ws))

  ws.send(new Blob(['text']) as never)
  assert.not(isSenderIdle(ws), 'it reads a blob')
  await line.untilHeard(2)
  await nextTick()
  assert.ok(isSenderIdle(ws))

  ws.send(Uint8Array.of(1), { fin: false })
  await nextTick()
  assert.not(isSenderIdle(ws), 'it is within a message')
})

test('[D14] where the internals of ws are others, its own send is used', () => {
  for (const sender of [undefined, {}, { _state: 0 }, { _state: '0', _firstFragment: true }]) {
    assert.not(isSenderIdle({ _sender: sender } as unknown as WebSocket))
  }
})

test('[D14] a connection that ends with frames held back harms nobody', async () => {
  const { connection } = line
  connection.send(Uint8Array.of(1))
  connection.terminate('half_open')
  connection.send(Uint8Array.of(2))
  await nextTick()
})

test('[D14] a payload is framed as ws would, once for all it goes to', () => {
  const frames = new SharedFrames()
  for (const length of [0, 1, 125, 126, 127, 16_384, 16_385, 65_535, 65_536, 100_000]) {
    const payload = Uint8Array.from({ length }, (_, i) => i)
    const expected = Sender.frame(payload, {
      fin: true,
      opcode: 2,
      mask: false,
      readOnly: true,
      rsv1: false,
    })
    assert.ok(Buffer.concat(frames.of(payload)).equals(Buffer.concat(expected)), `${length} bytes`)
  }
  const [one, two] = [Uint8Array.of(1), Uint8Array.of(1)]
  const [first, second] = [frames.of(one), frames.of(two)]
  assert.not(first === second)
  assert.is(frames.of(one), first)
  assert.is(frames.of(two), second)
})
