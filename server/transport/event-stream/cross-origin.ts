/** What a page of another origin needs to hear before its browser lets it use this door (Fetch standard, CORS). */
import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import { POLL_HEADER, SEQUENCE_HEADER, SESSION_HEADER } from '../../../shared/protocol/index.js'

const PREFLIGHT_MAX_AGE_SECONDS = 7_200
export const METHODS = 'GET, POST, DELETE'

/** For every answer, also to those that are refused. */
export const crossOriginHeaders = (
  { headers: { origin } }: IncomingMessage,
  isAllowed: boolean,
): OutgoingHttpHeaders => ({
  Vary: 'Origin',
  ...(origin !== undefined && isAllowed
    ? {
        'Access-Control-Allow-Origin': origin,
        'Access-Control-Expose-Headers': 'Retry-After',
        'Cross-Origin-Resource-Policy': 'cross-origin',
      }
    : { 'Cross-Origin-Resource-Policy': 'same-origin' }),
})

export const PREFLIGHT_HEADERS: OutgoingHttpHeaders = Object.freeze({
  'Access-Control-Allow-Methods': METHODS,
  'Access-Control-Allow-Headers': `authorization, content-type, ${SESSION_HEADER}, ${SEQUENCE_HEADER}, ${POLL_HEADER}`,
  'Access-Control-Max-Age': PREFLIGHT_MAX_AGE_SECONDS,
  'Cache-Control': 'no-store',
})
