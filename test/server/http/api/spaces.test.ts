/** Spaces over HTTP, from a whole service: what is read, edited and administered is what clients see. */
import * as Y from 'yjs'
import { expectDocumented } from '../../../support/api-document.js'
import { openPlainClient } from '../../../support/plain-client.js'
import { RunningServices, type TokenWish } from '../../../support/running-service.js'
import { difference } from '../../../support/same-document.js'
import { assert, suite } from '../../../support/suite.js'
import { temporaryFolder } from '../../../support/temporary-folder.js'
import { until } from '../../../support/until.js'

const test = suite('http api: spaces')
const services = new RunningServices()
test.after.each(() => services.end())

const OCTETS = { 'Content-Type': 'application/octet-stream' }

// biome-ignore lint/suspicious/noExplicitAny: a test looks into it as it likes
type Told = { readonly status: number; readonly body: any; readonly headers: Headers }

const apiOf = (url: string) => {
  const ask = async (
    id: string,
    method: string,
    path: string,
    wish: TokenWish,
    body?: Uint8Array,
  ): Promise<Told> => {
    const headers = { ...(await services.bearer(wish)), ...(body !== undefined && OCTETS) }
    const response = await fetch(`${url}/api${path}`, {
      method,
      headers,
      ...(body !== undefined && { body: body as Uint8Array<ArrayBuffer> }),
    })
    const { status } = response
    const isBytes = response.headers.get('content-type') === 'application/octet-stream'
    const bytes = isBytes ? new Uint8Array(await response.clone().arrayBuffer()) : null
    return { status, body: bytes ?? (await expectDocumented(id, response)), headers: response.headers }
  }
  return {
    ask,
    edit: (path: string, update: Uint8Array, wish: TokenWish = {}) =>
      ask('edit', 'POST', `/spaces/${path}/update`, wish, update),
    update: (path: string, query = '') => ask('readUpdate', 'GET', `/spaces/${path}/update${query}`, {}),
    json: (path: string, query = '') => ask('readJson', 'GET', `/spaces/${path}/json${query}`, {}),
    admin: (id: string, method: string, path: string) =>
      ask(id, method, path, { user: 'root', role: 'admin' }),
  }
}

const docWith = (text: string): Y.Doc => {
  const doc = new Y.Doc()
  doc.getText('content').insert(0, text)
  doc.getMap('meta').set('title', 'A title')
  return doc
}

test('[X48] an edit is answered when it is on disk, is seen by others, and does no harm twice', async () => {
  const dataDir = temporaryFolder('edits')
  const { url, service } = await services.serve({ dataDir })
  const api = apiOf(url)
  const { doc: seen } = await services.client(url, 'demo', { user: 'bob' })
  const doc = docWith('hello')
  const update = Y.encodeStateAsUpdate(doc)
  const first = await api.edit('demo', update)
  assert.equal([first.status, first.body.space], [200, 'demo'])
  assert.ok(first.body.position > 0)
  const second = await api.edit('demo', update)
  assert.is(second.status, 200)
  await until('the client sees it', () => seen.getText('content').toString() === 'hello')
  await service.close()
  const { url: again } = await services.serve({ dataDir })
  const whole = await apiOf(again).update('demo')
  const copy = new Y.Doc()
  Y.applyUpdate(copy, whole.body)
  assert.is(difference(copy, doc), null)
})

test('[X48] a gap is answered with what the server has, and a diff against that fits', async () => {
  const { url } = await services.serve()
  const api = apiOf(url)
  const doc = docWith('one')
  const before = Y.encodeStateVector(doc)
  doc.getText('content').insert(3, ' two')
  const refused = await api.edit('demo', Y.encodeStateAsUpdate(doc, before))
  assert.equal([refused.status, refused.body.code, refused.body.retryable], [409, 'gap', true])
  const has = Buffer.from(refused.body.stateVector, 'base64')
  assert.is((await api.edit('demo', Y.encodeStateAsUpdate(doc, has))).status, 200)
  const { body } = await api.json('demo', '?type=content:text')
  assert.equal(body.content, { content: 'one two' })
})

test('[X48] what is no update, or may not be, is refused and leaves nothing', async () => {
  const { url } = await services.serve()
  const api = apiOf(url)
  const update = Y.encodeStateAsUpdate(docWith('hello'))
  assert.equal((await api.edit('demo', Uint8Array.of(9, 9, 9))).body.code, 'malformed')
  const reader = await api.edit('demo', update, { role: 'read' })
  assert.equal([reader.status, reader.body.code], [403, 'read_only'])
  assert.equal((await api.json('demo', '?type=content:text')).body.content, { content: '' })
})

test('[X47] what a copy lacks is what it lacks', async () => {
  const { url } = await services.serve()
  const api = apiOf(url)
  const doc = docWith('x'.repeat(5_000))
  await api.edit('demo', Y.encodeStateAsUpdate(doc))
  const copy = new Y.Doc()
  Y.applyUpdate(copy, Y.encodeStateAsUpdate(doc))
  doc.getText('content').insert(0, 'new')
  const { position } = (await api.edit('demo', Y.encodeStateAsUpdate(doc))).body
  const sv = Buffer.from(Y.encodeStateVector(copy)).toString('base64url')
  const { body, headers } = await api.update('demo', `?sv=${sv}`)
  assert.ok(body.length < 200, `${body.length} bytes`)
  assert.is(headers.get('plenum-position'), String(position))
  Y.applyUpdate(copy, body)
  assert.is(difference(copy, doc), null)
  const bad = await api.update('demo', '?sv=__________')
  assert.equal([bad.status, bad.body.code], [400, 'malformed'])
})

test('[X49] a snapshot is of one moment, and so is the content as JSON', async () => {
  const { url } = await services.serve()
  const api = apiOf(url)
  const { doc, awareness, connection } = await services.client(url, 'demo', { user: 'bob' })
  doc.getText('content').insert(0, 'hello')
  doc.getMap('meta').set('title', 'A title')
  awareness.setLocalState({ cursor: 1 })
  await connection.whenSaved()
  const { body } = await until('bob is present', async () => {
    const found = await api.ask('readSnapshot', 'GET', '/spaces/demo/snapshot', { role: 'read' })
    return found.body.presence.length === 1 && found
  })
  assert.equal(
    Y.decodeStateVector(Buffer.from(body.stateVector, 'base64')),
    Y.decodeStateVector(Y.encodeStateVector(doc)),
  )
  assert.equal([body.presence[0].user, body.presence[0].clientId], ['bob', doc.clientID])
  assert.equal(
    body.members.map(({ user }: { user: string }) => user),
    ['bob'],
  )
  const { body: json } = await api.json('demo', '?type=content:text&type=meta:map')
  assert.equal(json.content, { content: 'hello', meta: { title: 'A title' } })
  assert.equal((await api.json('demo')).body.content.meta, { title: 'A title' })
})

test('[X52] a space that is deleted is closed to everybody, restored as it was, or begun anew', async () => {
  const dataDir = temporaryFolder('deleted')
  const { url, service } = await services.serve({ dataDir })
  const api = apiOf(url)
  await api.edit('team%2Fdemo', Y.encodeStateAsUpdate(docWith('hello')))
  const bob = await openPlainClient(`${url.replace('http', 'ws')}/sync/team/demo`, await services.token())
  await bob.message('welcome')
  const path = '/spaces/team%2Fdemo'
  const stats = await api.admin('readStats', 'GET', `${path}/stats`)
  assert.equal([stats.status, stats.body.connections, stats.body.deletedAt], [200, 1, null])
  assert.is((await api.admin('deleteSpace', 'DELETE', path)).status, 204)
  assert.is((await bob.closed).code, 4404)
  const gone = await api.json('team%2Fdemo')
  assert.equal([gone.status, gone.body.code], [404, 'space_deleted'])
  const listed = await api.admin('listSpaces', 'GET', '/spaces?prefix=team/')
  assert.ok(listed.body.spaces[0].deletedAt > 0)
  await service.close()
  const { url: later } = await services.serve({ dataDir })
  const after = apiOf(later)
  assert.is((await after.json('team%2Fdemo')).status, 404)
  const restored = await after.admin('restoreSpace', 'POST', `${path}/restore`)
  assert.equal([restored.status, restored.body.incarnation], [200, stats.body.incarnation])
  assert.equal((await after.json('team%2Fdemo', '?type=content:text')).body.content, { content: 'hello' })
  assert.is((await after.admin('createSpace', 'PUT', path)).status, 200)
  await after.admin('deleteSpace', 'DELETE', path)
  const anew = await after.admin('createSpace', 'PUT', path)
  assert.is(anew.status, 201)
  assert.not.equal(anew.body.incarnation, stats.body.incarnation)
  assert.equal((await after.json('team%2Fdemo', '?type=content:text')).body.content, { content: '' })
})

test('[X52] who is put out comes back, who is kept out does not, until they may', async () => {
  const { url } = await services.serve()
  const api = apiOf(url)
  const { connection } = await services.client(url, 'demo', { user: 'bob' })
  const put = await api.admin('disconnectMember', 'POST', '/spaces/demo/members/bob/disconnect')
  assert.equal(put.body, { space: 'demo', user: 'bob', closed: 1 })
  connection.close()
  for (const [path, ids] of [
    ['/spaces/demo/revocations', ['revokeMember', 'reinstateMember', 'listRevocations']],
    ['/revocations', ['revokeUser', 'reinstateUser', 'listUserRevocations']],
  ] as const) {
    const [revoke, reinstate, list] = ids
    assert.is((await api.admin(revoke, 'PUT', `${path}/bob`)).status, 204)
    const { body } = await api.admin(list, 'GET', path)
    assert.equal([body.revocations.length, body.revocations[0].user], [1, 'bob'])
    const refused = await api.ask('readMembers', 'GET', '/spaces/demo/members', { user: 'bob' })
    assert.equal([refused.status, refused.body.code], [403, 'revoked'])
    assert.is((await api.admin(reinstate, 'DELETE', `${path}/bob`)).status, 204)
    assert.is((await api.ask('readMembers', 'GET', '/spaces/demo/members', { user: 'bob' })).status, 200)
  }
})
