/**
 * What the doors ask: may the bearer of these credentials enter this space? They never hold a token
 * themselves.
 */
import { PlenumError } from '../../shared/errors.js'
import type { SpaceName } from '../../shared/names.js'
import type { Access } from '../space/peer.js'
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
}

export const createGate = (tokens: JwtGate): Gate => ({
  async admit(credentials, space) {
    const token = findToken(credentials)
    if (token === null) throw new PlenumError('unauthenticated', 'no token')
    return tokens.authorize(await tokens.authenticate(token), space)
  },

  async renew(token, space, user) {
    const principal = await tokens.authenticate(token)
    if (principal.user !== user) throw new PlenumError('unauthenticated', 'the token is of another user')
    return tokens.authorize(principal, space)
  },
})
