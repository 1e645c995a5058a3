/**
 * Pages of allowed origins may use every route of the API and read every answer, refusals included; pages of others
 * get none. The token is a header, so that browsers ask before.
 */
import type { ErrorRequestHandler, RequestHandler, Response } from 'express'
import { PlenumError } from '../../../shared/errors.js'
import type { ApiPorts } from './ports.js'

/** How long a browser may remember that it may ask, s. */
const PREFLIGHT_SECONDS = 600
export const ALLOWED_METHODS = ['GET', 'POST', 'PUT', 'DELETE']
const ALLOWED_HEADERS = 'Authorization, Content-Type, Last-Event-ID'
/** Of headers that are not plain, a page reads these. */
const EXPOSED_HEADERS = 'Plenum-Position, Retry-After'

export const crossOrigin =
  ({ isOriginAllowed }: Pick<ApiPorts, 'isOriginAllowed'>): RequestHandler =>
  (request, response, next) => {
    const { origin } = request.headers
    response.vary('Origin')
    if (!isOriginAllowed(request)) throw new PlenumError('origin_denied')
    allow(response, origin)
    if (request.method !== 'OPTIONS') return next()
    response
      .set('Access-Control-Allow-Methods', ALLOWED_METHODS.join(', '))
      .set('Access-Control-Allow-Headers', ALLOWED_HEADERS)
      .set('Access-Control-Max-Age', String(PREFLIGHT_SECONDS))
      .status(204)
      .end()
  }

/** For what was refused before any path was found, as one that cannot be decoded. */
export const crossOriginErrors =
  ({ isOriginAllowed }: Pick<ApiPorts, 'isOriginAllowed'>): ErrorRequestHandler =>
  (error, request, response, next) => {
    if (!response.headersSent) {
      response.vary('Origin').set('Cache-Control', 'no-store')
      if (isOriginAllowed(request)) allow(response, request.headers.origin)
    }
    next(error)
  }

const allow = (response: Response, origin: string | undefined): void => {
  if (origin === undefined) return
  response
    .set('Access-Control-Allow-Origin', origin)
    .set('Access-Control-Expose-Headers', EXPOSED_HEADERS)
    .set('Cross-Origin-Resource-Policy', 'cross-origin')
}
