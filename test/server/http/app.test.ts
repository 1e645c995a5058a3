/** The routes of operation, over real HTTP. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createHttpApp, type HttpOptions } from '../../../server/http/app.js'
import { createHandler } from '../../../server/http/handler.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('http')

let server: Server
const told: string[] = []

const serve = async (options: Partial<HttpOptions> = {}): Promise<string> => {
  const app = createHttpApp({
    basePath: '',
    status: () => ({ isDegraded: false, isDraining: false }),
    metrics: { contentType: 'text/plain; version=0.0.4', render: async () => 'plenum_spaces 3\n' },
    demo: null,
    api: null,
    observer: {
      report: (level, what) => told.push(`${level} ${what}`),
      refusedRequest: code => told.push(`refused ${code}`),
    },
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

const answerOf = async (
  url: string,
  init?: RequestInit,
): Promise<{ status: number; headers: Headers; body: string }> => {
  const response = await fetch(url, init)
  return { status: response.status, headers: response.headers, body: await response.text() }
}

test('[O1] /healthz and /readyz answer 200 while all is well', async () => {
  const url = await serve()

  assert.is((await answerOf(`${url}/healthz`)).status, 200)
  const ready = await answerOf(`${url}/readyz`)
  assert.is(ready.status, 200)
  assert.is(ready.headers.get('x-powered-by'), null)
})

for (const [state, code] of [
  [{ isDegraded: true, isDraining: false }, 'degraded'],
  [{ isDegraded: true, isDraining: true }, 'draining'],
] as const) {
  test(`[O1] while ${code}, /readyz answers 503 with the reason, and /healthz still 200`, async () => {
    const url = await serve({ status: () => state })

    const ready = await answerOf(`${url}/readyz`)

    assert.is(ready.status, 503)
    assert.is(ready.headers.get('retry-after'), '5')
    const { code: told, retryable } = JSON.parse(ready.body)
    assert.equal([told, retryable], [code, true])
    assert.is((await answerOf(`${url}/healthz`)).status, 200)
  })
}

test('[O2] /metrics is a scrape, and not there where it is turned off', async () => {
  const url = await serve()
  const scrape = await answerOf(`${url}/metrics`)
  assert.is(scrape.body, 'plenum_spaces 3\n')
  assert.match(scrape.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/)
  server.close()
  server.closeAllConnections()

  assert.is((await answerOf(`${await serve({ metrics: null })}/metrics`)).status, 404)
})

test('[O3] what is not there is a 404 in JSON, whatever the method', async () => {
  const url = await serve()
  for (const [path, method] of [
    ['/', 'GET'],
    ['/nowhere', 'POST'],
    ['/sync/demo', 'GET'],
    ['/%ff', 'GET'],
    ['/healthz/../readyz2', 'GET'],
  ] as const) {
    const { status, body } = await answerOf(url + path, { method })
    assert.is(status, 404, path)
    assert.equal(Object.keys(JSON.parse(body)), ['code', 'message', 'retryable'])
  }
})

test('[O3] a route that fails is a 500 that says nothing of why, and is logged', async () => {
  const url = await serve({
    metrics: { contentType: 'text/plain', render: () => Promise.reject(new Error('a secret of ours')) },
  })

  const { status, body } = await answerOf(`${url}/metrics`)

  assert.is(status, 500)
  assert.equal(JSON.parse(body), { code: 'internal', message: 'internal error', retryable: true })
  assert.ok(told.includes('error a request failed'))
})

test('[O3] everything is under the base path, and nothing beside it', async () => {
  const url = await serve({ basePath: '/plenum' })

  assert.is((await answerOf(`${url}/plenum/readyz`)).status, 200)
  assert.is((await answerOf(`${url}/readyz`)).status, 404)
})
