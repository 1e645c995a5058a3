/** `plenum token`: signs a token with the secret that the server uses, and prints it and nothing else. */
import { parseGrants } from '../../shared/grants.js'
import { isRole, ROLES, type Role } from '../../shared/roles.js'
import { MAX_USER_CHARACTERS } from '../auth/jwt-gate.js'
import { resolveSecret } from '../auth/secret.js'
import { signToken } from '../auth/sign-token.js'
import { parseDurationMs } from '../config/quantities.js'
import { readCommandLine } from './arguments.js'
import { UsageError } from './failure.js'
import { type Command, EXIT } from './io.js'

const DEFAULT_TTL = '1h'

export const token: Command = async (args, io) => {
  const { flags, config } = readCommandLine('token', args, {
    flags: ['user', 'space', 'role', 'ttl', 'name'],
    settings: ['dataDir', 'audience', 'issuer'],
  })
  const user = flags.user ?? missing('user')
  if (user === '' || user.length > MAX_USER_CHARACTERS) {
    throw new UsageError(`token: --user must have 1 to ${MAX_USER_CHARACTERS} characters`)
  }
  const spaces = grantOf(flags.space ?? missing('space'), flags.role ?? missing('role'))
  const ttlMs = ttlOf(flags.ttl ?? DEFAULT_TTL)
  const secret = await resolveSecret(config.secret, config.dataDir)
  if (secret.source === 'drawn') {
    io.err(`plenum: ${config.dataDir} had no secret yet; one was drawn and is kept there`)
  }
  const { audience, issuer } = config
  const name = flags.name ?? null
  io.out(
    await signToken({ secret: secret.value, user, name, spaces, ttlMs, audience, issuer, nowMs: Date.now() }),
  )
  return EXIT.ok
}

const missing = (flag: string): never => {
  throw new UsageError(`token: --${flag} is missing; see plenum token --help`)
}

const grantOf = (pattern: string, role: string): Record<string, Role> => {
  if (!isRole(role)) throw new UsageError(`token: --role must be one of ${ROLES.join(', ')}`)
  try {
    parseGrants({ [pattern]: role })
  } catch {
    throw new UsageError('token: --space must be a space name or a pattern such as "team-a/**"')
  }
  return { [pattern]: role }
}

const ttlOf = (text: string): number => {
  const ttlMs = parseDurationMs(text)
  if (ttlMs === null || ttlMs <= 0)
    throw new UsageError('token: --ttl must be a duration such as 15m, 1h or 7d')
  return ttlMs
}
