/**
 * Plain frames that pass `ws` by: whatever comes, in whatever chunks, nobody could tell it from a connection that `ws`
 * has from its first byte on.
 */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { WebSocket, WebSocketServer } from 'ws'
import { BufferPool } from '../../../server/transport/websocket/buffer-pool.js'
import { PartialFrame } from '../../../server/transport/websocket/partial-frame.js'
import { plainPayload } from '../../../server/transport/websocket/plain-frames.js'
import { SharedFrames } from '../../../server/transport/websocket/shared-frames.js'
import { MASK_BYTES, unmaskInScript } from '../../../server/transport/websocket/unmask.js'
import { Wire, type WireOwner } from '../../../server/transport/websocket/wire.js'
import { canStartLate, Handshake, startLate } from '../../../server/transport/websocket/ws-internals.js'
import { bytes, chance, createRng, int, pick, type Rng, seedFrom } from '../../support/rng.js'
import { assert, isLongRun, suite } from '../../support/suite.js'
import { until } from '../../support/until.js'

const test = suite('wire')

const MAX_PAYLOAD_BYTES = 140_000
/** One for all, as in a door, so that each gets what others have used. */
const buffers = new BufferPool()
const TERMS = { maxPayloadBytes: MAX_PAYLOAD_BYTES, buffers }
const OPTIONS = { maxPayload: MAX_PAYLOAD_BYTES, closeTimeout: 1_000, autoPong: true }

/** A socket whose other end is the test. */
class Cable extends Duplex {
  readonly written: Buffer[] = []
  override _read(): void {}
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.written.push(chunk)
    done()
  }
}

/** The events of a connection in their order, and what it is asked to do. */
interface Line {
  readonly log: string[]
  readonly cable: Cable
  readonly isOpen: boolean
  readonly isPaused: boolean
  send(payload: Uint8Array): void
  ping(): void
  pause(): void
  resume(): void
  close(): void
  terminate(): void
}

const told = (data: Uint8Array, isBinary: boolean): string =>
  `${isBinary ? 'binary' : 'text'} ${data.length} ${createHash('sha256').update(data).digest('hex').slice(0, 8)}`

/** Some messages have whoever gets them stop reading, or end it all, within the chunk that brought them. */
const react = (line: Line, { length, 0: first }: Uint8Array): void => {
  if (length === 30) line.pause()
  if (length === 4 && first! < 16) line.terminate()
  if (length === 5 && first! < 16) line.close()
}

/** `ws` alone, and what the door needs to know of it. */
const library = (): Line => {
  const cable = new Cable()
  const log: string[] = []
  const ending = (): void => void (log.includes('ending') || log.push('ending'))
  const ws = startLate(cable, OPTIONS)
  ws.on('message', (data, isBinary) => {
    log.push(told(data as Buffer, isBinary))
    react(line, data as Buffer)
  })
  ws.on('error', error => log.push(`error ${(error as Error & { code: string }).code}`))
  ws.on('close', () => log.push('closed'))
  cable.on('data', () => ws.readyState !== ws.OPEN && ending())
  cable.on('end', ending)
  const line: Line = {
    log,
    cable,
    get isOpen() {
      return ws.readyState === ws.OPEN
    },
    get isPaused() {
      return ws.isPaused
    },
    send: payload => ws.send(payload, { binary: true, compress: false }),
    ping: () => ws.ping(),
    pause: () => ws.pause(),
    resume: () => ws.resume(),
    close: () => ws.close(4400, 'enough'),
    terminate: () => ws.terminate(),
  }
  return line
}

class Wired implements Line, WireOwner {
  readonly log: string[] = []
  readonly cable = new Cable()
  isReacting = false
  /** How often `ws` was needed. */
  starts = 0
  /** Messages that it read. */
  readByWs = 0
  readonly #frames = new SharedFrames()
  readonly #wire: Wire

  constructor(ws: (cable: Cable) => WebSocket | null = () => null) {
    const start = (): WebSocket => {
      this.starts++
      const ws = startLate(this.cable, OPTIONS)
      ws.on('message', () => this.readByWs++)
      return ws
    }
    this.#wire = new Wire(this.cable, ws(this.cable), { ...TERMS, start }, this)
    this.cable.on('error', () => {})
  }

  onMessage(data: Uint8Array, isBinary: boolean): void {
    this.log.push(told(data, isBinary))
    if (this.isReacting) react(this, data)
  }
  /** Held back, until it is let go. */
  held: Uint8Array | null = null
  release(): void {
    if (this.held !== null) this.cable.write(this.held)
    this.held = null
  }
  onRead(): void {}
  onDrained(): void {}
  onEnding(): void {
    if (!this.log.includes('ending')) this.log.push('ending')
  }
  onError(error: Error & { readonly code?: string }): void {
    this.log.push(`error ${error.code}`)
  }
  onClosed(): void {
    this.log.push('closed')
  }

  get isOpen(): boolean {
    return this.#wire.isOpen
  }
  get isPaused(): boolean {
    return this.#wire.isPaused
  }
  send(payload: Uint8Array): void {
    if (this.#wire.isIdle) for (const chunk of this.#frames.of(payload)) this.cable.write(chunk)
    else this.#wire.send(payload)
  }
  ping(): void {
    this.#wire.ping()
  }
  pause(): void {
    this.#wire.pause()
  }
  resume(): void {
    this.#wire.resume()
  }
  close(): void {
    this.#wire.close(4400, 'enough')
  }
  terminate(): void {
    this.#wire.terminate()
  }
}

interface FrameOptions {
  readonly opcode?: number
  readonly isFinal?: boolean
  readonly isMasked?: boolean
  readonly rsv?: number
  /** Bytes for the length, where it is not the least that will do. */
  readonly lengthBytes?: 2 | 8
}

const frame = (rng: Rng, payload: Uint8Array, options: FrameOptions = {}): Buffer => {
  const { opcode = 2, isFinal = true, isMasked = true, rsv = 0, lengthBytes } = options
  const { length } = payload
  const extended = lengthBytes ?? (length < 126 ? 0 : length < 65_536 ? 2 : 8)
  const header = Buffer.alloc(2 + extended)
  header[0] = (isFinal ? 0x80 : 0) | rsv | opcode
  header[1] = (isMasked ? 0x80 : 0) | (extended === 0 ? length : extended === 2 ? 126 : 127)
  if (extended === 2) header.writeUInt16BE(length, 2)
  if (extended === 8) header.writeBigUInt64BE(BigInt(length), 2)
  if (!isMasked) return Buffer.concat([header, payload])
  const mask = chance(rng, 0.1) ? new Uint8Array(4) : bytes(rng, 4)
  return Buffer.concat([header, mask, payload.map((byte, i) => byte ^ mask[i % 4]!)])
}

const LENGTHS = [0, 1, 2, 3, 4, 5, 30, 125, 126, 127, 128, 1_000, MAX_PAYLOAD_BYTES, 65_535, 65_536]

/** Filled cheaply: what matters is where it starts and ends. */
const payloadOf = (rng: Rng, length: number): Uint8Array =>
  length <= 128 ? bytes(rng, length) : new Uint8Array(length).fill(int(rng, 0, 255))

const CLOSES = [Buffer.alloc(0), Buffer.of(3, 232), Buffer.of(3, 232, 98, 121, 101), Buffer.of(0, 1)]

const plainFrames = (rng: Rng): Buffer[] =>
  Array.from({ length: int(rng, 1, 5) }, () => frame(rng, payloadOf(rng, pick(rng, LENGTHS.slice(0, 12)))))

/** What a client that keeps to RFC 6455 may send, or what it may not. */
const oddFrames = (rng: Rng): Buffer[] => {
  const payload = payloadOf(rng, pick(rng, LENGTHS))
  const small = bytes(rng, int(rng, 0, 20))
  const text = Buffer.from('text')
  const odd: (() => Buffer[])[] = [
    () => [frame(rng, payload)],
    () => [frame(rng, payload, { lengthBytes: payload.length < 65_536 ? 2 : 8 })],
    () => [frame(rng, payload, { lengthBytes: 8 })],
    () => [frame(rng, text, { opcode: 1 })],
    () => [frame(rng, small, { opcode: 9 })],
    () => [frame(rng, small, { opcode: 10 }), frame(rng, new Uint8Array(), { opcode: 10 })],
    () => [
      frame(rng, payload, { isFinal: false }),
      ...(chance(rng, 0.5) ? [frame(rng, small, { opcode: 9 })] : []),
      frame(rng, small, { opcode: 0, isFinal: false }),
      frame(rng, small, { opcode: 0 }),
    ],
    () => [frame(rng, small, { isFinal: false })],
    () => [frame(rng, small, { opcode: 0 })],
    () => [frame(rng, small, { isMasked: false })],
    () => [frame(rng, small, { rsv: pick(rng, [0x40, 0x20, 0x10]) })],
    () => [frame(rng, small, { opcode: pick(rng, [3, 7, 11, 15]) })],
    () => [frame(rng, new Uint8Array(MAX_PAYLOAD_BYTES + 1))],
    () => [frame(rng, Buffer.of(0xff, 0xfe), { opcode: 1 })],
    () => [frame(rng, pick(rng, CLOSES), { opcode: 8 }), frame(rng, small)],
  ]
  return pick(rng, odd.slice(0, chance(rng, 0.5) ? 7 : odd.length))()
}

/** All of it, cut anywhere. */
const chunksOf = (rng: Rng, whole: Buffer): Buffer[] => {
  const chunks: Buffer[] = []
  for (let at = 0; at < whole.length; ) {
    const length = chance(rng, 0.7) ? whole.length : pick(rng, [1, 2, 5, 7, 100, 1_000, 65_536])
    chunks.push(whole.subarray(at, at + length))
    at += length
  }
  return chunks
}

type Step = (line: Line) => void

const script = (rng: Rng): Step[] => {
  const steps: Step[] = []
  const push = (chunk: Buffer): Step => {
    // Frames are unmasked in their place.
    return ({ cable }) => void (cable.destroyed || cable.readableEnded || cable.push(Buffer.from(chunk)))
  }
  for (let round = int(rng, 1, 12); round > 0; round--) {
    const incoming = chance(rng, 0.7) ? plainFrames(rng) : oddFrames(rng)
    steps.push(...chunksOf(rng, Buffer.concat(incoming)).map(push))
    if (chance(rng, 0.1)) steps.push(line => line.pause())
    if (chance(rng, 0.2)) steps.push(line => line.resume())
    const reply = payloadOf(rng, pick(rng, LENGTHS))
    if (chance(rng, 0.2)) steps.push(line => line.isOpen && line.send(reply))
    if (chance(rng, 0.1)) steps.push(line => line.isOpen && line.ping())
    if (chance(rng, 0.03)) steps.push(line => line.close())
    if (chance(rng, 0.02)) steps.push(line => line.terminate())
  }
  if (chance(rng, 0.3)) steps.push(({ cable }) => void (cable.destroyed || cable.push(null)))
  return steps
}

const nextTurn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

const gone = async (cable: Cable): Promise<void> => {
  if (cable.closed) return
  const closed = once(cable, 'close')
  cable.destroy()
  await closed
}

/** @returns what was told, and what was written: where one answer ends is the socket's business */
const play = async (line: Line, steps: readonly Step[]): Promise<[readonly string[], string]> => {
  for (const step of steps) {
    step(line)
    await nextTurn()
    if (line.isOpen && line.isPaused) line.log.push('paused')
  }
  const { cable } = line
  await gone(cable)
  await nextTurn()
  const written = createHash('sha256').update(Buffer.concat(cable.written)).digest('hex')
  return [line.log, `${Buffer.concat(cable.written).length} ${written}`]
}

test('[D57] the version of ws that is installed can be started late', () => {
  assert.ok(canStartLate)
})

test('[D57] whatever is sent, in whatever chunks: what is told and answered is what ws alone would', async () => {
  const first = seedFrom()
  for (let seed = first; seed < first + (isLongRun ? 4_000 : 400); seed++) {
    const steps = script(createRng(seed))
    const expected = await play(library(), steps)
    const [late, early] = [new Wired(), new Wired(cable => startLate(cable, OPTIONS))]
    late.isReacting = early.isReacting = true
    assert.equal(await play(late, steps), expected, `seed ${seed}, started when needed`)
    assert.equal(await play(early, steps), expected, `seed ${seed}, started at once`)
  }
})

test('[D57] a connection of plain frames, asked for signs of life, never has a ws of its own', async () => {
  const rng = createRng(1)
  const line = new Wired()
  for (let i = 0; i < 100; i++) {
    line.cable.push(Buffer.concat([...plainFrames(rng), frame(rng, new Uint8Array(), { opcode: 10 })]))
    line.send(Uint8Array.of(1))
    line.ping()
    if (i % 10 === 0) line.pause()
    if (i % 10 === 5) line.resume()
    await nextTurn()
  }
  line.resume()
  line.cable.push(null)
  await once(line.cable, 'close')
  assert.is(line.starts, 0)
  assert.equal(line.log.slice(-2), ['ending', 'closed'])
})

test('[D57] nor has one whose frames come in parts, once their headers are whole', async () => {
  const rng = createRng(seedFrom())
  const line = new Wired()
  const expected: string[] = []
  for (let round = 0; round < 100; round++) {
    const payload = payloadOf(rng, pick(rng, LENGTHS))
    const whole = frame(rng, payload, chance(rng, 0.2) ? { lengthBytes: 8 } : {})
    const headerBytes = whole.length - payload.length
    const cuts = [0, ...Array.from({ length: 3 }, () => int(rng, headerBytes, whole.length)), whole.length]
    cuts.sort((a, b) => a - b)
    for (const [i, cut] of cuts.slice(1).entries()) {
      // Frames are unmasked in their place.
      line.cable.push(Buffer.from(whole.subarray(cuts[i]!, cut)))
      await nextTurn()
    }
    expected.push(told(payload, true))
  }
  assert.equal(line.log, expected)
  assert.is(line.starts, 0)
  await gone(line.cable)
})

test('[D57] what came of a frame is given back as it came, though others were read to the same place since', () => {
  const rng = createRng(seedFrom())
  for (let round = 0; round < 50; round++) {
    const whole = frame(rng, payloadOf(rng, pick(rng, LENGTHS.slice(7))))
    const from = int(rng, 0, 20)
    // All of the header, and not all of the rest.
    const chunk = Buffer.concat([Buffer.alloc(from), whole.subarray(0, int(rng, 14, whole.length - 1))])
    const came = [...chunk.subarray(from)]
    const partial = PartialFrame.at(chunk, from, TERMS)!
    partial.take(chunk, from + partial.headerBytes)
    chunk.fill(0xff)
    assert.equal([...Buffer.concat(partial.giveBack())], came)
  }
})

test('[D57] the memory of a frame is used again once it was told, and not where ws has it', () => {
  const rng = createRng(seedFrom())
  const terms = { ...TERMS, buffers: new BufferPool() }
  const whole = frame(rng, bytes(rng, 70_000))
  const partial = (): PartialFrame => {
    const begun = PartialFrame.at(whole, 0, terms)!
    begun.take(whole, begun.headerBytes)
    return begun
  }
  const [first, second] = [partial(), partial()]
  const memory = first.payload!.buffer
  assert.is.not(second.payload!.buffer, memory, 'each has its own while both are there')
  first.end()
  const third = partial()
  assert.is(third.payload!.buffer, memory)
  assert.is(third.payload!.length, 70_000)
  third.giveBack()
  third.end()
  assert.is(terms.buffers.freeBytes, 0)
  second.end()
  assert.is(terms.buffers.freeBytes, 128 * 1024)
})

test('[D57] memory that a second did not need is let go, and large frames keep none', () => {
  const pool = new BufferPool()
  const taken = [5_000, 5_000, 5_000, 100].map(length => pool.take(length))
  assert.equal(
    taken.map(({ length }) => length),
    [8_192, 8_192, 8_192, 4_096],
  )
  for (const buffer of taken) pool.give(buffer)
  // Within this second there was a time when nothing was free.
  pool.sweep()
  assert.is(pool.freeBytes, 3 * 8_192 + 4_096)
  const again = [pool.take(8_192), pool.take(4_097)]
  assert.ok(again.every(buffer => taken.includes(buffer)))
  for (const buffer of again) pool.give(buffer)
  pool.sweep()
  assert.is(pool.freeBytes, 2 * 8_192)
  pool.sweep()
  assert.is(pool.freeBytes, 0)
  const large = pool.take(2 ** 20 + 1)
  assert.is(large.length, 2 ** 20 + 1)
  pool.give(large)
  assert.is(pool.freeBytes, 0)
})

test('[D57] a length that is only announced takes no memory', () => {
  const before = process.memoryUsage().arrayBuffers
  const header = Uint8Array.of(0x82, 0xff, 0, 0, 0, 0, 0x10, 0, 0, 0, 1, 2, 3, 4)
  const frames = Array.from(
    { length: 10 },
    () => PartialFrame.at(header, 0, { ...TERMS, maxPayloadBytes: 2 ** 28 })!,
  )
  for (const frame of frames) frame.take(new Uint8Array(1_000), 0)
  assert.ok(frames.every(({ payload }) => payload === null))
  assert.ok(process.memoryUsage().arrayBuffers - before < 2 ** 20)
  assert.is(PartialFrame.at(header, 0, { ...TERMS, maxPayloadBytes: 2 ** 28 - 1 }), null, 'too large')
})

test('[D57] a socket that ws does not have yet has no timeout of its server, and waits for no more to send', async () => {
  const http = createServer({ noDelay: false })
  const handshakes = new WebSocketServer({ noServer: true, WebSocket: Handshake })
  http.timeout = 60_000
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  const client = new WebSocket(`ws://127.0.0.1:${(http.address() as AddressInfo).port}`)
  const [request, socket, head] = (await once(http, 'upgrade')) as [IncomingMessage, Socket, Buffer]
  const isDelaying: (boolean | undefined)[] = []
  const { setNoDelay } = socket
  socket.setNoDelay = noDelay => {
    isDelaying.push(noDelay)
    return setNoDelay.call(socket, noDelay)
  }
  assert.is(socket.timeout, 60_000)
  handshakes.handleUpgrade(request, socket, head, () => {})
  assert.is(socket.timeout, 0)
  assert.equal(isDelaying, [undefined], 'which is: no delay')
  await once(client, 'open')
  client.terminate()
  socket.destroy()
  http.close()
  await once(http, 'close')
})

test('[D57] after what only ws can read, plain frames pass it by again', async () => {
  const rng = createRng(2)
  const line = new Wired()
  const [message, halves] = [frame(rng, bytes(rng, 10)), frame(rng, bytes(rng, 100))]
  line.cable.push(halves.subarray(0, 1))
  await nextTurn()
  assert.is(line.starts, 1)
  line.cable.push(Buffer.concat([halves.subarray(1), Buffer.from(message)]))
  await nextTurn()
  line.cable.push(Buffer.from(message))
  await nextTurn()
  assert.is(line.starts, 1)
  assert.is(line.log.length, 3)
  assert.is(line.readByWs, 2, 'the one whose header came in two parts, and what came with its end')
  await gone(line.cable)
})

test('[D11] [D57] what is held back goes before a ping, the answer of ws, the close, and our end after the peer has ended', async () => {
  const held = Uint8Array.of(0x82, 1, 7)
  const pinging = frame(createRng(4), new Uint8Array(), { opcode: 9 })
  const acts: ((line: Wired) => void)[] = [
    line => line.ping(),
    line => line.cable.push(Buffer.from(pinging)),
    line => line.close(),
    line => line.cable.push(null),
  ]
  for (const act of acts) {
    const line = new Wired()
    line.held = held
    act(line)
    await nextTurn()
    assert.equal([...line.cable.written[0]!], [...held])
    await gone(line.cable)
  }
})

test('[D9] [D57] a socket that breaks while nobody reads from it: what came before counts', async () => {
  const rng = createRng(3)
  const line = new Wired()
  line.pause()
  const whole = [frame(rng, bytes(rng, 10)), frame(rng, bytes(rng, 10), { isFinal: false })]
  line.cable.push(Buffer.concat([...whole, frame(rng, bytes(rng, 5), { opcode: 0 })]))
  await nextTurn()
  await gone(line.cable)
  await nextTurn()
  assert.equal(
    line.log.map(entry => entry.slice(0, 9)),
    ['binary 10', 'binary 15', 'closed'],
  )
})

/** A wire on each connection of a real server, and how many there were. */
const serveWires = async (onMessage: (wire: number, data: Uint8Array) => void) => {
  const wires: Wire[] = []
  const server = createTcpServer({ allowHalfOpen: true }, socket => {
    const number = wires.length
    const owner: WireOwner = {
      release() {},
      onMessage: data => onMessage(number, data),
      onRead() {},
      onDrained() {},
      onEnding() {},
      onError() {},
      onClosed() {},
    }
    const start = (): WebSocket => startLate(socket, OPTIONS)
    wires.push(new Wire(socket, null, { ...TERMS, start }, owner))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, wires, port: (server.address() as AddressInfo).port }
}

test('[D58] sockets that send at once, pause and go on share a buffer, and each is told its own in order', async () => {
  const rng = createRng(seedFrom())
  const CLIENTS = 8
  const heard: string[][] = Array.from({ length: CLIENTS }, () => [])
  const { server, wires, port } = await serveWires((number, data) => {
    heard[number]!.push(told(data, true))
    const wire = wires[number]!
    // Now and then somebody is not read from while the others are.
    if (data.length !== 30) return
    wire.pause()
    setImmediate(() => wire.resume())
  })
  const sent: string[][] = []
  const clients: Socket[] = []
  for (let number = 0; number < CLIENTS; number++) {
    const client = connect(port, '127.0.0.1')
    await once(client, 'connect')
    await until('it is served', () => wires.length > number)
    clients.push(client)
    sent.push([])
  }
  for (let round = 0; round < 200; round++) {
    for (const [number, client] of clients.entries()) {
      const payloads = Array.from({ length: int(rng, 1, 3) }, () =>
        bytes(rng, pick(rng, [1, 30, 125, 126, 255, 256, 257, 1_001, 20_003])),
      )
      for (const payload of payloads) sent[number]!.push(told(payload, true))
      const whole = Buffer.concat(payloads.map(payload => frame(rng, payload)))
      for (const chunk of chunksOf(rng, whole)) client.write(chunk)
    }
    if (round % 10 === 0) await nextTurn()
  }
  await until('all has come', () => heard.every((list, number) => list.length >= sent[number]!.length))
  assert.equal(heard, sent)
  for (const client of clients) client.destroy()
  server.close()
  await once(server, 'close')
})

test('[D58] the sockets that a server of this Node accepts can be read into one buffer', async () => {
  const places = new Set<ArrayBufferLike>()
  const { server, wires, port } = await serveWires((_number, data) => places.add(data.buffer))
  const clients = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')]
  const message = frame(createRng(1), Uint8Array.of(1, 2, 3))
  for (const client of clients) client.write(message)
  await until('both have said something', () => wires.length === 2 && places.size > 0)
  for (const client of clients) client.write(message)
  for (const client of clients) client.end()
  await Promise.all(clients.map(client => once(client, 'close')))
  assert.is(places.size, 1)
  server.close()
  await once(server, 'close')
})

test('[D58] a mask is taken off the same with a library and without, wherever the payload begins', () => {
  const rng = createRng(seedFrom())
  for (const length of [0, 1, 2, 3, 125, 126, 127, 128, 129, 130, 131, 1_023, 65_535]) {
    for (let start = 0; start < 9; start++) {
      const payload = bytes(rng, length)
      const framed = frame(rng, payload)
      const chunk = Buffer.concat([Buffer.alloc(start), framed, Buffer.from('behind')])
      const read = plainPayload(chunk, start, 65_535)
      assert.ok(read !== null && Buffer.from(read).equals(payload), `${length} bytes from ${start} on`)
      assert.is(chunk.subarray(start + framed.length).toString(), 'behind')
      const masked = Uint8Array.from(framed.subarray(framed.length - length))
      unmaskInScript(masked, framed, framed.length - length - MASK_BYTES)
      assert.ok(Buffer.from(masked).equals(payload), `${length} bytes in script`)
    }
  }
})
