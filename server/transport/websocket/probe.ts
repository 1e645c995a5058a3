/**
 * WebSockets for whoever wants to know whether one opens and answers: one byte each way, and the end. Nothing is told
 * about any space, and one that does not answer is swept away.
 */
import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import { PROBE_FRAME } from '../../../shared/protocol/index.js'
import type { Place } from '../ports.js'

/** How long the other side may take, ms. */
const TIMEOUT_MS = 10_000
export const MAX_PROBES = 500
const NORMAL = 1000
const TOO_MUCH = 4400

export class Probes {
  readonly #elapsed: () => number
  readonly #open = new Map<WebSocket, { readonly sinceMs: number }>()

  /** @param elapsed milliseconds on a clock that never jumps */
  constructor(elapsed: () => number) {
    this.#elapsed = elapsed
  }

  get size(): number {
    return this.#open.size
  }

  /** Its place goes with it. */
  start(ws: WebSocket, socket: Duplex, place: Place): void {
    this.#open.set(ws, { sinceMs: this.#elapsed() })
    ws.on('error', () => {})
    ws.once('message', (data: Buffer, isBinary) => {
      ws.close(isBinary && data.length <= PROBE_FRAME.length ? NORMAL : TOO_MUCH)
    })
    ws.once('close', () => {
      this.#open.delete(ws)
      place.leave()
    })
    // A half-closed one answers nothing any more.
    socket.once('end', () => ws.terminate())
    ws.send(PROBE_FRAME, { binary: true, compress: false })
  }

  sweep(nowMs: number): void {
    for (const [ws, { sinceMs }] of this.#open) if (nowMs - sinceMs >= TIMEOUT_MS) ws.terminate()
  }

  close(): void {
    for (const ws of this.#open.keys()) ws.terminate()
  }
}
