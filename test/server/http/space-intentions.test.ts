/** The intentions of a space over HTTP, asked of a whole service. */
import { WebSocket } from 'ws'
import * as Y from 'yjs'
import { connectSpace } from '../../../client/connect-space.js'
import { intentions } from '../../../client/intentions/intentions.js'
import type { SpaceConnection } from '../../../client/space-connection.js'
import type { Config } from '../../../server/config.js'
import { createService, type Service, type ServiceOptions } from '../../../server/create-service.js'
import { signToken } from '../../../server/index.js'
import type { AttestedIntentions } from '../../../server/space/intentions-desk.js'
import type { Role } from '../../../shared/roles.js'
import { assert, suite } from '../../support/suite.js'
import { temporaryFolder } from '../../support/temporary-folder.js'

const test = suite('space api: intentions')

const SECRET = 'a secret of the tests, long enough to be one'
const SPACE = 'team/notes'
const services: Service[] = []
const connections: SpaceConnection[] = []

const serve = async (config: Partial<Config> = {}, options: ServiceOptions = {}): Promise<string> => {
  const service = createService({
    config: { port: 0, secret: SECRET, dataDir: temporaryFolder('routes'), logLevel: 'fatal', ...config },
    ...options,
  } as ServiceOptions)
  services.push(service)
  return (await service.start()).url
}

test.after.each(async () => {
  for (const connection of connections.splice(0)) connection.close()
  await Promise.all(services.splice(0).map(service => service.close()))
})

const tokenFor = (user: string, role: Role = 'write', ttlMs = 60_000): Promise<string> =>
  signToken({ secret: SECRET, user, spaces: { [SPACE]: role }, ttlMs, nowMs: Date.now() })

const connect = async (url: string, user: string) => {
  const doc = new Y.Doc()
  const connection = connectSpace({ url, space: SPACE, token: await tokenFor(user), doc, WebSocket })
  connections.push(connection)
  await connection.whenSynced()
  return { doc, connection, board: intentions(doc, { by: user }) }
}

const get = (url: string, headers: Record<string, string> = {}, space = SPACE): Promise<Response> =>
  fetch(`${url}/api/spaces/${encodeURIComponent(space)}/intentions`, { headers })

const bearer = async (user: string, ...rest: [Role?, number?]) => ({
  Authorization: `Bearer ${await tokenFor(user, ...rest)}`,
})

const boardOf = async (url: string): Promise<AttestedIntentions> => {
  const response = await get(url, await bearer('reader', 'read'))
  assert.is(response.status, 200)
  assert.is(response.headers.get('cache-control'), 'no-store')
  return (await response.json()) as AttestedIntentions
}

const verifiedOf = ({ intentions: found }: AttestedIntentions): Record<string, boolean> =>
  Object.fromEntries(found.map(({ text, verified }) => [text, verified]))

for (const workers of [0, 1]) {
  test(`[V5] [V6] a forged "by" is served as not verified, with ${workers} engine threads`, async () => {
    const dataDir = temporaryFolder('routes')
    const first = await serve({ dataDir, workers })
    const [ada, eve] = [await connect(first, 'ada'), await connect(first, 'eve')]
    ada.board.propose('of ada')
    eve.board.propose('of eve')
    intentions(eve.doc, { by: 'ada' }).propose('of eve, as ada')
    await Promise.all([ada.connection.whenSaved(), eve.connection.whenSaved()])
    const expected = { 'of ada': true, 'of eve': true, 'of eve, as ada': false }
    const board = await boardOf(first)
    assert.equal(verifiedOf(board), expected)
    assert.is(board.intentions.find(({ text }) => text === 'of eve, as ada')?.deliveredBy.by, 'eve')
    for (const { connection } of [ada, eve]) connection.close()
    await services.pop()?.close()
    const second = await serve({ dataDir, workers })
    assert.equal(verifiedOf(await boardOf(second)), expected, 'after a restart')
  })
}

test('[V7] it asks for a token that may read', async () => {
  const url = await serve()
  const codeOf = async (response: Response) => {
    assert.ok(response.headers.get('content-type')?.startsWith('application/json'))
    const { code, message, retryable } = (await response.json()) as Record<string, unknown>
    assert.type(message, 'string')
    return [response.status, code, retryable]
  }
  assert.equal(await codeOf(await get(url)), [401, 'unauthenticated', false])
  assert.equal(await codeOf(await get(url, { Authorization: 'Bearer a.b.c' })), [
    401,
    'unauthenticated',
    false,
  ])
  assert.equal(await codeOf(await get(url, await bearer('ada', 'read', -1_000))), [
    401,
    'token_expired',
    true,
  ])
  assert.equal(await codeOf(await get(url, await bearer('ada'), 'another')), [403, 'forbidden', false])
  assert.equal(await codeOf(await get(url, await bearer('ada'), '../notes')), [400, 'bad_name', false])
  const apart = await fetch(`${url}/api/spaces/team/notes/intentions`, { headers: await bearer('ada') })
  assert.equal(await codeOf(apart), [404, 'not_found', false])
  const broken = await fetch(`${url}/api/spaces/%E0%A4%A/intentions`, { headers: await bearer('ada') })
  assert.equal(await codeOf(broken), [400, 'bad_request', false])
  const {
    space,
    intentions: found,
    invalid,
  } = (await (await get(url, await bearer('ada', 'read'))).json()) as Record<string, unknown>
  assert.equal({ space, found, invalid }, { space: SPACE, found: [], invalid: [] })
})

test('[V7] pages of other origins and addresses that keep failing are kept out as at the door', async () => {
  const url = await serve({ origins: ['https://app.example'], maxFailedUpgradesPerMinute: 2, trustProxy: 1 })
  const good = { ...(await bearer('ada')), 'X-Forwarded-For': '203.0.113.7' }
  assert.is((await get(url, { ...good, Origin: 'https://evil.example' })).status, 403)
  assert.is((await get(url, { ...good, Origin: 'https://app.example' })).status, 200)
  const statuses: number[] = []
  for (let i = 0; i < 3; i++) statuses.push((await get(url, { ...good, Authorization: '' })).status)
  assert.equal(statuses, [401, 401, 429])
  assert.is((await get(url, good)).status, 429)
  assert.is((await get(url, { ...good, 'X-Forwarded-For': '203.0.113.8' })).status, 200)
})

test('[V7] below a base path, and with a gate of the embedder', async () => {
  const gate = {
    admit: async ({ authorization = '' }: { readonly authorization: string | undefined }) => ({
      user: authorization,
      name: null,
      role: 'read' as const,
      expiresAtMs: null,
    }),
    renew: async () => Promise.reject(new Error('nobody is renewed')),
  }
  const url = await serve({ basePath: '/plenum' }, { gate })
  const response = await fetch(`${url}/api/spaces/demo/intentions`, { headers: { Authorization: 'ada' } })
  assert.equal(((await response.json()) as AttestedIntentions).intentions, [])
})
