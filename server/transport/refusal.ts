/** How somebody is refused over HTTP: in an answer, or, where an upgrade was asked for, on the raw socket. */
import { type OutgoingHttpHeaders, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { ERRORS } from '../../shared/errors.js'
import type { Refusal } from './ports.js'

/** When to come back after a refusal that is worth another try and does not say when, ms. */
export const DEFAULT_RETRY_MS = 5_000

interface RefusalAnswer {
  readonly status: number
  readonly headers: OutgoingHttpHeaders
  readonly body: string
}

/** `Retry-After` goes where coming back unchanged can help. */
const answerOf = ({ code, message, retryAfterMs }: Refusal, more: object): RefusalAnswer => {
  const { http: status, retryable } = ERRORS[code]
  const body = JSON.stringify({ code, message, retryable, ...more })
  // A retryable 401 wants another token, not another moment.
  const waitMs = retryAfterMs ?? (retryable && status >= 429 ? DEFAULT_RETRY_MS : null)
  const headers: OutgoingHttpHeaders = {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
  }
  if (waitMs !== null) headers['Retry-After'] = Math.max(1, Math.ceil(waitMs / 1000))
  if (status === 401) headers['WWW-Authenticate'] = 'Bearer'
  return { status, headers, body }
}

/** The whole response, for a raw socket. */
export const refusalResponse = (refusal: Refusal): string => {
  const { status, headers, body } = answerOf(refusal, {})
  const lines = Object.entries({ Connection: 'close', ...headers }).map(
    ([name, value]) => `${name}: ${value}`,
  )
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('\r\n')}\r\n\r\n${body}`
}

/** @param more goes into the body beside the code */
export const refuseRequest = (response: ServerResponse, refusal: Refusal, more: object = {}): void => {
  const { status, headers, body } = answerOf(refusal, more)
  response.writeHead(status, headers)
  response.end(body)
}

/** Sends the response and lets go of the socket. */
export const refuseUpgrade = (socket: Duplex, refusal: Refusal): void => {
  if (socket.destroyed || !socket.writable) {
    socket.destroy()
    return
  }
  socket.once('finish', () => socket.destroy())
  socket.end(refusalResponse(refusal))
}
