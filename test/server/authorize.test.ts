/** An application that says itself who comes in: at every door, while they stay, and whatever it does wrong. */
import { once } from 'node:events'
import { WebSocket } from 'ws'
import type { Authorize } from '../../server/auth/authorize-gate.js'
import type { PlenumOptions } from '../../server/create-plenum.js'
import { systemScheduler } from '../../server/space/scheduler.js'
import { PlenumError } from '../../shared/errors.js'
import { Embedding, enter, write } from '../support/embedding.js'
import { ending } from '../support/open-door.js'
import { assert, suite } from '../support/suite.js'
import { until } from '../support/until.js'

const test = suite('authorize')

const here = new Embedding()

test.after.each(() => here.close())

/** Its clocks may be moved on, and nobody is taken for dead for that. */
const listen = async (authorize: Authorize, options: PlenumOptions = {}) => {
  let laterMs = 0
  const scheduler = {
    ...systemScheduler,
    now: () => Date.now() + laterMs,
    elapsed: () => performance.now() + laterMs,
  }
  const plenum = here.create({
    ...options,
    authorize,
    scheduler,
    config: { heartbeatMs: 600_000, ...options.config },
  })
  const { url } = await plenum.listen()
  const wait = (ms: number): void => {
    laterMs += ms
  }
  return { plenum, url, wait }
}

const membersOf = async (url: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${url}/api/spaces/demo/members`, { headers })

test('[Z5] a cookie lets in, at the WebSocket door and at the API, and no token is needed', async () => {
  const { url } = await listen(({ headers, token }) =>
    headers.cookie === 'session=ann' && token === null ? { user: 'ann', name: 'Ann', role: 'write' } : null,
  )
  const socketUrl = `${url.replace('http', 'ws')}/sync/demo`

  const client = new WebSocket(socketUrl, ['plenum.v1'], { headers: { cookie: 'session=ann' } })
  await once(client, 'message')
  const { members } = (await (await membersOf(url, { cookie: 'session=ann' })).json()) as {
    members: unknown[]
  }
  const stranger = await ending(
    new WebSocket(socketUrl, ['yjs'], { headers: { cookie: 'session=eve' } }).on('error', () => {}),
  )

  assert.is(members.length, 1)
  assert.is((members[0] as { name: string }).name, 'Ann')
  assert.is(stranger.type === 'status' && stranger.status, 401)
  assert.is((await membersOf(url)).status, 401)
  client.terminate()
})

test('[Z5] a page of another origin is refused before it is asked', async () => {
  let asked = 0
  const { url } = await listen(() => {
    asked++
    return { user: 'ann', role: 'write' }
  })
  const foreign = { headers: { origin: 'https://elsewhere.example', cookie: 'session=ann' } }

  const outcome = await ending(
    new WebSocket(`${url.replace('http', 'ws')}/sync/demo`, ['yjs'], foreign).on('error', () => {}),
  )

  assert.is(outcome.type === 'status' && outcome.status, 403)
  assert.is((await membersOf(url, foreign.headers)).status, 403)
  assert.is(asked, 0)
})

test('[Z5] it decides anew with a fresh token, and an expiry ends the connection', async () => {
  const { url, wait } = await listen(({ token, user }) => ({
    user: 'ann',
    role: token === 'reader' && user === 'ann' ? 'read' : 'write',
    expiresAt: user === null ? Date.now() + 60_000 : null,
  }))
  const [renewed, expiring] = [await enter(url, 'demo', 'a'), await enter(url, 'demo', 'b')]
  await write(renewed, 'hello')

  renewed.send({ type: 'authenticate', token: 'reader' })
  const { role, expiresAtMs } = await renewed.message('access')
  wait(120_000)

  assert.equal([role, expiresAtMs], ['read', 0])
  assert.is((await expiring.closed).code, 4501)
  assert.is(renewed.isClosed, false)
})

test('[Z6] whatever it throws or answers wrongly closes with internal, is logged once, and others stay', async () => {
  const answers: Record<string, () => unknown> = {
    good: () => ({ user: 'ann', role: 'write' }),
    throws: () => {
      throw new Error('the database is gone')
    },
    rejects: () => Promise.reject('the database is gone'),
    wrong: () => ({ user: 'ann', role: 'owner' }),
    code: () => Promise.reject(new PlenumError('forbidden')),
  }
  const { url } = await listen((({ token }) => answers[token ?? '']?.()) as Authorize)
  const inside = await enter(url, 'demo', 'good')

  for (const token of ['throws', 'rejects', 'wrong']) {
    here.logged.length = 0
    const client = await enter(url, 'demo', token)
    assert.equal(await client.closed, { code: 4500, reason: 'internal error' }, token)
    const response = await membersOf(url, { authorization: `Bearer ${token}` })
    assert.equal([response.status, (await response.json()).code], [500, 'internal'])
    const lines = here.linesOf('error')
    const [upgrade = '', request = ''] = lines
    assert.is(lines.length, 2, lines.join(''))
    const why =
      token === 'wrong'
        ? 'authorize() gave a role that is none of read, write, admin'
        : 'the database is gone'
    assert.ok(upgrade.includes(why) && request.includes(why), lines.join(''))
  }
  assert.is((await (await enter(url, 'demo', 'code')).closed).code, 4403)
  await write(inside, 'still here')
})

test('[Z6] a renewal that fails or hangs closes that connection, is logged once, and others stay', async () => {
  const { url, wait } = await listen(({ token }) => {
    if (token === 'breaks') throw new Error('the database is gone')
    if (token === 'hangs') return new Promise(() => {})
    return { user: 'ann', role: 'write' }
  })
  const [inside, breaking, hanging] = [
    await enter(url, 'demo', 'a'),
    await enter(url, 'demo', 'a'),
    await enter(url, 'demo', 'a'),
  ]
  here.logged.length = 0

  breaking.send({ type: 'authenticate', token: 'breaks' })
  assert.is((await breaking.closed).code, 4500)
  hanging.send({ type: 'authenticate', token: 'hangs' })
  // What hangs begins to when the server has read the frame: the clock goes on until it is given up.
  const clock = setInterval(() => wait(100), 10)
  const { code } = await hanging.closed.finally(() => clearInterval(clock))

  assert.is(code, 4500)
  const lines = here.linesOf('error')
  assert.is(lines.length, 2, lines.join(''))
  assert.ok(lines[0]?.includes('the database is gone'))
  assert.ok(lines[1]?.includes('did not answer in time'))
  await write(inside, 'still here')
})

test('[Z6] an upgrade that hangs is refused after ten seconds, and its place is free', async () => {
  let asked = 0
  const { url, wait } = await listen(() => {
    asked++
    return new Promise(() => {})
  })
  const client = enter(url, 'demo', 'a')
  await until('it is asked', () => asked === 1)

  wait(11_000)

  assert.is((await (await client).closed).code, 4500)
})

test('[Z6] how long it may take is a setting, and an answer that comes too late lets nobody in', async () => {
  const late: { allow(): void; fail(): void }[] = []
  const { plenum, url, wait } = await listen(
    () =>
      new Promise((resolve, reject) => {
        const allow = (): void => resolve({ user: 'ann', role: 'write' })
        late.push({ allow, fail: () => reject(new Error('too late')) })
      }),
    { config: { gateTimeoutMs: 60_000 } },
  )
  const [first, second] = [enter(url, 'demo', 'a'), enter(url, 'demo', 'b')]
  await until('they are asked for', () => late.length === 2)

  wait(59_000)
  late[0]!.allow()
  await (await first).message('welcome')
  const third = enter(url, 'demo', 'c')
  await until('it is asked for', () => late.length === 3)
  wait(61_000)

  assert.is((await (await second).closed).code, 4500)
  assert.is((await (await third).closed).code, 4500)
  late[1]!.allow()
  late[2]!.fail()
  const fourth = enter(url, 'demo', 'd')
  await until('it is asked for', () => late.length === 4)
  late[3]!.allow()
  await (await fourth).message('welcome')
  assert.is((await plenum.snapshot('demo')).members.filter(({ left }) => left === null).length, 1)
})

test('[Z13] a close refuses at once whoever waits for an answer, at every door, and ends', async () => {
  let asked = 0
  const never = (): Promise<never> => {
    asked++
    return new Promise(() => {})
  }
  const { plenum, url } = await listen(never, { config: { demo: 'on' }, demoDesk: { tokenFor: never } })
  const stock = ending(new WebSocket(`${url.replace('http', 'ws')}/sync/demo`, ['yjs']).on('error', () => {}))
  const client = enter(url, 'demo', 'a')
  const stream = fetch(`${url}/sync/demo`, { headers: { accept: 'text/event-stream' } })
  const request = membersOf(url)
  const token = fetch(`${url}/demo/token`, {
    method: 'POST',
    headers: { authorization: 'Bearer somebody', 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'Ann', role: 'write' }),
  })
  await until('all are asked about', () => asked === 5)

  await plenum.close()

  assert.is((await (await client).closed).code, 4503)
  const outcome = await stock
  assert.is(outcome.type === 'status' && outcome.status, 503)
  for (const response of [await stream, await request, await token]) {
    assert.equal([response.status, (await response.json()).code], [503, 'draining'])
  }
})
