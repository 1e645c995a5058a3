/**
 * The signature of a token: a JSON Web Signature in compact form, HS256 and nothing else (RFC 7515 §5.2, RFC 7518
 * §3.2). The signature is always computed with our key; what the header says can only refuse a token.
 */
import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto'
import { PlenumError } from '../../shared/errors.js'

/**
 * @returns the payload of a token that was signed with the key, still in base64url
 * @throws unauthenticated
 */
export const signedPayload = (token: string, key: KeyObject): string => {
  const [header = '', payload = '', signature = '', ...rest] = token.split('.')
  if (rest.length > 0 || payload === '') return refuse('not a valid token')
  if (!USUAL_HEADERS.has(header)) checkHeader(header)
  // As text: a signature has one encoding.
  const expected = Buffer.from(createHmac('sha256', key).update(`${header}.${payload}`).digest('base64url'))
  const given = Buffer.from(signature)
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    return refuse('the token is not signed with our key')
  }
  return payload
}

/** What nearly all tokens begin with; any other header is read. */
const USUAL_HEADERS: ReadonlySet<string> = new Set(
  ['{"alg":"HS256"}', '{"alg":"HS256","typ":"JWT"}', '{"typ":"JWT","alg":"HS256"}'].map(json =>
    Buffer.from(json).toString('base64url'),
  ),
)

/** @throws unauthenticated */
const checkHeader = (text: string): void => {
  const { alg, crit } = readHeader(text)
  if (alg !== 'HS256') refuse('the token is not signed with HS256')
  // An extension that must be understood, and we understand none.
  if (crit !== undefined) refuse('not a valid token')
}

const readHeader = (text: string): { readonly alg?: unknown; readonly crit?: unknown } => {
  try {
    const header: unknown = JSON.parse(Buffer.from(text, 'base64url').toString())
    if (typeof header === 'object' && header !== null) return header
  } catch {
    // Refused below.
  }
  return refuse('not a valid token')
}

const refuse = (why: string): never => {
  throw new PlenumError('unauthenticated', why)
}
