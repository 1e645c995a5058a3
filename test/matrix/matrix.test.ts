/** Role × operation × door, generated from one table: who is let in, and what each may do there. */
import { Awareness, applyAwarenessUpdate, encodeAwarenessUpdate } from 'y-protocols/awareness'
import * as Y from 'yjs'
import { API_ROUTES } from '../../server/http/api/api-router.js'
import type { ApiPorts } from '../../server/http/api/ports.js'
import type { RouteSpec } from '../../server/http/api/route.js'
import { createHttpApp } from '../../server/http/app.js'
import { ERRORS } from '../../shared/errors.js'
import {
  type ClientMessage,
  decodeClientMessage,
  EMPTY_UPDATE,
  encodeMessage,
} from '../../shared/protocol/index.js'
import { expectDocumented } from '../support/api-document.js'
import { RunningServices } from '../support/running-service.js'
import { assert, suite } from '../support/suite.js'
import { until } from '../support/until.js'
import { DOORS, type DoorKind, type Line } from './doors.js'
import {
  CALLERS,
  type Caller,
  type Effect,
  LIST_ROUTE,
  LISTED,
  MESSAGES,
  messageEffect,
  OPEN_ROUTES,
  ROUTES,
  routeOutcome,
  TURNED_AWAY,
} from './table.js'

const test = suite('matrix')
const services = new RunningServices()
const TIMEOUT_MS = 120_000
const ELSEWHERE = 'elsewhere/entirely'
const ALL = Object.keys(CALLERS) as Caller[]

let url: string
test.before(async () => {
  url = (await services.serve({ flushWindowMaxMs: 10 })).url
})
test.after(() => services.end())

const tokenOf = async (caller: Caller, space: string): Promise<string | null> => {
  const facts: { readonly token: string; readonly [grant: string]: string } = CALLERS[caller]
  const { token, grants, elsewhere, everywhere } = facts
  if (token === 'none') return null
  const spaces = {
    ...(grants !== undefined && { [space]: grants }),
    ...(elsewhere !== undefined && { [ELSEWHERE]: elsewhere }),
    ...(everywhere !== undefined && { '**': everywhere }),
  } as Record<string, 'admin'>
  const good = await services.token({ user: caller, spaces, ttlMs: token === 'expired' ? -1_000 : 60_000 })
  return token === 'forged' ? `${good.slice(0, -4)}AAAA` : good
}

const request = async (caller: Caller, space: string, path: string, init: RequestInit = {}) => {
  const token = await tokenOf(caller, space)
  const headers = { ...(init.headers as object), ...(token !== null && { Authorization: `Bearer ${token}` }) }
  return fetch(`${url}/api${path}`, { ...init, headers })
}

const update = (text: string): Uint8Array<ArrayBuffer> => {
  const doc = new Y.Doc()
  doc.getText('content').insert(0, text)
  return Y.encodeStateAsUpdate(doc) as Uint8Array<ArrayBuffer>
}
const OCTETS = { 'Content-Type': 'application/octet-stream' }

/** A space in which somebody has written, and which one is not let into. */
const prepare = async (space: string): Promise<void> => {
  const path = `/spaces/${encodeURIComponent(space)}`
  const body = update('before')
  await request('root', space, `${path}/update`, { method: 'POST', body, headers: OCTETS })
  await request('root', space, `${path}/revocations/revoked`, { method: 'PUT' })
}

/** What whoever may not must not change. */
const stateOf = async (space: string): Promise<string> => {
  const parts = ['json?type=content:text', 'revocations', 'members'].map(async part => {
    const response = await request('root', space, `/spaces/${encodeURIComponent(space)}/${part}`)
    const { serverTime, ...rest } = (await response.json()) as Record<string, unknown>
    return rest
  })
  return JSON.stringify(await Promise.all(parts))
}

test('[X70] every route has a row in the table, and every row a route', () => {
  const ids = API_ROUTES.map(({ spec }) => spec.id)
  assert.equal(ids.toSorted(), [...Object.keys(ROUTES), LIST_ROUTE].toSorted())
  const nothing = {} as ApiPorts
  const app = createHttpApp({
    basePath: '',
    status: () => ({ isDegraded: false, isDraining: false }),
    metrics: { contentType: 'text/plain', render: async () => '' },
    demo: { folder: '/nowhere', desk: { tokenFor: async () => null } },
    api: nothing,
    observer: { report: () => {}, refusedRequest: () => {} },
  })
  const routes = routesIn(app.router).filter(route => !route.startsWith('_all '))
  const ofApi = API_ROUTES.map(({ spec }) => `${spec.method} ${spec.path}`)
  assert.equal(routes.toSorted(), [...ofApi, ...Object.keys(OPEN_ROUTES)].toSorted())
})

interface Layer {
  readonly route?: { readonly path: string; readonly methods: Readonly<Record<string, boolean>> }
  readonly handle?: { readonly stack?: readonly Layer[] }
}

/** Every route of a router and of those within it: the method and the path as it was given. */
const routesIn = ({ stack }: { readonly stack: unknown }): string[] =>
  (stack as readonly Layer[]).flatMap(({ route, handle }) => {
    if (route !== undefined) return Object.keys(route.methods).map(method => `${method} ${route.path}`)
    return handle?.stack === undefined ? [] : routesIn({ stack: handle.stack })
  })

test('[X70] every message that a client may send has a row in the table', () => {
  const doc = new Y.Doc()
  const samples = Object.keys(MESSAGES).map(type => sampleOf(type as ClientMessage['type'], doc, ''))
  assert.equal(
    samples.map(message => decodeClientMessage(encodeMessage(message)).type),
    Object.keys(MESSAGES),
  )
  const numbers = new Set(samples.map(message => encodeMessage(message)[0]))
  for (let number = 0; number < 128; number++) {
    let told = ''
    try {
      decodeClientMessage(Uint8Array.of(number))
    } catch (error) {
      told = (error as Error).message
    }
    assert.is(!told.includes('unknown type'), numbers.has(number), `messages of type ${number}`)
  }
})

for (const { spec } of API_ROUTES.filter(route => route.spec.id !== LIST_ROUTE)) {
  test(`[X71] ${spec.method.toUpperCase()} ${spec.path}: who may`, { timeoutMs: TIMEOUT_MS }, async () => {
    for (const caller of ALL) await tryRoute(spec, caller)
  })
}

const tryRoute = async (spec: RouteSpec, caller: Caller): Promise<void> => {
  const space = `matrix/${spec.id}/${caller}`
  await prepare(space)
  const expected = routeOutcome(spec.id, caller)
  const before = await stateOf(space)
  const path = spec.path.replace(':space', encodeURIComponent(space)).replace(':user', 'bob')
  const response = await request(caller, space, path, {
    method: spec.method.toUpperCase(),
    ...(spec.body !== null && { body: update('after'), headers: OCTETS }),
  })
  const what = `${spec.id} by ${caller}`
  if (expected === null) {
    assert.ok(response.ok, `${what}: ${response.status}`)
    if (spec.answer.type === 'events') await response.body?.cancel()
    else await expectDocumented(spec.id, response)
    return
  }
  assert.is(response.status, ERRORS[expected].http, what)
  const { code } = (await expectDocumented(spec.id, response)) as { code: string }
  assert.is(code, expected, what)
  assert.is(await stateOf(space), before, `${what} changes nothing`)
}

test('[X71] GET /spaces: who is told of a space', async () => {
  const space = 'matrix/listed/one'
  await prepare(space)
  for (const caller of ALL) {
    const response = await request(caller, space, '/spaces?prefix=matrix/listed/')
    const away = caller === 'neighbour' || caller === 'revoked' ? undefined : TURNED_AWAY[caller]
    assert.is(response.status, away === undefined ? 200 : ERRORS[away].http, caller)
    const answer = (await expectDocumented(LIST_ROUTE, response)) as { code?: string; spaces?: unknown[] }
    if (away !== undefined) assert.is(answer.code, away)
    else assert.is(answer.spaces?.length, LISTED.includes(caller) ? 1 : 0, caller)
  }
})

/** A message whose effect shows. */
const sampleOf = (type: ClientMessage['type'], doc: Y.Doc, token: string): ClientMessage => {
  switch (type) {
    case 'step1':
      return { type, stateVector: Uint8Array.of(0) }
    case 'step2':
    case 'update':
      return { type, update: update('edited') }
    case 'awareness': {
      const awareness = new Awareness(doc)
      awareness.setLocalState({ here: true })
      const entries = encodeAwarenessUpdate(awareness, [doc.clientID])
      awareness.destroy()
      return { type, entries }
    }
    case 'query-awareness':
      return { type }
    case 'authenticate':
      return { type, token }
    case 'signal':
      return { type, to: null, json: '{"hello":1}' }
  }
}

for (const door of DOORS) {
  for (const type of Object.keys(MESSAGES) as ClientMessage['type'][]) {
    test(`[X72] ${type} by ${door.name}: who may`, { timeoutMs: TIMEOUT_MS }, async () => {
      for (const caller of ALL) await tryMessage(door, type, caller)
    })
  }
}

const tryMessage = async (door: DoorKind, type: ClientMessage['type'], caller: Caller): Promise<void> => {
  const space = `matrix/${type}/${door.name.replaceAll(' ', '-')}-${caller}`
  const what = `${type} by ${caller}`
  await prepare(space)
  const before = await stateOf(space)
  const token = await tokenOf(caller, space)
  const line = await door.open(url, space, token)
  const away = TURNED_AWAY[caller]
  if (away !== undefined) {
    await until(`${what} is turned away`, () => line.closed !== null)
    const { close, http } = ERRORS[away]
    assert.ok(line.closed === close || line.closed === http, `${what}: ${line.closed} for ${away}`)
    assert.equal(
      line.messages.filter(message => message.type !== 'permission-denied'),
      [],
      `${what} is told nothing`,
    )
    assert.is(await stateOf(space), before)
    return
  }
  const witness = await (DOORS[0] as DoorKind).open(url, space, await services.token({ user: 'witness' }))
  witness.send({ type: 'step2', update: EMPTY_UPDATE })
  try {
    const found = await effectOf({ line, witness, type, space, token: token ?? '' })
    assert.is(found, messageEffect(type, caller, door.dialect), what)
  } finally {
    line.end()
    witness.end()
  }
}

interface Trial {
  readonly line: Line
  readonly witness: Line
  readonly type: ClientMessage['type']
  readonly space: string
  readonly token: string
}

const effectOf = async ({ line, witness, type, space, token }: Trial): Promise<Effect> => {
  const has = (at: Line, wanted: string): boolean => at.messages.some(message => message.type === wanted)
  const settles = (shows: () => boolean): Promise<unknown> =>
    until(`${type} has an effect`, () => shows() || line.closed !== null)
  // Whoever answers the server's question is told of presence unasked.
  if (type !== 'step2' && type !== 'query-awareness') line.send({ type: 'step2', update: EMPTY_UPDATE })
  const doc = new Y.Doc()
  if (type === 'query-awareness') witness.send(sampleOf('awareness', doc, ''))
  line.send(sampleOf(type, doc, token))
  switch (type) {
    case 'step1':
      await settles(() => has(line, 'step2'))
      break
    case 'step2':
    case 'update': {
      // Its answer comes behind what was done with the edit.
      line.send({ type: 'step1', stateVector: Uint8Array.of(0) })
      await settles(() => has(line, 'step2'))
      if (line.closed !== null) return 'closed'
      const path = `/spaces/${encodeURIComponent(space)}/json?type=content:text`
      const { content } = (await (await request('root', space, path)).json()) as {
        content: { content: string }
      }
      const isRefused = has(line, 'rejected') || has(line, 'permission-denied')
      if (content.content.includes('edited')) return isRefused ? 'refused' : 'done'
      return isRefused ? 'refused' : 'left out'
    }
    case 'awareness':
      await settles(() => isSeen(witness, doc.clientID))
      break
    case 'query-awareness':
      await settles(() => {
        line.send({ type })
        return isSeen(line, doc.clientID)
      })
      break
    case 'authenticate':
      await settles(() => has(line, 'access'))
      break
    case 'signal':
      await settles(() => has(witness, 'signalled'))
      break
  }
  return line.closed === null ? 'done' : 'closed'
}

/** Whether a line was told of a client's state. */
const isSeen = ({ messages }: Line, clientId: number): boolean => {
  const doc = new Y.Doc()
  const awareness = new Awareness(doc)
  for (const message of messages) {
    if (message.type === 'awareness') applyAwarenessUpdate(awareness, message.entries, null)
  }
  const found = awareness.getStates().has(clientId)
  awareness.destroy()
  return found
}
