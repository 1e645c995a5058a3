/**
 * What the doors ask: may the bearer of these credentials enter this space? They never hold a token
 * themselves.
 */
import { PlenumError } from '../../shared/errors.js'
import { type Grants, roleFor } from '../../shared/grants.js'
import type { SpaceName } from '../../shared/names.js'
import { ROLES, type Role } from '../../shared/roles.js'
import type { Access, Scope } from '../space/peer.js'
import type { JwtGate } from './jwt-gate.js'
import { type Credentials, findToken } from './token-carriers.js'

export interface Gate {
  /** @throws unauthenticated, token_expired, forbidden */
  admit(credentials: Credentials, space: SpaceName): Promise<Access>
  /**
   * A fresh token for someone who is inside already.
   * @throws unauthenticated (also for another user's token), token_expired, forbidden
   */
  renew(token: string, space: SpaceName, user: string): Promise<Access>
  /**
   * What these credentials are good for, for requests that name no space; a gate that cannot tell leaves it out.
   * @throws unauthenticated, token_expired
   */
  scope?(credentials: Credentials): Promise<Scope>
}

export const createGate = (tokens: JwtGate): Gate => ({
  async admit(credentials, space) {
    return tokens.authorize(await tokens.authenticate(tokenOf(credentials)), space)
  },

  async scope(credentials) {
    const { user, grants } = await tokens.authenticate(tokenOf(credentials))
    return { user, roleOn: space => roleFor(grants, space), everywhere: everywhere(grants) }
  },

  async renew(token, space, user) {
    const principal = await tokens.authenticate(token)
    if (principal.user !== user) throw new PlenumError('unauthenticated', 'the token is of another user')
    return tokens.authorize(principal, space)
  },
})

const tokenOf = (credentials: Credentials): string => {
  const token = findToken(credentials)
  if (token === null) throw new PlenumError('unauthenticated', 'no token')
  return token
}

/** A narrower pattern may take back what `**` grants, so that a token with others is good for no more than theirs. */
const everywhere = (grants: Grants): Role | null => {
  if (!grants.has('**')) return null
  return ROLES.find(role => [...grants.values()].includes(role)) ?? null
}
