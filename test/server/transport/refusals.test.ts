/** Who is not let in, and how each dialect is told. Real sockets, a real gate. */
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { signToken } from '../../../server/auth/sign-token.js'
import type { ErrorCode } from '../../../shared/errors.js'
import { ERRORS, PlenumError } from '../../../shared/errors.js'
import {
  type DoorSettings,
  type Ending,
  ending,
  type OpenDoor,
  openDoor,
  SECRET,
  textOf,
} from '../../support/open-door.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('refusals')

let door: OpenDoor
const open = async (settings: DoorSettings = {}): Promise<OpenDoor> => {
  door = await openDoor(settings)
  return door
}

test.after.each(() => door?.close())

const isRefusedOverHttp = (outcome: Ending, code: ErrorCode): void => {
  if (outcome.type !== 'status') throw new Error(`accepted, then closed with ${outcome.code}`)
  assert.is(outcome.status, ERRORS[code].http)
  assert.is(JSON.parse(outcome.body).code, code)
}

const isClosed = (outcome: Ending, code: ErrorCode): void => {
  if (outcome.type !== 'close') throw new Error(`refused with ${outcome.status}`)
  assert.is(outcome.code, ERRORS[code].close)
}

/** A token in `?token=`, for a stock client and for one of ours. */
const isRefused = async (token: string | null, code: ErrorCode): Promise<void> => {
  const target = token === null ? '/sync/demo' : `/sync/demo?token=${token}`
  isRefusedOverHttp(await ending(door.client(target)), code)
  isRefusedOverHttp(await ending(door.client(target, ['yjs'])), code)
  isClosed(await ending(door.client(target, ['plenum.v1'])), code)
  assert.is(door.registry.sessions.length, 0)
}

test('[D3] without a token nobody comes in', async () => {
  await open()
  await isRefused(null, 'unauthenticated')
})

test('[D3] with a token of another key nobody comes in', async () => {
  await open()
  const secret = 'another secret, as long as the first one is'
  await isRefused(
    await signToken({ secret, user: 'a', spaces: { '**': 'admin' }, ttlMs: 60_000, nowMs: door.nowMs }),
    'unauthenticated',
  )
})

test('[D3] with an unsigned token nobody comes in', async () => {
  await open()
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const exp = Math.floor(door.nowMs / 1000) + 60
  await isRefused(
    `${part({ alg: 'none' })}.${part({ sub: 'a', exp, spaces: { '**': 'admin' } })}.`,
    'unauthenticated',
  )
})

test('[D3] with a token that never ends nobody comes in', async () => {
  await open()
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const signed = `${part({ alg: 'HS256' })}.${part({ sub: 'a', spaces: { '**': 'admin' } })}`
  await isRefused(
    `${signed}.${createHmac('sha256', SECRET).update(signed).digest('base64url')}`,
    'unauthenticated',
  )
})

test('[D3] with an expired token one is told to come back with another', async () => {
  await open()
  await isRefused(await door.token({ demo: 'write' }, 'ann', -1000), 'token_expired')
})

test('[D3] with a token for another space one is forbidden this one', async () => {
  await open()
  await isRefused(await door.token({ other: 'admin' }), 'forbidden')
})

test('[D3] a page from elsewhere is refused', async () => {
  await open({ limits: { origins: ['https://app.example'] } })
  const target = `/sync/demo?token=${await door.token()}`
  const from = (origin: string, protocols: string[]) => ending(door.client(target, protocols, { origin }))

  isRefusedOverHttp(await from('https://evil.example', ['yjs']), 'origin_denied')
  isClosed(await from('https://evil.example', ['plenum.v1']), 'origin_denied')
  const friend = door.client(target, ['yjs'], { origin: 'https://app.example' })
  await once(friend, 'open')
})

test('[D3] where it is full one is told when to come back', async () => {
  await open({ limits: { maxConnections: 1 } })
  await door.join()

  const outcome = await ending(door.client(`/sync/demo?token=${await door.token()}`))

  isRefusedOverHttp(outcome, 'rate_limited')
  assert.is(outcome.type === 'status' && outcome.retryAfter, '10')
  isClosed(await ending(door.client('/sync/demo', ['plenum.v1'])), 'rate_limited')
})

test('[D4] while it drains everybody is sent away for a moment', async () => {
  await open()
  door.door.stopAccepting()
  const target = `/sync/demo?token=${await door.token()}`

  const outcome = await ending(door.client(target))

  isRefusedOverHttp(outcome, 'draining')
  assert.is(outcome.type === 'status' && outcome.retryAfter, '5')
  isClosed(await ending(door.client(target, ['plenum.v1'])), 'draining')
})

test('[D3] a connection that is only told no is gone afterwards, and holds no place', async () => {
  await open()

  await ending(door.client('/sync/demo', ['plenum.v1']))

  assert.is(door.admission.connections, 0)
  assert.is(door.door.connections, 0)
})

const BAD_PATHS: readonly (readonly [target: string, status: number])[] = [
  ['/sync/../etc/passwd', 400],
  ['/sync/a/../b', 400],
  ['/sync/a/./b', 400],
  ['/sync/%2e%2e/b', 400],
  ['/sync/a%2fb', 400],
  ['/sync/a%252fb', 400],
  ['/sync/a%', 400],
  ['/sync/', 400],
  ['/sync//a', 400],
  ['/sync/a/', 400],
  ['/sync/a b', 400],
  ['/sync/%00', 400],
  ['/sync/<script>', 400],
  [`/sync/${'a'.repeat(129)}`, 400],
  [`/sync/${'a/'.repeat(9)}a`, 400],
  ['/sync', 404],
  ['/', 404],
  ['/other/a', 404],
  ['/..//sync/a', 404],
]

test('[D1] a bad name or path is refused, as it came over the raw socket', async () => {
  await open()
  for (const [target, status] of BAD_PATHS) {
    const answer = await textOf(door.raw(target))
    // A space in a target breaks the request line itself; Node answers that.
    assert.ok(answer.startsWith(`HTTP/1.1 ${status} `), `${target}: ${answer.split('\r\n')[0]}`)
  }
  assert.is(door.registry.sessions.length, 0)
})

test('[D1] a bad name closes a client of ours with 4400', async () => {
  await open()
  isClosed(await ending(door.client('/sync/a%252fb', ['plenum.v1'])), 'bad_name')
})

test('[D1] an escaped name is decoded once', async () => {
  await open()
  const client = door.client(`/sync/team-a/%E2%82%AC1%2B2?token=${await door.token()}`).on('error', () => {})

  const outcome = await Promise.race([ending(client), door.registry.session()])

  // The euro sign is no letter: the escape was decoded before it was judged.
  assert.ok('status' in outcome && outcome.status === 400)
  door.client(`/sync/team-a/%C3%BC1%2B2?token=${await door.token()}`)
  assert.is((await door.registry.session()).space, 'team-a/ü1+2')
})

test('[D2] a lone token in the subprotocol list is refused, and not repeated', async () => {
  await open()
  const token = await door.token()

  const answer = await textOf(door.raw('/sync/demo', { 'Sec-WebSocket-Protocol': `bearer.${token}` }))

  assert.match(answer, /^HTTP\/1\.1 400 /)
  assert.not.match(answer, token.slice(0, 12))
})

test('[D2] the token in the list is never the protocol that is selected', async () => {
  await open()
  for (const protocol of ['yjs', 'plenum.v1']) {
    const client = door.client('/sync/demo', [`bearer.${await door.token()}`, protocol])
    await once(client, 'open')
    assert.is(client.protocol, protocol)
  }
  const client = door.client(`/sync/demo?token=${await door.token()}`)
  await once(client, 'open')
  assert.is(client.protocol, '')
})

test('[G4] each of the three carriers lets one in', async () => {
  await open()
  const token = await door.token()
  const clients = [
    door.client('/sync/demo', ['plenum.v1', `bearer.${token}`]),
    door.client('/sync/demo', ['plenum.v1'], { authorization: `Bearer ${token}` }),
    door.client(`/sync/demo?token=${token}`, ['plenum.v1']),
  ]
  await Promise.all(clients.map(client => once(client, 'open')))

  assert.is((await door.registry.session(2)).access.user, 'ann')
})

test('[D3] what is no WebSocket handshake is refused, and holds no place', async () => {
  await open()
  const target = `/sync/demo?token=${await door.token()}`

  for (const headers of [
    { Upgrade: 'h2c' },
    { 'Sec-WebSocket-Version': '7' },
    { 'Sec-WebSocket-Key': 'x' },
  ]) {
    assert.match(await textOf(door.raw(target, headers)), /^HTTP\/1\.1 400 /)
  }

  assert.is(door.admission.connections, 0)
})

test('[D3] a client that is gone before it is judged holds no place', async () => {
  let admit = (): void => {}
  const isAdmitted = new Promise<void>(resolve => {
    admit = resolve
  })
  let asked = (): void => {}
  const isAsked = new Promise<void>(resolve => {
    asked = resolve
  })
  const gate = {
    admit: async () => {
      asked()
      await isAdmitted
      return { user: 'ann', name: null, role: 'write', expiresAtMs: null } as const
    },
    renew: () => Promise.reject(new PlenumError('unauthenticated')),
  }
  await open({ options: { gate } })
  const socket = door.raw('/sync/demo')
  await isAsked
  assert.is(door.admission.connections, 1)

  socket.resetAndDestroy()
  await once(socket, 'close')
  admit()
  // The door hears of the reset when it writes, or when it reads.
  while (door.admission.connections > 0) await new Promise(resolve => setImmediate(resolve))

  assert.is(door.door.connections, 0)
})

test('[D3] a gate that does not answer is not waited for beyond its time', async () => {
  let asked = (): void => {}
  const isAsked = new Promise<void>(resolve => {
    asked = resolve
  })
  const gate = {
    admit: () => {
      asked()
      return new Promise<never>(() => {})
    },
    renew: () => new Promise<never>(() => {}),
  }
  await open({ options: { gate } })
  const outcome = ending(door.client('/sync/demo'))
  await isAsked

  door.door.sweep(door.nowMs + 10_000)

  isRefusedOverHttp(await outcome, 'internal')
  assert.is(door.admission.connections, 0)
})

test('[G10] who keeps coming without a token is told to wait', async () => {
  await open({ limits: { maxFailedUpgradesPerMinute: 2 }, options: { trustedProxies: 1 } })
  const from = (address: string, query = '') =>
    ending(door.client(`/sync/demo${query}`, [], { 'X-Forwarded-For': address }))
  await from('203.0.113.7')
  await from('203.0.113.7', '?token=x')

  const outcome = await from('203.0.113.7', `?token=${await door.token()}`)

  isRefusedOverHttp(outcome, 'rate_limited')
  assert.is(outcome.type === 'status' && outcome.retryAfter, '60')
})

test('[G10] programs on this machine are not taken for one client', async () => {
  await open({ limits: { maxFailedUpgradesPerMinute: 1, maxConnectionsPerIp: 1 } })
  await ending(door.client('/sync/demo'))
  await ending(door.client('/sync/demo'))

  await door.join()
  await door.join()

  assert.is(door.door.connections, 2)
})

test('[G5] neither an answer nor anything that is told repeats a token', async () => {
  await open()
  const tokens = [await door.token(), await door.token({ other: 'read' }), await door.token({}, 'ann', -1)]
  const answers: string[] = []
  for (const token of tokens) {
    for (const protocol of [`yjs, bearer.${token}`, `bearer.${token}`, `bearer.${token}, bearer.x, yjs`]) {
      const socket = door.raw(`/sync/../x?token=${token}`, {
        'Sec-WebSocket-Protocol': protocol,
        Authorization: `Bearer ${token}`,
      })
      answers.push(await textOf(socket))
    }
    answers.push(await textOf(door.raw(`/nowhere?token=${token}`)))
    answers.push(JSON.stringify(await ending(door.client(`/sync/demo/x?token=${token}broken`))))
  }

  const everything = [...answers, ...door.told].join('\n')
  for (const token of tokens) {
    for (const part of token.split('.').slice(1)) assert.not(everything.includes(part.slice(0, 24)))
  }
})
