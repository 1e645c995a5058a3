/** The roster over HTTP, asked of a whole service. */
import { configWith } from '../../../server/config.js'
import { createService, type Service } from '../../../server/create-service.js'
import { type Config, signToken } from '../../../server/index.js'
import { openMemoryStore } from '../../../server/storage/memory-store.js'
import { openPlainClient } from '../../support/plain-client.js'
import { assert, suite } from '../../support/suite.js'
import { temporaryFolder } from '../../support/temporary-folder.js'
import { until } from '../../support/until.js'

const test = suite('space api')

const SECRET = 'a secret of the tests, long enough to be one'
const SPACE = 'team-a/notes'
const services: Service[] = []

const start = async (config: Partial<Config> = {}, isInMemory = true): Promise<string> => {
  const settings = configWith({ port: 0, secret: SECRET, dataDir: temporaryFolder('api'), ...config })
  const openStore = async () => openMemoryStore()
  const service = createService({
    config: { ...settings, logLevel: 'silent' },
    ...(isInMemory && { openStore }),
  })
  services.push(service)
  return (await service.start()).url
}

test.after.each(async () => {
  await Promise.all(services.splice(0).map(service => service.close()))
})

const tokenFor = (user: string, space = SPACE, ttlMs = 60_000): Promise<string> =>
  signToken({ secret: SECRET, user, spaces: { [space]: 'read' }, ttlMs, nowMs: Date.now() })

const ask = async (url: string, token: string | null, name = 'team-a%2Fnotes', headers = {}) => {
  const authorization = token === null ? {} : { Authorization: `Bearer ${token}` }
  const response = await fetch(`${url}/api/spaces/${name}/members`, {
    headers: { ...authorization, ...headers },
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, body: text === '' ? null : JSON.parse(text) }
}

interface Shown {
  readonly user: string
  readonly connections: number
  readonly joinedAt: number
  readonly left: { readonly reason: string } | null
}

test('[A23] who is there and who was, with the role read, also after a restart', async () => {
  const dataDir = temporaryFolder('api')
  const url = await start({ dataDir }, false)
  const sync = `${url.replace('http', 'ws')}/sync/${SPACE}`
  const [bob, ann] = [
    await openPlainClient(sync, await tokenFor('bob')),
    await openPlainClient(sync, await tokenFor('ann')),
  ]
  await bob.message('welcome')
  await ann.message('welcome')
  const membersAt = async (at: string): Promise<Shown[]> => {
    const { status, body, headers } = await ask(at, await tokenFor('cid'))
    assert.equal([status, body.space, headers.get('cache-control')], [200, SPACE, 'no-store'])
    assert.ok(Math.abs(body.serverTime - Date.now()) < 60_000)
    return body.members
  }
  assert.equal(
    (await membersAt(url)).map(({ user, connections }) => [user, connections]),
    [
      ['bob', 1],
      ['ann', 1],
    ],
  )
  bob.terminate()
  await until('bob is told as gone', async () =>
    (await membersAt(url)).some(({ user, left }) => user === 'bob' && left !== null),
  )
  const before = await membersAt(url)
  await services.pop()?.close()
  const after = await membersAt(await start({ dataDir }, false))
  assert.equal(
    after.map(({ user, left }) => [user, left?.reason]),
    [
      ['ann', 'closed'],
      ['bob', 'closed'],
    ],
  )
  for (const { user, joinedAt } of after) {
    assert.is(joinedAt, before.find(member => member.user === user)?.joinedAt)
  }
})

test('[A23] a space that nobody was in has an empty roster', async () => {
  const url = await start()
  const { status, body } = await ask(url, await tokenFor('ann'))
  assert.equal([status, body.members], [200, []])
})

test('[A23] the lock is that of every door', async () => {
  const url = await start()
  const cases = [
    [401, 'unauthenticated', await ask(url, null)],
    [401, 'unauthenticated', await ask(url, 'no token')],
    [401, 'token_expired', await ask(url, await tokenFor('ann', SPACE, -1000))],
    [403, 'forbidden', await ask(url, await tokenFor('ann', 'elsewhere'))],
    [400, 'bad_name', await ask(url, await tokenFor('ann', '**'), 'team-a%252Fnotes')],
    [400, 'bad_name', await ask(url, await tokenFor('ann', '**'), 'a%2F..%2Fb')],
    [400, 'bad_request', await ask(url, await tokenFor('ann', '**'), '%E0%A4%A')],
    [
      403,
      'origin_denied',
      await ask(url, await tokenFor('ann'), undefined, { Origin: 'https://evil.example' }),
    ],
  ] as const
  for (const [status, code, answer] of cases) {
    assert.equal(
      [answer.status, answer.body.code, typeof answer.body.message],
      [status, code, 'string'],
      code,
    )
    assert.is(typeof answer.body.retryable, 'boolean')
  }
  const inQuery = await fetch(`${url}/api/spaces/team-a%2Fnotes/members?token=${await tokenFor('ann')}`)
  assert.is(inQuery.status, 401)
})

test('[A23] pages of an allowed origin may ask', async () => {
  const origin = 'https://app.example'
  const url = await start({ origins: [origin] })
  const preflight = await fetch(`${url}/api/spaces/demo/members`, {
    method: 'OPTIONS',
    headers: { Origin: origin },
  })
  assert.equal(
    [preflight.status, preflight.headers.get('access-control-allow-headers')],
    [204, 'Authorization, Content-Type, Last-Event-ID'],
  )
  const answer = await ask(url, await tokenFor('ann'), undefined, { Origin: origin })
  assert.equal([answer.status, answer.headers.get('access-control-allow-origin')], [200, origin])
})
