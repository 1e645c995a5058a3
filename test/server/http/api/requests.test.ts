/** What the API makes of requests, good and bad, and how it answers: over real HTTP, with spaces of the test's. */
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { API_ROUTES } from '../../../../server/http/api/api-router.js'
import type { RouteSpec } from '../../../../server/http/api/route.js'
import { GapError, type SpaceDesk } from '../../../../server/space/space-desk.js'
import { ERRORS, type ErrorCode, PlenumError } from '../../../../shared/errors.js'
import type { SpaceName } from '../../../../shared/names.js'
import { expectDocumented } from '../../../support/api-document.js'
import { fakeDesk, STATS } from '../../../support/fake-desk.js'
import { type ApiSettings, type ServedApi, serveApi } from '../../../support/served-api.js'
import { assert, suite } from '../../../support/suite.js'
import { until } from '../../../support/until.js'

const test = suite('http api: requests')

const served: ServedApi[] = []
const serve = async (other: Partial<SpaceDesk> = {}, settings: Partial<ApiSettings> = {}) => {
  const { desk, asked } = fakeDesk(other)
  const api = await serveApi({ desk, ...settings })
  served.push(api)
  return { api, asked }
}

test.after.each(async () => {
  await Promise.all(served.splice(0).map(api => api.close()))
})

const SPACE = 'team-a/notes'
const OCTETS = { 'Content-Type': 'application/octet-stream' }

const pathOf = ({ path }: RouteSpec): string =>
  path.replace(':space', encodeURIComponent(SPACE)).replace(':user', encodeURIComponent('a/b ü'))

const initOf = ({ method, body }: RouteSpec): RequestInit => ({
  method: method.toUpperCase(),
  ...(body !== null && { body: Uint8Array.of(0, 0), headers: OCTETS }),
})

/** All but the stream, which has tests of its own. */
const ROUTES = API_ROUTES.map(({ spec }) => spec).filter(({ answer }) => answer.type !== 'events')

test('[X42] every route answers as its document says, and nobody is to keep the answer', async () => {
  const { api } = await serve()
  for (const spec of ROUTES) {
    const response = await api.ask('admin', pathOf(spec), initOf(spec))
    assert.ok(response.ok, `${spec.id}: ${response.status}`)
    assert.is(response.headers.get('cache-control'), 'no-store', spec.id)
    await expectDocumented(spec.id, response)
  }
})

test('[X42] every refusal is as the document says, whatever it is that refuses', async () => {
  for (const spec of ROUTES.filter(({ lock }) => lock.type !== 'open')) {
    const codes: ErrorCode[] = [...spec.refuses.filter(code => code !== 'read_only'), 'internal']
    let thrown: Error = new Error()
    const fail = (): Promise<never> => Promise.reject(thrown)
    const methods = Object.keys(fakeDesk().desk).filter(name => !['expectWelcome'].includes(name))
    const isOfLock = (name: string): boolean => spec.lock.type === 'scope' && name === 'revocations'
    const failing = methods.filter(name => !isOfLock(name)).map(name => [name, fail])
    const { api } = await serve(Object.fromEntries(failing))
    for (const code of codes) {
      thrown = code === 'gap' ? new GapError(Uint8Array.of(1, 2)) : new PlenumError(code)
      const response = await api.ask('admin', pathOf(spec), initOf(spec))
      // What the lock itself asks for fails no handler.
      if (response.ok && spec.id === 'listUserRevocations') continue
      assert.is(response.status, ERRORS[code].http, `${spec.id}: ${code}`)
      const answer = (await expectDocumented(spec.id, response)) as Record<string, unknown>
      assert.equal([answer.code, answer.retryable], [code, ERRORS[code].retryable])
      assert.is('stateVector' in answer, code === 'gap')
    }
  }
})

test('[X43] what is wrong with a request is told by its name, and not repeated', async () => {
  const { api, asked } = await serve()
  const cases = [
    ['/spaces/demo/update?sv=a+b', 'sv'],
    ['/spaces/demo/update?sv=', 'sv'],
    ['/spaces/demo/update?sv=AA&sv=AA', 'sv'],
    ['/spaces/demo/update?token=secret', 'token'],
    ['/spaces/demo/json?type=secret', 'type'],
    ['/spaces/demo/json?type=a:nothing', 'type'],
    ['/spaces/demo/stream?events=secret', 'events'],
    ['/spaces?limit=0', 'limit'],
    ['/spaces?limit=1001', 'limit'],
    ['/spaces?limit=1.5', 'limit'],
    ['/spaces?limit=secret', 'limit'],
    [`/spaces?prefix=${'secret'.repeat(100)}`, 'prefix'],
    ['/spaces?__proto__=secret', '__proto__'],
    [`/spaces/demo/revocations/${'u'.repeat(513)}`, 'user', 'PUT'],
  ] as const
  for (const [path, field, method = 'GET'] of cases) {
    const response = await api.ask('admin', path, { method })
    const answer = (await response.json()) as Record<string, unknown>
    assert.equal([response.status, answer.code, answer.field], [400, 'bad_request', field], path)
    assert.not.match(String(answer.message), /secret|u{513}/)
  }
  assert.equal(
    asked.filter(([method]) => method !== 'revocations'),
    [],
  )
})

test('[X43] a body is bytes, and not too many', async () => {
  const { api, asked } = await serve()
  const post = (body: BodyInit | null, headers: Record<string, string> = OCTETS) =>
    api.ask('write', '/spaces/demo/update', { method: 'POST', body, headers })
  const bodies = [
    [400, 'bad_request', await post('{}', { 'Content-Type': 'application/json' })],
    [400, 'bad_request', await post(null)],
    [400, 'bad_request', await post(Uint8Array.of(1), { ...OCTETS, 'Content-Encoding': 'gzip' })],
    [413, 'too_large', await post(new Uint8Array(10_001))],
  ] as const
  for (const [status, code, response] of bodies) {
    assert.is(response.status, status)
    const answer = (await expectDocumented('edit', response)) as Record<string, unknown>
    assert.is(answer.code, code)
  }
  assert.equal(asked, [])
  assert.is((await post(new Uint8Array(10_000))).status, 200)
})

test('[X43] whoever may not ask is not told what is wrong with the question', async () => {
  const { api, asked } = await serve()
  for (const path of ['/spaces/demo/update?sv=+', '/spaces?limit=x', '/revocations?b=c']) {
    assert.is((await fetch(api.url + path)).status, 401, path)
  }
  const headers = { Authorization: `Bearer ${await api.token('read')}` }
  const body = new Uint8Array(10_001)
  assert.is((await fetch(`${api.url}/spaces/demo/update`, { method: 'POST', headers, body })).status, 403)
  assert.equal(asked, [])
})

test('[X44] a token counts in its header only', async () => {
  const { api } = await serve()
  const token = await api.token('admin')
  for (const spec of ROUTES.filter(({ lock }) => lock.type !== 'open')) {
    const response = await fetch(`${api.url}${pathOf(spec)}?token=${token}`, initOf(spec))
    assert.is(response.status, 401, spec.id)
    assert.is(response.headers.get('www-authenticate'), 'Bearer')
    await expectDocumented(spec.id, response)
  }
})

test('[X45] pages of allowed origins may use every route, and read every answer', async () => {
  const origin = 'https://app.example'
  const { api } = await serve({}, { origins: [origin] })
  for (const { spec } of API_ROUTES) {
    const url = api.url + pathOf(spec)
    const preflight = await fetch(url, {
      method: 'OPTIONS',
      headers: { Origin: origin, 'Access-Control-Request-Method': spec.method.toUpperCase() },
    })
    const listed = (name: string): string[] => (preflight.headers.get(name) ?? '').split(', ')
    assert.is(preflight.status, 204, spec.id)
    assert.is(preflight.headers.get('access-control-allow-origin'), origin)
    assert.ok(listed('access-control-allow-methods').includes(spec.method.toUpperCase()), spec.id)
    for (const name of ['Authorization', 'Content-Type', 'Last-Event-ID']) {
      assert.ok(listed('access-control-allow-headers').includes(name), name)
    }
    // Without a token, but for the document: it is refused, and may be read.
    const { method } = initOf(spec)
    for (const headers of [{ Origin: origin }, {}, { Origin: 'https://evil.example' }]) {
      const response = await fetch(url, { method: method as string, headers })
      const isEvil = headers.Origin?.includes('evil') === true
      const wanted = spec.lock.type === 'open' ? 200 : 401
      assert.is(response.status, isEvil ? 403 : wanted, spec.id)
      assert.is(
        response.headers.get('access-control-allow-origin'),
        headers.Origin === origin ? origin : null,
      )
      assert.is(response.headers.get('vary'), 'Origin')
      if (isEvil) {
        assert.is(((await response.json()) as { code: string }).code, 'origin_denied')
      }
    }
  }
})

test('[X45] a good answer may be read as well, with the headers that matter', async () => {
  const origin = 'https://app.example'
  const { api } = await serve({}, { origins: [origin] })
  const { headers } = await api.ask('read', '/spaces/demo/update', { headers: { Origin: origin } })
  assert.is(headers.get('access-control-allow-origin'), origin)
  assert.match(headers.get('access-control-expose-headers') ?? '', /Plenum-Position/)
  assert.is(headers.get('cross-origin-resource-policy'), 'cross-origin')
})

test('[X53] a path with a method that it does not have says which it has, to pages as well', async () => {
  const origin = 'https://app.example'
  const { api, asked } = await serve({}, { origins: [origin] })
  for (const { spec } of API_ROUTES) {
    const own = API_ROUTES.filter(other => other.spec.path === spec.path).map(other => other.spec.method)
    for (const method of ['get', 'put', 'post', 'delete', 'patch'] as const) {
      if ((own as string[]).includes(method)) continue
      const init = { method: method.toUpperCase(), headers: { Origin: origin } }
      const response = await fetch(api.url + pathOf(spec), init)
      assert.is(response.status, 405, `${method} ${spec.path}`)
      const allowed = (response.headers.get('allow') ?? '').split(', ').sort()
      const heads = own.includes('get') ? ['HEAD'] : []
      assert.equal(allowed, [...own.map(each => each.toUpperCase()), ...heads, 'OPTIONS'].sort())
      assert.is(response.headers.get('access-control-allow-origin'), origin)
      const { code, retryable } = (await response.json()) as Record<string, unknown>
      assert.equal([code, retryable], ['no_method', false])
    }
  }
  assert.equal(asked, [])
})

test('[X45] a page may read why a path could not be decoded, and one of another origin may not', async () => {
  const origin = 'https://app.example'
  const { api } = await serve({}, { origins: [origin] })
  for (const from of [origin, 'https://evil.example']) {
    const response = await fetch(`${api.url}/spaces/%ZZ/members`, { headers: { Origin: from } })
    assert.equal([response.status, response.headers.get('vary')], [400, 'Origin'])
    assert.is(response.headers.get('access-control-allow-origin'), from === origin ? origin : null)
    assert.is(response.headers.get('cache-control'), 'no-store')
    assert.is(((await response.json()) as { code: string }).code, 'bad_request')
  }
})

test('[X46] a request needs no room among the connections, and failing tokens count as at the doors', async () => {
  const limits = { maxConnections: 0, maxPeersPerSpace: 0, maxFailedUpgradesPerMinute: 2 }
  const { api } = await serve({}, { limits, trustProxy: 1 })
  const from = { 'X-Forwarded-For': '203.0.113.7' }
  assert.is((await api.ask('read', '/spaces/demo/members', { headers: from })).status, 200)
  const statuses: number[] = []
  for (const path of ['/spaces', '/spaces/demo/members', '/spaces']) {
    statuses.push((await fetch(api.url + path, { headers: from })).status)
  }
  assert.equal(statuses, [401, 401, 429])
  const refused = await api.ask('read', '/spaces/demo/members', { headers: from })
  assert.is(refused.status, 429)
  const waitSeconds = Number(refused.headers.get('retry-after'))
  assert.ok(waitSeconds > 30 && waitSeconds <= 60, 'the failures are counted for a minute')
  const stream = await api.ask('read', '/spaces/demo/stream')
  assert.equal([stream.status, stream.headers.get('retry-after')], [429, '10'], 'a stream is a connection')
})

test('[X54] a user has so many requests open at a time, and others go on', async () => {
  const waiting: (() => void)[] = []
  const members = () => new Promise<readonly never[]>(resolve => waiting.push(() => resolve([])))
  const { api } = await serve({ members }, { limits: { maxRequestsPerUser: 2 } })
  const open = [api.ask('read', '/spaces/demo/members'), api.ask('read', '/spaces/demo/members')]
  await until('both are being answered', () => waiting.length === 2)

  for (const path of ['/spaces/demo/members', '/spaces']) {
    const refused = await api.ask('admin', path)
    assert.equal([refused.status, refused.headers.get('retry-after')], [429, '1'])
    assert.is(((await refused.json()) as { code: string }).code, 'rate_limited')
  }
  const headers = { Authorization: `Bearer ${await api.token('admin', 'bob')}` }
  assert.is((await fetch(`${api.url}/spaces`, { headers })).status, 200)
  for (const answer of waiting) answer()
  for (const response of await Promise.all(open)) await response.arrayBuffer()

  await until('they are over', async () => (await api.ask('admin', '/spaces')).status === 200)
  assert.is(api.told.filter(line => line === 'refused request rate_limited').length >= 2, true)
})

test('[X54] a request whose client goes away is over', async () => {
  let asked = 0
  const members = () => {
    asked++
    return new Promise<readonly never[]>(() => {})
  }
  const { api } = await serve({ members }, { limits: { maxRequestsPerUser: 1 } })
  const leaving = new AbortController()
  const gone = api.ask('read', '/spaces/demo/members', { signal: leaving.signal }).catch(() => 'gone')
  await until('it is being answered', () => asked === 1)
  leaving.abort()
  assert.is(await gone, 'gone')

  await until('it is over', async () => (await api.ask('admin', '/spaces')).status === 200)
})

test('[X54] an answer that nobody takes is not kept', async () => {
  const update = new Uint8Array(64 * 2 ** 20)
  const { api } = await serve(
    { update: async () => ({ update, position: 9 }) },
    { limits: { maxRequestsPerUser: 1 }, slowReaderMs: 100 },
  )
  const headers = { Authorization: `Bearer ${await api.token('read')}` }
  const asking = request(`${api.url}/spaces/demo/update`, { headers, agent: false })
  asking.end()
  const [answer] = (await once(asking, 'response')) as [IncomingMessage]
  const broken = once(answer, 'error')
  // Nothing is read until the server has given up.
  await until('the connection is gone', () => api.gone === 1)
  answer.resume()

  await broken
  assert.is((await api.ask('admin', '/spaces')).status, 200)
})

test('[X47] what a copy lacks is sent as bytes, with the position', async () => {
  const { api, asked } = await serve({
    update: async () => ({ update: Uint8Array.of(1, 2, 3), position: 9 }),
  })
  const whole = await api.ask('read', '/spaces/demo/update')
  assert.equal(new Uint8Array(await whole.arrayBuffer()), Uint8Array.of(1, 2, 3))
  assert.is(whole.headers.get('plenum-position'), '9')
  await api.ask('read', '/spaces/demo/update?sv=-_8')
  assert.equal(asked, [
    ['update', 'demo', null],
    ['update', 'demo', Uint8Array.of(251, 255)],
  ])
})

test('[X47] roots are named with their types, colons and all', async () => {
  const { api, asked } = await serve()
  await api.ask('read', '/spaces/demo/json')
  await api.ask('read', '/spaces/demo/json?type=content:text&type=a:b%26c:map')
  assert.equal(asked, [
    ['json', 'demo', null],
    [
      'json',
      'demo',
      [
        { name: 'content', type: 'text' },
        { name: 'a:b&c', type: 'map' },
      ],
    ],
  ])
})

test('[X48] an edit comes with who sent it; what is missing for it is told', async () => {
  const { api, asked } = await serve()
  const init = { method: 'POST', body: Uint8Array.of(7, 8), headers: OCTETS }
  const done = await api.ask('write', '/spaces/demo/update', init)
  assert.equal(await done.json(), { space: 'demo', position: 8 })
  const [method, space, update, access] = asked[0] as readonly unknown[]
  assert.equal([method, space, Uint8Array.from(update as Uint8Array)], ['edit', 'demo', Uint8Array.of(7, 8)])
  assert.equal([(access as { user: string }).user, (access as { role: string }).role], ['ann', 'write'])
  const gap = new GapError(Uint8Array.of(1, 2))
  const { api: other } = await serve({ edit: () => Promise.reject(gap) })
  const refused = await other.ask('write', '/spaces/demo/update', init)
  const { code, stateVector } = (await refused.json()) as Record<string, unknown>
  assert.equal([refused.status, code, stateVector], [409, 'gap', 'AQI='])
})

test('[X50] of all spaces those are listed that the token administers, page by page', async () => {
  const names = Array.from(
    { length: 2_500 },
    (_, i) => `${i % 5 === 0 ? 'mine' : 'theirs'}/${10_000 + i}`,
  ).sort()
  const pages: unknown[] = []
  const { api } = await serve({
    list: async ({ prefix = '', after = '', limit }) => {
      pages.push(limit)
      const found = names.filter(name => name.startsWith(prefix) && name > after)
      const spaces = found.slice(0, limit).map(name => ({ ...STATS, name: name as SpaceName }))
      return { spaces, next: found.length > limit ? (spaces.at(-1)?.name as SpaceName) : null }
    },
    revocations: async () => [],
  })
  const listed = async (grants: Record<string, 'read' | 'admin'>, query = ''): Promise<string[]> => {
    const headers = { Authorization: `Bearer ${await api.token(grants)}` }
    const found: string[] = []
    let after: string | null = ''
    while (after !== null) {
      const at: string = after === '' ? '' : `&after=${encodeURIComponent(after)}`
      const response = await fetch(`${api.url}/spaces?limit=300${query}${at}`, { headers })
      const page = (await response.json()) as { spaces: { space: string }[]; next: string | null }
      assert.ok(page.spaces.length <= 300)
      found.push(...page.spaces.map(({ space }) => space))
      after = page.next
    }
    return found
  }
  const mine = names.filter(name => name.startsWith('mine'))
  assert.equal(await listed({ '**': 'read', 'mine/*': 'admin' }), mine)
  assert.equal(await listed({ '**': 'admin', 'theirs/*': 'read' }), mine)
  assert.equal(
    await listed({ '**': 'admin' }, '&prefix=mine/1000'),
    mine.filter(n => n.startsWith('mine/1000')),
  )
  assert.equal(await listed({ '**': 'read' }), [])
  assert.ok(pages.every(limit => limit === 1000))
})

test('[X51] what holds for all spaces takes a token that administers all of them', async () => {
  const { api, asked } = await serve({ revocations: async () => [] })
  const put = async (grants: Record<string, 'write' | 'admin'>): Promise<number> => {
    const headers = { Authorization: `Bearer ${await api.token(grants)}` }
    return (await fetch(`${api.url}/revocations/eve`, { method: 'PUT', headers })).status
  }
  assert.is(await put({ '*': 'admin' }), 403)
  assert.is(await put({ '**': 'admin', 'theirs/*': 'write' }), 403)
  assert.is(await put({ '**': 'write', 'mine/*': 'admin' }), 403)
  assert.is(await put({ '**': 'admin' }), 204)
  assert.equal(
    asked.filter(([method]) => method === 'revoke'),
    [['revoke', null, 'eve']],
  )
})

test('[X51] whoever is kept out of all spaces administers none', async () => {
  const { api } = await serve({ revocations: async () => [{ space: null, user: 'ann', atMs: 1 }] })
  for (const path of ['/spaces', '/revocations']) {
    const response = await api.ask('admin', path)
    assert.equal(
      [response.status, ((await response.json()) as { code: string }).code],
      [403, 'revoked'],
      path,
    )
  }
})

test('[X51] names of spaces and users are decoded once, whatever is in them', async () => {
  const { api, asked } = await serve()
  const odd = 'a/b?c#d%2Fe ü:&'
  await api.ask('admin', `/spaces/team%2F${encodeURIComponent('ü')}/revocations/${encodeURIComponent(odd)}`, {
    method: 'PUT',
  })
  assert.equal(asked, [['revoke', 'team/ü', odd]])
  const bad = await api.ask('admin', '/spaces/a%2F..%2Fb/stats')
  assert.equal([bad.status, ((await bad.json()) as { code: string }).code], [400, 'bad_name'])
})

test('[X51] a space that is made is 201, and one that was there 200', async () => {
  let isNew = true
  const { api } = await serve({ create: async () => ({ incarnation: 'f.2', isNew }) })
  assert.is((await api.ask('admin', '/spaces/demo', { method: 'PUT' })).status, 201)
  isNew = false
  const there = await api.ask('admin', '/spaces/demo', { method: 'PUT' })
  assert.equal([there.status, await there.json()], [200, { space: 'demo', incarnation: 'f.2' }])
})

test('[X43] a request for the head of a stream opens none', async () => {
  const { api } = await serve()
  const token = await api.token('read')
  const status = await new Promise(resolve => {
    const options = { method: 'HEAD', headers: { Authorization: `Bearer ${token}` } }
    request(`${api.url}/spaces/demo/stream`, options, ({ statusCode }) => resolve(statusCode)).end()
  })
  assert.is(status, 200)
  assert.equal([api.watchers.connections, api.admission.connections], [0, 0])
})
