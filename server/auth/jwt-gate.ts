/**
 * Tokens to identities, identities to roles: the one lock behind every door. HS256 only; a token is refused
 * unless its signature, its expiry and its grants are all good, and no error repeats any part of it.
 */
import { createSecretKey } from 'node:crypto'
import { PlenumError } from '../../shared/errors.js'
import { type Grants, parseGrants, roleFor } from '../../shared/grants.js'
import type { SpaceName } from '../../shared/names.js'
import { MAX_TOKEN_BYTES } from '../../shared/protocol/index.js'
import type { Access } from '../space/peer.js'
import { type Claims, type ClaimTerms, readClaims } from './claims.js'
import { signedPayload } from './signed-payload.js'

/** Who a token says they are, and what it grants. */
export interface Principal {
  /** The claim `sub`. */
  readonly user: string
  /** The claim `name`, for show. */
  readonly name: string | null
  readonly grants: Grants
  /** From this moment on the token is refused, ms since 1970: its `exp` and the allowed clock skew. */
  readonly expiresAtMs: number
}

export interface JwtGateOptions {
  /** The HS256 key: the UTF-8 bytes of the secret. */
  readonly secret: string
  /** Required `aud`, where set. */
  readonly audience?: string | null
  /** Required `iss`, where set. */
  readonly issuer?: string | null
  /** How far the issuer's clock may be off, seconds, at most 60. */
  readonly skewSeconds?: number
  /** The clock, ms since 1970. */
  readonly now: () => number
}

export interface JwtGate {
  /** @throws unauthenticated, token_expired */
  authenticate(token: string): Promise<Principal>
  /** @throws forbidden where the token grants no role on the space */
  authorize(principal: Principal, space: SpaceName): Access
}

export const MAX_USER_CHARACTERS = 512
export const MAX_NAME_CHARACTERS = 512
export const MAX_SKEW_SECONDS = 60

/** Tokens by a shared secret (RFC 7519, RFC 7518 §3.2). */
export const createJwtGate = (options: JwtGateOptions): JwtGate => {
  const { audience = null, issuer = null, skewSeconds = 0, now } = options
  const key = createSecretKey(Buffer.from(options.secret, 'utf8'))
  const terms: ClaimTerms = { audience, issuer, skewSeconds: Math.min(skewSeconds, MAX_SKEW_SECONDS) }

  return {
    async authenticate(token) {
      if (token.length > MAX_TOKEN_BYTES) throw new PlenumError('unauthenticated', 'the token is too long')
      const claims = readClaims(signedPayload(token, key), terms, now())
      return principalOf(claims, terms.skewSeconds)
    },

    authorize(principal, space) {
      const role = roleFor(principal.grants, space)
      if (role === null) throw new PlenumError('forbidden', 'the token grants nothing on this space')
      return { user: principal.user, name: principal.name, role, expiresAtMs: principal.expiresAtMs }
    },
  }
}

const principalOf = (claims: Claims, skewSeconds: number): Principal => {
  const refuse = (why: string): never => {
    throw new PlenumError('unauthenticated', why)
  }
  const { sub, exp, name = null } = claims
  if (typeof sub !== 'string' || sub === '' || sub.length > MAX_USER_CHARACTERS) {
    return refuse(`the token's claim "sub" must have 1 to ${MAX_USER_CHARACTERS} characters`)
  }
  if (name !== null && (typeof name !== 'string' || name.length > MAX_NAME_CHARACTERS)) {
    return refuse(`the token's claim "name" must be a string of at most ${MAX_NAME_CHARACTERS} characters`)
  }
  const expiresAtMs = Math.floor((exp + skewSeconds) * 1000)
  if (!Number.isSafeInteger(expiresAtMs)) return refuse('the token\'s claim "exp" is not a date')
  return { user: sub, name, grants: parseGrants(claims.spaces), expiresAtMs }
}
