/** The gate of a service: what a token says, and then whether its user may enter at all. Every door asks this one. */
import type { SpaceName } from '../../shared/names.js'
import type { Gate } from '../auth/gate.js'

export interface Welcome {
  /** @throws revoked; load_failed where it is not known who is */
  expectWelcome(space: SpaceName, user: string): Promise<void>
}

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
})
