/**
 * Behind a real nginx: one that is set up as the README says, and those that break what passes. The client gets
 * through by itself, comes back after every outage, and takes nothing for saved before it is on disk.
 */
import { WebSocket } from 'ws'
import * as Y from 'yjs'
import { SpaceProvider } from '../../client/index.js'
import { Nginx, type NginxManner, whyNoNginx } from '../support/nginx.js'
import { freePort, type ServerProcess, startServer } from '../support/server-process.js'
import { assert, suite } from '../support/suite.js'
import { until } from '../support/until.js'

const test = suite('behind nginx')
const NO_NGINX = whyNoNginx()

let server: ServerProcess
let nginx: Nginx | null = null
const providers: SpaceProvider[] = []
test.before(async () => {
  server = await startServer({ env: { PLENUM_HEARTBEAT: '2s' } })
})
test.after.each(async () => {
  for (const provider of providers.splice(0)) provider.destroy()
  await nginx?.stop()
  nginx = null
})
test.after(() => server.dispose())

const open = async (syncUrl: string, space: string, user: string) => {
  const doc = new Y.Doc()
  const provider = new SpaceProvider(syncUrl, space, doc, {
    token: await server.token(user, space),
    WebSocketPolyfill: WebSocket as never,
    maxBackoffTime: 300,
    disableBc: true,
  })
  providers.push(provider)
  return { provider, text: doc.getText('text') }
}

/** Which door stays open behind each. */
const MANNERS: readonly { readonly manner: NginxManner; readonly door: string }[] = [
  { manner: 'advised', door: 'websocket' },
  { manner: 'plain', door: 'event-stream' },
  { manner: 'refusing-upgrades', door: 'event-stream' },
  { manner: 'buffering', door: 'event-stream-poll' },
]

for (const { manner, door } of MANNERS) {
  const title = `[F14] behind an nginx that is ${manner} a client gets through, comes back, and loses nothing`
  test.skipIf(NO_NGINX, title, { timeoutMs: 90_000 }, async () => {
    const space = `behind-${manner}`
    const port = await freePort()
    nginx = await Nginx.start(manner, server.port, port)
    const direct = await open(server.syncUrl, space, 'bob')
    const behind = await open(nginx.syncUrl, space, 'ada')
    behind.text.insert(0, 'made before it was connected. ')
    await behind.provider.whenSaved()
    assert.is(behind.provider.door, door)
    await until('others see it', () => direct.text.toString() === behind.text.toString())
    await until('they see each other', () =>
      [direct, behind].every(
        ({ provider }) => provider.members.filter(({ status }) => status === 'here').length === 2,
      ),
    )

    await nginx.stop()
    await until('it knows', () => behind.provider.connection.state !== 'connected', 20_000)
    behind.text.insert(0, 'made while nginx was away. ')
    direct.text.insert(0, 'made by another meanwhile. ')
    nginx = await Nginx.start(manner, server.port, port)
    await behind.provider.whenSaved()
    await until('both have both', () => {
      const text = behind.text.toString()
      return text === direct.text.toString() && text.includes('nginx was away') && text.includes('meanwhile')
    })

    const before = behind.text.toString()
    await server.restart()
    await behind.provider.whenSaved()
    const fresh = await open(server.syncUrl, space, 'eve')
    await until('what was saved is there after a kill -9', () => fresh.text.toString() === before)
  })
}
