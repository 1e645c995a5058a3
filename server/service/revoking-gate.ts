/** The gate of a service: what a token says, and then whether its user may enter at all. Every door asks this one. */

import { PlenumError } from '../../shared/errors.js'
import type { Gate } from '../auth/gate.js'
import type { SpaceDesk } from '../space/space-desk.js'

/** @throws revoked; load_failed where it is not known who is */
export type Welcome = Pick<SpaceDesk, 'expectWelcome' | 'revocations'>

export const revokingGate = (gate: Gate, welcome: Welcome): Gate => ({
  async admit(credentials, space) {
    const access = await gate.admit(credentials, space)
    await welcome.expectWelcome(space, access.user)
    return access
  },

  async renew(token, space, user) {
    const access = await gate.renew(token, space, user)
    await welcome.expectWelcome(space, access.user)
    return access
  },

  ...(gate.scope !== undefined && {
    async scope(credentials) {
      const scope = await gate.scope!(credentials)
      const everywhere = await welcome.revocations(null)
      if (everywhere.some(({ user }) => user === scope.user)) throw new PlenumError('revoked')
      return scope
    },
  }),
})
