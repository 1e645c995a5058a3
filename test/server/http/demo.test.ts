/** The demo's files and tokens, over real HTTP. */
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createHttpApp, type HttpOptions } from '../../../server/http/app.js'
import type { DemoWish } from '../../../server/http/demo-desk.js'
import { createHandler } from '../../../server/http/handler.js'
import { assert, suite } from '../../support/suite.js'
import { temporaryFolder } from '../../support/temporary-folder.js'

const test = suite('http: demo')

const folder = temporaryFolder('demo')
mkdirSync(join(folder, 'assets'))
writeFileSync(join(folder, 'index.html'), '<meta nonce="PLENUM_NONCE"><style nonce="PLENUM_NONCE"></style>')
writeFileSync(join(folder, 'service-worker.js'), '1')
writeFileSync(join(folder, 'assets', 'page-12345678.js'), '2')
writeFileSync(join(folder, 'secret'), 'of nobody')

let server: Server
const wishes: DemoWish[] = []
const desk = {
  tokenFor: async (invitation: string, wish: DemoWish) => {
    wishes.push(wish)
    return invitation === 'right' ? 'a token' : null
  },
}

const serve = async (options: Partial<HttpOptions> = {}): Promise<string> => {
  const app = createHttpApp({
    basePath: '',
    status: () => ({ isDegraded: false, isDraining: false }),
    metrics: null,
    api: null,
    demo: { folder, desk },
    observer: { report: () => {}, refusedRequest: () => {} },
    ...options,
  })
  const handler = createHandler({
    basePath: options.basePath ?? '',
    routes: () => ({ type: 'serving', app }),
  })
  server = createServer((request, response) => handler(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test.after.each(async () => {
  server.closeAllConnections()
  server.close()
  await once(server, 'close')
})

const policyOf = ({ headers }: Response): string => headers.get('content-security-policy') ?? ''

test('[U16] the page has a policy without exceptions and a nonce that is never used twice', async () => {
  const url = await serve()
  const nonces = new Set<string>()
  for (let round = 0; round < 2; round++) {
    const response = await fetch(url)
    const [, nonce = ''] = /style-src 'self' 'nonce-([\w+/=]{22,})'/.exec(policyOf(response)) ?? []

    assert.is(response.status, 200)
    assert.is(await response.text(), `<meta nonce="${nonce}"><style nonce="${nonce}"></style>`)
    assert.match(policyOf(response), /^default-src 'none'; .*frame-ancestors 'none';.* script-src 'self';/)
    assert.is(response.headers.get('cache-control'), 'no-cache')
    nonces.add(nonce)
  }
  assert.is(nonces.size, 2)
})

test('[U16] what a client says of its host gets into the policy as a host only', async () => {
  const url = await serve()
  const policyFor = async (host: string): Promise<string> => {
    const sent = request(url, { headers: { host } }).end()
    const [response] = await once(sent, 'response')
    response.resume()
    return String(response.headers['content-security-policy'])
  }

  assert.match(await policyFor('app.example:8443'), /connect-src 'self' ws:\/\/app\.example:8443 wss:/)
  assert.match(await policyFor('[::1]:1234'), /connect-src 'self' ws:\/\/\[::1\]:1234 wss:/)
  for (const host of ["a; script-src 'unsafe-inline'", '*', 'a b', 'a,b']) {
    assert.match(await policyFor(host), /connect-src 'self';/, host)
  }
})

test('[U16] every answer keeps browsers from framing and guessing, and sends no referrer', async () => {
  const url = await serve()
  for (const path of ['/', '/assets/page-12345678.js', '/healthz', '/nowhere']) {
    const { headers } = await fetch(url + path)
    assert.is(headers.get('x-content-type-options'), 'nosniff', path)
    assert.is(headers.get('referrer-policy'), 'no-referrer', path)
    assert.match(headers.get('content-security-policy') ?? '', /default-src 'none'/, path)
  }
})

test('[U17] the demo is served where it is wanted, under the base path, and nothing beside it is', async () => {
  const url = await serve({ basePath: '/plenum' })

  const moved = await fetch(`${url}/plenum?a=b`, { redirect: 'manual' })
  assert.equal([moved.status, moved.headers.get('location')], [308, 'plenum/'])
  assert.is((await fetch(`${url}/plenum`)).status, 200)
  assert.is((await fetch(`${url}/plenum/`)).status, 200)
  assert.is((await fetch(`${url}/plenum/service-worker.js`)).status, 200)
  const asset = await fetch(`${url}/plenum/assets/page-12345678.js`)
  assert.match(asset.headers.get('cache-control') ?? '', /immutable/)
  for (const path of [
    '/',
    '/plenum/secret',
    '/plenum/assets/',
    '/plenum/assets/..%2fsecret',
    '/plenum/index.html',
  ]) {
    assert.is((await fetch(url + path)).status, 404, path)
  }
})

test('[U17] a page that was not built is not there, and says why', async () => {
  const url = await serve({ demo: { folder: join(folder, 'nowhere'), desk: null } })

  const response = await fetch(url)

  assert.is(response.status, 404)
  assert.match(((await response.json()) as { message: string }).message, /not been built/)
})

const ask = (url: string, body: unknown, invitation = 'right'): Promise<Response> =>
  fetch(`${url}/demo/token`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${invitation}`, 'Content-Type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })

test('[U18] whoever holds the invitation gets a token for a name and a role, and nobody else does', async () => {
  const url = await serve()

  const given = await ask(url, { name: ' Ada ', role: 'read' })
  assert.equal([given.status, await given.json()], [200, { token: 'a token' }])
  assert.is(given.headers.get('cache-control'), 'no-store')
  assert.equal(wishes.at(-1), { name: 'Ada', role: 'read' })

  assert.is((await ask(url, { name: 'Ada', role: 'write' }, 'wrong')).status, 401)
  for (const wish of [
    { name: 'Ada', role: 'admin' },
    { name: 'Ada' },
    { name: '', role: 'read' },
    { name: '\u0000', role: 'read' },
    { name: 'a'.repeat(41), role: 'read' },
    { name: 7, role: 'read' },
    [],
    'null',
    '{',
  ]) {
    assert.is((await ask(url, wish)).status, 400, JSON.stringify(wish))
  }
  assert.is((await ask(url, { name: 'a'.repeat(2_000), role: 'read' })).status, 413)
})

test('[U18] without somebody who signs them there are no tokens', async () => {
  const url = await serve({ demo: { folder, desk: null } })

  assert.is((await ask(url, { name: 'Ada', role: 'read' })).status, 404)
})
