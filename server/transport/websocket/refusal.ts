/** Answers a refused upgrade: an HTTP response on the raw socket, then its end. */
import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { ERRORS } from '../../../shared/errors.js'
import type { Refusal } from '../ports.js'

/** When to come back after a refusal that is worth another try and does not say when, ms. */
export const DEFAULT_RETRY_MS = 5_000

/** The whole response. `Retry-After` goes where coming back unchanged can help. */
export const refusalResponse = ({ code, message, retryAfterMs }: Refusal): string => {
  const { http: status, retryable } = ERRORS[code]
  const body = JSON.stringify({ code, message, retryable })
  // A retryable 401 wants another token, not another moment.
  const waitMs = retryAfterMs ?? (retryable && status >= 429 ? DEFAULT_RETRY_MS : null)
  const headers = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Connection: close',
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Cache-Control: no-store',
  ]
  if (waitMs !== null) headers.push(`Retry-After: ${Math.max(1, Math.ceil(waitMs / 1000))}`)
  if (status === 401) headers.push('WWW-Authenticate: Bearer')
  return `${headers.join('\r\n')}\r\n\r\n${body}`
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
