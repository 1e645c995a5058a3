/** `plenum start`: the server with the demo page, and an address to try it at. For a look, not for operation. */
import { resolveSecret } from '../auth/secret.js'
import { signToken } from '../auth/sign-token.js'
import { readCommandLine } from './arguments.js'
import { DEMO_SPACE, demoDesk, demoInvitation } from './demo-desk.js'
import type { Command } from './io.js'
import { runService } from './run-service.js'

const TOKEN_TTL_MS = 24 * 60 * 60 * 1000
const VISITORS = ['Ada', 'Barbara'] as const

export const start: Command = async (args, io) => {
  const { config: given } = readCommandLine('start', args, { flags: [] })
  const config = { ...given, demo: 'on' } as const
  return runService({
    config,
    io,
    demoDesk: demoDesk(config),
    onListening: async ({ url }) => {
      const secret = await resolveSecret(config.secret, config.dataDir)
      const { audience, issuer } = config
      const token = await signToken({
        secret: secret.value,
        user: 'demo',
        name: 'Demo',
        spaces: { [DEMO_SPACE]: 'write' },
        ttlMs: TOKEN_TTL_MS,
        audience,
        issuer,
        nowMs: Date.now(),
      })
      const socketUrl = `${url.replace(/^http/, 'ws')}/sync`
      const key = demoInvitation(secret.value)
      io.out(`Plenum listens on ${url} and keeps its data in ${config.dataDir}`)
      io.out('')
      io.out('Open the demo in two windows, as two people:')
      for (const name of VISITORS) io.out(`  ${url}/#space=${DEMO_SPACE}&as=${name}&key=${key}`)
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
