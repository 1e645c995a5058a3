/**
 * The gate of an application that says itself who comes in. What it answers is checked like a token; what it throws
 * that is not ours is an `internal` to whoever waits, with its cause kept for the log.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { PlenumError, toPlenumError } from '../../shared/errors.js'
import { isRole, ROLES, type Role } from '../../shared/roles.js'
import type { Access } from '../space/peer.js'
import type { Gate } from './gate.js'
import { MAX_NAME_CHARACTERS, MAX_USER_CHARACTERS } from './jwt-gate.js'
import { findToken } from './token-carriers.js'

/** Somebody at a door. The origin of a web page has been checked, nothing else has. */
export interface AuthorizeRequest {
  readonly space: string
  /** From the subprotocol list, the header `Authorization` or the query; null where there is none. */
  readonly token: string | null
  /** Of the request, with its cookies; empty where somebody inside brings a fresh token. */
  readonly headers: IncomingHttpHeaders
  /** The client's, or that of the proxy in front of it; null where somebody inside brings a fresh token. */
  readonly address: string | null
  /** Who is inside already and brings a fresh token; null for everybody else. */
  readonly user: string | null
}

export interface Authorized {
  /** 1 to 512 characters: who it is, to everybody in the space. */
  readonly user: string
  /** For show. */
  readonly name?: string | null | undefined
  readonly role: Role
  /** When to ask again, a date or ms since 1970: the connection is closed then, unless a fresh token came before. */
  readonly expiresAt?: number | Date | null | undefined
}

/**
 * Who it is and what they may do in that space; null: nobody who is known, who should log in (`unauthenticated`).
 * @throws PlenumError with the code to refuse with: `forbidden` for somebody who is known and has no business there
 */
export type Authorize = (
  request: AuthorizeRequest,
) => Authorized | null | undefined | Promise<Authorized | null | undefined>

/** @param now the clock, ms since 1970 */
export const createAuthorizeGate = (authorize: Authorize, now: () => number): Gate => {
  const ask = async (request: AuthorizeRequest): Promise<Access> => {
    try {
      const answer = await authorize(request)
      if (answer === null || answer === undefined) throw new PlenumError('unauthenticated')
      return accessOf(answer, now())
    } catch (error) {
      throw toPlenumError(error)
    }
  }
  return {
    admit: (credentials, space) => {
      const { headers = {}, address = null } = credentials
      return ask({ space, token: findToken(credentials), headers, address, user: null })
    },

    async renew(token, space, user) {
      const access = await ask({ space, token, headers: {}, address: null, user })
      if (access.user !== user) throw new PlenumError('unauthenticated', 'the token is of another user')
      return access
    },
  }
}

/** Once each: an answer may be an object with opinions of its own. */
const accessOf = ({ user, name = null, role, expiresAt = null }: Authorized, nowMs: number): Access => {
  if (typeof user !== 'string' || user === '' || user.length > MAX_USER_CHARACTERS) {
    return wrong(`a user that is no text of 1 to ${MAX_USER_CHARACTERS} characters`)
  }
  if (name !== null && (typeof name !== 'string' || name.length > MAX_NAME_CHARACTERS)) {
    return wrong(`a name that is no text of at most ${MAX_NAME_CHARACTERS} characters`)
  }
  if (!isRole(role)) return wrong(`a role that is none of ${ROLES.join(', ')}`)
  if (expiresAt === null) return { user, name, role, expiresAtMs: null }
  const expiresAtMs = Number(expiresAt)
  if (!Number.isFinite(expiresAtMs)) return wrong('an expiry that is no date')
  if (expiresAtMs <= nowMs) {
    throw new PlenumError('token_expired', 'authorize() gave an expiry that is past, in ms since 1970')
  }
  return { user, name, role, expiresAtMs }
}

const wrong = (what: string): never => {
  throw new Error(`authorize() gave ${what}`)
}
