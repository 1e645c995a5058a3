/** Makes the tokens that the gate accepts: for the command line, for embedders and for tests. */
import { createSecretKey } from 'node:crypto'
import { SignJWT } from 'jose'
import type { Role } from '../../shared/roles.js'

export interface TokenRequest {
  /** The HS256 key: the UTF-8 bytes of the secret. */
  readonly secret: string
  /** The claim `sub`. */
  readonly user: string
  /** The claim `name`, for show. */
  readonly name?: string | null
  /** Space patterns and the role on each: `{ 'team-a/**': 'write', demo: 'read' }`. */
  readonly spaces: Readonly<Record<string, Role>>
  /** How long the token is good for, ms; rounded up to a whole second. */
  readonly ttlMs: number
  readonly audience?: string | null
  readonly issuer?: string | null
  /** The clock, ms since 1970. */
  readonly nowMs: number
}

/** A signed token (JWT, HS256). What it claims is not checked here: the gate does that. */
export const signToken = (request: TokenRequest): Promise<string> => {
  const { name = null, audience = null, issuer = null } = request
  const token = new SignJWT({ ...(name === null ? {} : { name }), spaces: request.spaces })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setSubject(request.user)
    .setIssuedAt(Math.floor(request.nowMs / 1000))
    .setExpirationTime(Math.ceil((request.nowMs + request.ttlMs) / 1000))
  if (audience !== null) token.setAudience(audience)
  if (issuer !== null) token.setIssuer(issuer)
  return token.sign(createSecretKey(Buffer.from(request.secret, 'utf8')))
}
