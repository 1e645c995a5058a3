/** `kill -9` right after an answer: what was edited without a connection, and what administrators decided, stays. */
import { openPlainClient } from '../support/plain-client.js'
import { type ServerProcess, startServer } from '../support/server-process.js'
import { assert, suite } from '../support/suite.js'
import { Writer } from '../support/writer.js'

const test = suite('kill -9 and decisions')

const SPACE = 'meeting'

interface Answer {
  readonly status: number
  readonly body: { readonly [Field: string]: unknown }
}

const call = async (
  server: ServerProcess,
  method: string,
  path: string,
  { user = 'boss', body }: { user?: string; body?: Uint8Array } = {},
): Promise<Answer> => {
  const role = user === 'boss' ? 'admin' : 'write'
  const response = await fetch(`${server.url}/api${path}`, {
    method,
    headers: {
      Authorization: `Bearer ${await server.token(user, '**', role)}`,
      ...(body === undefined ? {} : { 'Content-Type': 'application/octet-stream' }),
    },
    ...(body === undefined ? {} : { body: body as Uint8Array<ArrayBuffer> }),
  })
  const text = await response.text()
  return { status: response.status, body: text === '' ? {} : (JSON.parse(text) as Answer['body']) }
}

/** How the other door answers: `in`, or the code of its close. */
const knock = async (server: ServerProcess, user: string): Promise<'in' | number> => {
  const client = await openPlainClient(`${server.syncUrl}/${SPACE}`, await server.token(user))
  const welcome = client.message('welcome').then(
    () => 'in' as const,
    () => client.closed.then(({ code }) => code),
  )
  const answer = await welcome
  client.terminate()
  return answer
}

const textOf = async (server: ServerProcess): Promise<unknown> => {
  const { status, body } = await call(server, 'GET', `/spaces/${SPACE}/json`)
  return status === 200 ? body : body.code
}

const killed = async (server: ServerProcess): Promise<void> => {
  await server.kill9()
  await server.start()
}

test('[X6] [X15] edits, deletions, restorations, new spaces and revocations survive a kill right after the answer', {
  timeoutMs: 120_000,
}, async () => {
  const server = await startServer({ flags: ['--log-level', 'warn'] })
  try {
    const writer = new Writer()
    const edit = (text: string, user = 'ann') =>
      call(server, 'POST', `/spaces/${SPACE}/update`, { user, body: writer.type(text).update })
    assert.equal((await edit('kept')).status, 200)
    await killed(server)
    const before = JSON.stringify(await textOf(server))
    assert.ok(before.includes('kept'), before)

    const inside = await openPlainClient(`${server.syncUrl}/${SPACE}`, await server.token('ann'))
    await inside.message('welcome')
    assert.is((await call(server, 'DELETE', `/spaces/${SPACE}`)).status, 204)
    assert.is((await inside.closed).code, 4404)
    await killed(server)
    assert.is(await textOf(server), 'space_deleted')
    assert.equal([await knock(server, 'ann'), (await edit('never')).body.code], [4404, 'space_deleted'])

    assert.is((await call(server, 'POST', `/spaces/${SPACE}/restore`)).status, 200)
    await killed(server)
    assert.is(JSON.stringify(await textOf(server)), before)
    assert.is(await knock(server, 'ann'), 'in')

    assert.is((await call(server, 'DELETE', `/spaces/${SPACE}`)).status, 204)
    const created = await call(server, 'PUT', `/spaces/${SPACE}`)
    assert.is(created.status, 201)
    await killed(server)
    assert.not(JSON.stringify(await textOf(server)).includes('kept'))
    const { incarnation } = (await call(server, 'GET', `/spaces/${SPACE}/snapshot`)).body
    assert.is(incarnation, created.body.incarnation)

    const eve = await openPlainClient(`${server.syncUrl}/${SPACE}`, await server.token('eve'))
    await eve.message('welcome')
    assert.is((await call(server, 'PUT', `/spaces/${SPACE}/revocations/eve`)).status, 204)
    assert.is((await call(server, 'PUT', '/revocations/mallory')).status, 204)
    assert.is((await eve.closed).code, 4403)
    await killed(server)
    for (const user of ['eve', 'mallory']) {
      assert.equal([await knock(server, user), (await edit('x', user)).body.code], [4403, 'revoked'], user)
    }
    assert.is(await knock(server, 'ann'), 'in')
    assert.is((await call(server, 'DELETE', `/spaces/${SPACE}/revocations/eve`)).status, 204)
    await killed(server)
    assert.equal([await knock(server, 'eve'), await knock(server, 'mallory')], ['in', 4403])
  } finally {
    await server.dispose()
  }
})
