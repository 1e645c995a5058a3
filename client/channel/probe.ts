/**
 * A look whether a door works, beside a connection that is there: no attempt of anybody's, and nothing that is open
 * is touched. A WebSocket works where it answers both ways, a stream where what it brings is not held back.
 */
import { PROBE_FRAME, RESUME_PARAMETER, SUBPROTOCOL_PROBE } from '../../shared/protocol/index.js'
import type { Clock } from './clock.js'
import { eventStreamTransport } from './event-stream/transport.js'
import type { Socket, SocketClass } from './socket.js'
import type { TransportTarget } from './transport.js'

/** Whether the door works; the returned function ends the look without an answer. */
export type Probe = (target: TransportTarget, onDone: (isGood: boolean) => void) => () => void

const SOCKET_TIMEOUT_MS = 5_000
/** Longer than two beats: the first may be due at once. */
const STREAM_TIMEOUT_MS = 45_000
const NORMAL = 1000

/** @param SocketClass the class that the WebSocket door uses */
export const probeWebSocket =
  (SocketClass: SocketClass, clock: Clock): Probe =>
  ({ url }, onDone) => {
    const bare = new URL(url)
    bare.searchParams.delete('token')
    bare.searchParams.delete(RESUME_PARAMETER)
    let socket: Socket | null = null
    const { done, finish } = once(onDone, clock, SOCKET_TIMEOUT_MS, () => socket?.close())
    try {
      socket = new SocketClass(bare.href, [SUBPROTOCOL_PROBE])
    } catch {
      // A policy of the page may forbid it: the time for an answer passes.
      return finish
    }
    listen(socket, done)
    return finish
  }

const listen = (socket: Socket, done: (isGood: boolean) => void): void => {
  let isAnswered = false
  socket.addEventListener('message', () => {
    if (isAnswered) return
    isAnswered = true
    socket.send(Uint8Array.from(PROBE_FRAME))
  })
  // A close follows; without a listener Node would take the error for an uncaught one.
  socket.addEventListener('error', () => {})
  // The server closes once it has our frame.
  socket.addEventListener('close', ({ code }) => done(isAnswered && code === NORMAL))
}

export const probeStream =
  (clock: Clock, request?: typeof fetch): Probe =>
  (target, onDone) => {
    const open = eventStreamTransport({ clock, fetch: request, onPing: () => done(true) })
    const transport = open(target, {
      opened: () => {},
      frame: () => {},
      closed: () => done(false),
      moved: () => {},
    })
    const { done, finish } = once(onDone, clock, STREAM_TIMEOUT_MS, () => transport.close(NORMAL, ''))
    return finish
  }

const once = (onDone: (isGood: boolean) => void, clock: Clock, timeoutMs: number, end: () => void) => {
  let isDone = false
  const finish = (): boolean => {
    if (isDone) return false
    isDone = true
    cancel()
    end()
    return true
  }
  const done = (isGood: boolean): void => {
    if (finish()) onDone(isGood)
  }
  const cancel = clock.after(timeoutMs, () => done(false))
  return { done, finish: (): void => void finish() }
}
