/**
 * The registered claims of a token whose signature is good (RFC 7519 §4.1): by whom it was made, for whom, and when
 * it holds. What is not as asked for refuses the token, and no error repeats any part of it.
 */
import { PlenumError } from '../../shared/errors.js'

export interface ClaimTerms {
  /** Required `iss`; null where any will do. */
  readonly issuer: string | null
  /** Required `aud`, or one of them; null where any will do. */
  readonly audience: string | null
  /** How far the issuer's clock may be off. */
  readonly skewSeconds: number
}

export interface Claims {
  /** Seconds since 1970. */
  readonly exp: number
  readonly sub?: unknown
  readonly name?: unknown
  readonly spaces?: unknown
}

const decoder = new TextDecoder('utf-8', { fatal: true })

/**
 * @param payload in base64url
 * @throws unauthenticated, token_expired
 */
export const readClaims = (payload: string, terms: ClaimTerms, nowMs: number): Claims => {
  const claims = parse(payload)
  const { iss, aud, iat, nbf, exp } = claims
  const { issuer, audience, skewSeconds } = terms
  const nowSeconds = Math.floor(nowMs / 1000)
  if (issuer !== null && iss !== issuer) return refuse('iss')
  if (audience !== null && aud !== audience && !(Array.isArray(aud) && aud.includes(audience))) {
    return refuse('aud')
  }
  if (iat !== undefined && typeof iat !== 'number') return refuse('iat')
  if (nbf !== undefined && !(typeof nbf === 'number' && nbf <= nowSeconds + skewSeconds)) return refuse('nbf')
  if (typeof exp !== 'number') return refuse('exp')
  if (exp <= nowSeconds - skewSeconds) throw new PlenumError('token_expired')
  return { ...claims, exp }
}

const parse = (payload: string): Readonly<Record<string, unknown>> => {
  try {
    const claims: unknown = JSON.parse(decoder.decode(Buffer.from(payload, 'base64url')))
    if (typeof claims === 'object' && claims !== null && !Array.isArray(claims)) {
      return claims as Record<string, unknown>
    }
  } catch {
    // Refused below.
  }
  throw new PlenumError('unauthenticated', 'not a valid token')
}

const refuse = (claim: string): never => {
  throw new PlenumError('unauthenticated', `the token's claim "${claim}" is not accepted`)
}
