/**
 * What programs ask about a space over HTTP: `GET /api/spaces/<space>/members` and `…/intentions`, the name
 * percent-encoded as one segment and a token as bearer. The lock is the doors'; the space need not be open.
 */
import type { IncomingMessage } from 'node:http'
import { type Request, type RequestHandler, Router } from 'express'
import { PlenumError } from '../../shared/errors.js'
import { parseSpaceName, type SpaceName } from '../../shared/names.js'
import type { RosterMember } from '../../shared/protocol/index.js'
import type { AttestedIntentions } from '../space/intentions-desk.js'

export interface SpaceApi {
  /** Whether a page may ask at all; programs, which send no origin, may. */
  isOriginAllowed(request: IncomingMessage): boolean
  /** @throws unauthenticated, token_expired, forbidden, rate_limited, origin_denied, draining */
  admit(request: IncomingMessage, space: SpaceName): Promise<void>
  /** Who is there and who was. @throws load_failed */
  members(space: SpaceName): Promise<readonly RosterMember[]>
  /** What members mean to do, and who said so. @throws draining, load_failed */
  intentions(space: SpaceName): Promise<AttestedIntentions>
  /** The clock, ms since 1970. */
  now(): number
}

/** How long a browser may remember that it may ask, s. */
const PREFLIGHT_SECONDS = 600

export const spaceApi = (api: SpaceApi): Router => {
  const routes = Router()
  routes.use('/api/spaces/:space', crossOrigin(api))
  routes.get('/api/spaces/:space/members', async (request, response) => {
    const space = spaceOf(request)
    await api.admit(request, space)
    const members = (await api.members(space)).toSorted(hereFirst).map(shown)
    response.set('Cache-Control', 'no-store').json({ space, serverTime: api.now(), members })
  })
  routes.get('/api/spaces/:space/intentions', async (request, response) => {
    const space = spaceOf(request)
    await api.admit(request, space)
    const { intentions, invalid } = await api.intentions(space)
    response.set('Cache-Control', 'no-store').json({ space, serverTime: api.now(), intentions, invalid })
  })
  return routes
}

const spaceOf = (request: Request): SpaceName => parseSpaceName(String(request.params.space))

/** Pages of allowed origins may read the answers; the token is a header, so that browsers ask before. */
const crossOrigin =
  (api: SpaceApi): RequestHandler =>
  (request, response, next) => {
    const { origin } = request.headers
    if (!api.isOriginAllowed(request)) throw new PlenumError('origin_denied')
    response.vary('Origin')
    if (origin !== undefined) response.set('Access-Control-Allow-Origin', origin)
    if (request.method !== 'OPTIONS') return next()
    response
      .set('Access-Control-Allow-Methods', 'GET')
      .set('Access-Control-Allow-Headers', 'Authorization')
      .set('Access-Control-Max-Age', String(PREFLIGHT_SECONDS))
      .status(204)
      .end()
  }

/** Who is here, in the order of arrival; then who left, the latest first. */
const hereFirst = (a: RosterMember, b: RosterMember): number => {
  if (a.left === null || b.left === null) {
    if (a.left !== b.left) return a.left === null ? -1 : 1
    return a.joinedAtMs - b.joinedAtMs
  }
  return b.left.atMs - a.left.atMs
}

const shown = ({ user, name, connections, joinedAtMs, lastSeenMs, left }: RosterMember) => ({
  user,
  name,
  connections,
  joinedAt: joinedAtMs,
  lastSeen: lastSeenMs,
  left: left === null ? null : { at: left.atMs, reason: left.reason },
})
