/** The document and its page: valid, whole, and of use without anything from elsewhere. */
import { Validator } from '@seriousme/openapi-schema-validator'
import { API_ROUTES, apiRouter } from '../../../../server/http/api/api-router.js'
import { type OpenApi, refusalsOf } from '../../../../server/http/api/openapi.js'
import type { ApiPorts } from '../../../../server/http/api/ports.js'
import { ERRORS } from '../../../../shared/errors.js'
import { document } from '../../../support/api-document.js'
import { fakeDesk } from '../../../support/fake-desk.js'
import { type ServedApi, serveApi } from '../../../support/served-api.js'
import { assert, suite } from '../../../support/suite.js'

const test = suite('http api: document')

const served: ServedApi[] = []
const serve = async (basePath: string): Promise<string> => {
  const api = await serveApi({ desk: fakeDesk().desk, basePath })
  served.push(api)
  return api.url
}

test.after.each(async () => {
  await Promise.all(served.splice(0).map(api => api.close()))
})

test('[X40] what is served is valid OpenAPI 3.1, and says where it is served', async () => {
  const response = await fetch(`${await serve('/plenum')}/openapi.json`)
  const told = (await response.json()) as OpenApi
  const { valid, errors } = await new Validator().validate(told as unknown as Record<string, unknown>)
  assert.ok(valid, JSON.stringify(errors))
  assert.equal([told.openapi, told.servers], ['3.1.0', [{ url: '/plenum/api' }]])
  assert.equal({ ...told, servers: [] }, { ...document, servers: [] })
})

test('[X40] the document has every route of the router, and no other', () => {
  const router = apiRouter({ isOriginAllowed: () => true } as unknown as ApiPorts)
  const routed = router.stack.flatMap(({ route }) => {
    // What is for errors has no path.
    if (route === undefined) return []
    const { methods, path } = route as unknown as { methods: Record<string, boolean>; path: string }
    return Object.keys(methods)
      .filter(method => method !== '_all')
      .map(method => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`)
  })
  const told = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map(method => `${method} ${path}`),
  )
  assert.ok(routed.length > 15)
  assert.equal(routed.toSorted(), told.toSorted())
})

test('[X40] every operation has a name of its own, words, and the refusals of its lock', () => {
  const ids = API_ROUTES.map(({ spec }) => spec.id)
  assert.is(new Set(ids).size, ids.length)
  for (const { spec } of API_ROUTES) {
    assert.ok(spec.summary !== '' && spec.description !== '', spec.id)
    const told = document.paths[spec.path.replaceAll(/:(\w+)/g, '{$1}')]?.[spec.method]
    for (const code of refusalsOf(spec)) {
      const { description = '' } = told?.responses[String(ERRORS[code].http)] ?? {}
      assert.ok(description.includes(`\`${code}\``), `${spec.id} refuses with ${code}`)
    }
    assert.is(told?.security.length, spec.lock.type === 'open' ? 0 : 1)
  }
})

for (const basePath of ['', '/plenum']) {
  test(`[X41] the page tells every route, below "${basePath}", and needs nothing from elsewhere`, async () => {
    const url = await serve(basePath)
    const nonces = new Set<string>()
    for (let round = 0; round < 2; round++) {
      const response = await fetch(`${url}/docs`)
      const page = await response.text()
      const policy = response.headers.get('content-security-policy') ?? ''
      const [, nonce = ''] = /^default-src 'none'; style-src 'nonce-([\w+/=]{22,})';/.exec(policy) ?? []
      assert.ok(page.includes(`<style nonce="${nonce}">`))
      nonces.add(nonce)
      for (const { spec } of API_ROUTES) assert.ok(page.includes(`<section id="${spec.id}">`), spec.id)
      const other = basePath === '' ? '/plenum' : '/elsewhere'
      assert.ok(page.includes(`${basePath}/api`.replaceAll('/', '/<wbr>')))
      assert.not(page.includes(`${other}/api`.replaceAll('/', '/<wbr>')), 'that is where another one is')
      assert.not.match(page, /<script|\son\w+=|src=|url\(|@import|<link|href="(?!#|openapi\.json")/)
      const targets = [...page.matchAll(/href="#([^"]+)"/g)].map(([, id]) => id)
      for (const id of targets) assert.ok(page.includes(`id="${id}"`), `#${id} is there`)
    }
    assert.is(nonces.size, 2)
  })
}
