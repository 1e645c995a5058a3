/**
 * Who signs tokens for visitors of the demo: whoever holds the invitation may come under any name. It follows
 * from the secret, so that an address keeps working as long as the data folder does.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { resolveSecret } from '../auth/secret.js'
import { signToken } from '../auth/sign-token.js'
import type { Config } from '../config.js'
import type { DemoDesk } from '../http/demo-desk.js'

/** The space that visitors start in. They may make others below it. */
export const DEMO_SPACE = 'demo'
const TTL_MS = 15 * 60 * 1000
/** 22 characters of six bits: more than 128 bits. */
const INVITATION_CHARACTERS = 22

export const demoInvitation = (secret: string): string =>
  createHmac('sha256', secret)
    .update('invitation to the demo')
    .digest('base64url')
    .slice(0, INVITATION_CHARACTERS)

export const demoDesk = (config: Config): DemoDesk => ({
  tokenFor: async (invitation, { name, role }) => {
    const secret = await resolveSecret(config.secret, config.dataDir)
    if (!isSame(invitation, demoInvitation(secret.value))) return null
    const { audience, issuer } = config
    return signToken({
      secret: secret.value,
      user: name,
      name,
      spaces: { [DEMO_SPACE]: role, [`${DEMO_SPACE}/**`]: role },
      ttlMs: TTL_MS,
      audience,
      issuer,
      nowMs: Date.now(),
    })
  },
})

/** Takes as long for a near miss as for a far one. */
const isSame = (a: string, b: string): boolean => timingSafeEqual(sha256(a), sha256(b))

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest()
