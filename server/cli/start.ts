/** `plenum start`: the server, with an address and a token to try it with. For a look, not for operation. */
import { resolveSecret } from '../auth/secret.js'
import { signToken } from '../auth/sign-token.js'
import { readCommandLine } from './arguments.js'
import type { Command } from './io.js'
import { runService } from './run-service.js'

const DEMO_SPACE = 'demo'
const DEMO_TTL_MS = 24 * 60 * 60 * 1000

export const start: Command = async (args, io) => {
  const { config } = readCommandLine('start', args, { flags: [] })
  return runService({
    config,
    io,
    onListening: async ({ url }) => {
      const secret = await resolveSecret(config.secret, config.dataDir)
      const { audience, issuer } = config
      const token = await signToken({
        secret: secret.value,
        user: 'demo',
        name: 'Demo',
        spaces: { [DEMO_SPACE]: 'write' },
        ttlMs: DEMO_TTL_MS,
        audience,
        issuer,
        nowMs: Date.now(),
      })
      const socketUrl = `${url.replace(/^http/, 'ws')}/sync`
      io.out(`Plenum listens on ${url} and keeps its data in ${config.dataDir}`)
      io.out('')
      io.out(`A token that may write in the space "${DEMO_SPACE}" for a day:`)
      io.out(`  ${token}`)
      io.out('To connect with the stock y-websocket provider:')
      io.out(`  new WebsocketProvider('${socketUrl}', '${DEMO_SPACE}', doc, { params: { token } })`)
      io.out('As one WebSocket address:')
      io.out(`  ${socketUrl}/${DEMO_SPACE}?token=${token}`)
    },
  })
}
