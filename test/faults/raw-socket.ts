/** A WebSocket client made of bytes: it sends what no library would, and keeps what it is answered. */
import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import type { Closed } from '../support/plain-client.js'
import { until } from '../support/until.js'

export interface RawRequest {
  readonly port: number
  /** As it goes into the request line: nothing normalises it. */
  readonly target: string
  /** Offered subprotocols. */
  readonly protocols?: readonly string[]
}

export const OPCODE = { text: 1, binary: 2, close: 8, ping: 9 } as const

export interface FrameOptions {
  readonly opcode?: number
  /** What the header says, where that is not the payload's length. */
  readonly claimedLength?: number
  readonly isMasked?: boolean
  /** The reserved bits. */
  readonly reserved?: number
}

/** One frame of RFC 6455 as it goes over the wire. */
export const rawFrame = (payload: Uint8Array, options: FrameOptions = {}): Buffer => {
  const { opcode = OPCODE.binary, claimedLength = payload.length, isMasked = true, reserved = 0 } = options
  const mask = isMasked ? randomBytes(4) : Buffer.alloc(0)
  const body = isMasked ? Buffer.from(payload.map((byte, at) => byte ^ mask[at % 4]!)) : Buffer.from(payload)
  return Buffer.concat([lengthHeader(0x80 | reserved | opcode, claimedLength, isMasked), mask, body])
}

const lengthHeader = (first: number, length: number, isMasked: boolean): Buffer => {
  const bit = isMasked ? 0x80 : 0
  if (length < 126) return Buffer.of(first, bit | length)
  const header = Buffer.alloc(length < 2 ** 16 ? 4 : 10)
  header[0] = first
  header[1] = bit | (header.length === 4 ? 126 : 127)
  if (header.length === 4) header.writeUInt16BE(length, 2)
  else header.writeBigUInt64BE(BigInt(length), 2)
  return header
}

export class RawSocket {
  /** The answer to the upgrade: 101, or a refusal. */
  status = 0
  body = ''
  readonly frames: Buffer[] = []
  closed: Closed | null = null
  readonly #socket: Socket
  #unread = Buffer.alloc(0)
  #head = ''
  #isEnded = false

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('error', () => {})
    socket.on('data', chunk => this.#onData(chunk))
    socket.on('close', () => {
      this.#isEnded = true
    })
  }

  /** Resolves when the server has answered the upgrade, whatever it said. */
  static async connect({ port, target, protocols = [] }: RawRequest): Promise<RawSocket> {
    const raw = new RawSocket(connect(port, '127.0.0.1'))
    const lines = [
      `GET ${target} HTTP/1.1`,
      `Host: 127.0.0.1:${port}`,
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
    ]
    if (protocols.length > 0) lines.push(`Sec-WebSocket-Protocol: ${protocols.join(', ')}`)
    raw.write(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`))
    await until('the upgrade is answered', () => raw.status === 101 || raw.#isEnded)
    return raw
  }

  write(bytes: Uint8Array): void {
    this.#socket.write(bytes)
  }

  /** The close frame's code; null where the socket ended without one. */
  async whenClosed(): Promise<number | null> {
    await until('the server closes', () => this.closed !== null || this.#isEnded)
    return this.closed?.code ?? null
  }

  destroy(): void {
    this.#socket.destroy()
  }

  #onData(chunk: Buffer): void {
    this.#unread = Buffer.concat([this.#unread, chunk])
    if (this.#head === '' && !this.#readHead()) return
    if (this.status === 101) this.#readFrames()
    else this.body += this.#take(this.#unread.length).toString()
  }

  #readHead(): boolean {
    const end = this.#unread.indexOf('\r\n\r\n')
    if (end === -1) return false
    this.#head = this.#take(end + 4).toString('latin1')
    this.status = Number(this.#head.split(' ')[1])
    return true
  }

  #readFrames(): void {
    while (this.#unread.length >= 2) {
      const short = this.#unread[1]! & 0x7f
      const header = short === 127 ? 10 : short === 126 ? 4 : 2
      if (this.#unread.length < header) return
      const length = readLength(this.#unread, short)
      if (this.#unread.length < header + length) return
      const opcode = this.#take(header)[0]! & 0x0f
      const payload = this.#take(length)
      if (opcode === OPCODE.binary) this.frames.push(payload)
      if (opcode !== OPCODE.close) continue
      this.closed = { code: payload.readUInt16BE(0), reason: payload.toString('utf8', 2) }
      this.write(rawFrame(payload.subarray(0, 2), { opcode: OPCODE.close }))
    }
  }

  #take(length: number): Buffer {
    const taken = this.#unread.subarray(0, length)
    this.#unread = this.#unread.subarray(length)
    return taken
  }
}

const readLength = (header: Buffer, short: number): number => {
  if (short < 126) return short
  return short === 126 ? header.readUInt16BE(2) : Number(header.readBigUInt64BE(2))
}
