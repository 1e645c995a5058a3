/** The stream for programs, from a whole service. */
import * as Y from 'yjs'
import { intentions } from '../../../../client/intentions/intentions.js'
import type { Json } from '../../../../server/http/api/openapi.js'
import { conforms, document } from '../../../support/api-document.js'
import type { EventReader } from '../../../support/event-reader.js'
import { RunningServices } from '../../../support/running-service.js'
import { difference } from '../../../support/same-document.js'
import { assert, suite } from '../../../support/suite.js'
import { until } from '../../../support/until.js'

const test = suite('http api: stream')
const services = new RunningServices()
test.after.each(() => services.end())

const answers = document.paths['/spaces/{space}/stream']?.get?.responses
const schema = answers?.[200]?.content?.['text/event-stream']?.schema
const EVENT_SCHEMAS = (schema?.['x-events'] ?? {}) as Readonly<Record<string, Json>>

const expectWellFormed = ({ events }: EventReader): void => {
  for (const { event, data } of events) conforms(EVENT_SCHEMAS[event] as Json, data)
}

/** A copy of the document that knows nothing but the stream. */
const copyOf = ({ events }: EventReader, doc = new Y.Doc()): Y.Doc => {
  for (const { event, data } of events) {
    if (event === 'change') Y.applyUpdate(doc, Buffer.from(data.update, 'base64'))
  }
  return doc
}

const textOf = (doc: Y.Doc): string => doc.getText('content').toString()

test('[X60] it begins with a snapshot, brings the document, and then what changes', async () => {
  const { url } = await services.serve()
  const { doc, awareness, connection } = await services.client(url, 'demo')
  doc.getText('content').insert(0, 'before ')
  await connection.whenSaved()
  const reader = await services.stream(url, 'demo/stream', { user: 'bob', role: 'read' })
  assert.is(reader.response.status, 200)
  assert.is(reader.response.headers.get('cache-control'), 'no-cache, no-store, no-transform')
  assert.is(reader.response.headers.get('x-accel-buffering'), 'no')
  await until('the copy has what was before', () => textOf(copyOf(reader)) === 'before ')
  assert.is(reader.events[0]?.event, 'snapshot')
  doc.getText('content').insert(7, 'after')
  awareness.setLocalState({ cursor: 3 })
  intentions(doc, { by: 'ann' }).propose('to write')
  await until('the copy follows', () => textOf(copyOf(reader)) === 'before after')
  await reader.event('presence', ({ data }) =>
    data.present.some((one: { state: Json }) => one.state.cursor === 3),
  )
  await reader.event('intentions', ({ data }) => data.intentions[0]?.text === 'to write')
  const told = (): Set<string> =>
    new Set(
      reader.named('members').flatMap(({ data }) => data.members.map(({ user }: { user: string }) => user)),
    )
  await until('both are told of', () => told().has('ann') && told().has('bob'))
  connection.close()
  await reader.event('presence', ({ data }) => data.gone.length === 1)
  await reader.event('members', ({ data }) => data.members.some(({ left }: Json) => left !== null))
  assert.is(difference(copyOf(reader), doc), null)
  expectWellFormed(reader)
})

test('[X61] whoever comes back goes on from where they were, and is not sent it again', async () => {
  const { url } = await services.serve()
  const { doc, connection } = await services.client(url, 'demo')
  doc.getText('content').insert(0, 'x'.repeat(20_000))
  const first = await services.stream(url, 'demo/stream')
  await until('the copy is whole', () => textOf(copyOf(first)).length === 20_000)
  await until('there is a place to go on from', () => first.lastId !== '')
  const copy = copyOf(first)
  first.abort()
  await first.ended()
  doc.getText('content').insert(0, 'missed ')
  await connection.whenSaved()
  const second = await services.stream(url, 'demo/stream', {}, { 'Last-Event-ID': first.lastId })
  await until('the copy catches up', () => textOf(copyOf(second, copy)).startsWith('missed '))
  assert.is(difference(copy, doc), null)
  assert.equal(second.named('snapshot'), [])
  const bytes = second.named('change').reduce((sum, { data }) => sum + data.update.length, 0)
  assert.ok(bytes < 1_000, `${bytes} bytes of changes`)
  assert.ok(second.named('presence')[0]?.data.isWhole)
  await second.event('members', ({ data }) => data.isWhole)
  await second.event('intentions')
  expectWellFormed(second)
})

test('[X61] an id from another epoch, or none at all, begins anew', async () => {
  const { url } = await services.serve()
  const { doc, connection } = await services.client(url, 'demo')
  doc.getText('content').insert(0, 'hello')
  await connection.whenSaved()
  for (const id of ['another:1', 'nonsense', '']) {
    const reader = await services.stream(url, 'demo/stream', {}, { 'Last-Event-ID': id })
    await until('the copy is whole', () => textOf(copyOf(reader)) === 'hello')
    assert.is(reader.events[0]?.event, 'snapshot', id)
  }
})

test('[X61] wherever a stream is cut, what follows its last id makes the copy whole', async () => {
  const { url } = await services.serve()
  const { doc, connection } = await services.client(url, 'demo')
  const content = doc.getText('content')
  const whole = await services.stream(url, 'demo/stream?events=change')
  for (let i = 0; i < 30; i++) {
    content.insert(i % 7 === 0 ? 0 : content.length, `${i} `)
    if (i % 3 === 0) await connection.whenSaved()
  }
  await connection.whenSaved()
  await until('all of it is told', () => textOf(copyOf(whole)) === content.toString())
  for (const [i, { id }] of whole.events.entries()) {
    if (id === null) continue
    const cut = new Y.Doc()
    for (const { data } of whole.events.slice(0, i + 1))
      Y.applyUpdate(cut, Buffer.from(data.update, 'base64'))
    const reader = await services.stream(url, 'demo/stream?events=change', {}, { 'Last-Event-ID': id })
    await until(`what follows event ${i}`, () => textOf(copyOf(reader, cut)) === content.toString())
    assert.is(difference(cut, doc), null)
    reader.abort()
  }
})

test('[X60] only what is asked for is told, and a copy says what it has', async () => {
  const { url } = await services.serve()
  const { doc, connection } = await services.client(url, 'demo')
  doc.getText('content').insert(0, 'x'.repeat(10_000))
  await connection.whenSaved()
  const few = await services.stream(url, 'demo/stream?events=members&events=change', { user: 'bob' })
  await until('the document came', () => textOf(copyOf(few)).length === 10_000)
  assert.equal([...new Set(few.events.map(({ event }) => event))].sort(), ['change', 'members'])
  const people = await services.stream(url, 'demo/stream?events=presence&events=intentions')
  const sv = Buffer.from(Y.encodeStateVector(doc)).toString('base64url')
  const copied = await services.stream(url, `demo/stream?sv=${sv}`)
  intentions(doc, { by: 'ann' }).propose('to write')
  await people.event('intentions', ({ data }) => data.intentions.length === 1)
  assert.equal(people.named('change'), [])
  await copied.event('change', ({ data }) => data.update.length > 0)
  const bytes = copied.named('change').reduce((sum, { data }) => sum + data.update.length, 0)
  assert.ok(bytes < 2_000, `${bytes} bytes for a copy that was up to date`)
})

test('[X62] whoever watches is on the roster, holds a place, and leaves both at once', async () => {
  const { url } = await services.serve({ maxConnections: 2 })
  const { connection } = await services.client(url, 'demo')
  const reader = await services.stream(url, 'demo/stream', { user: 'bob', role: 'read' })
  await reader.event('snapshot')
  const members = async (): Promise<{ user: string; left: unknown }[]> => {
    const headers = await services.bearer()
    const response = await fetch(`${url}/api/spaces/demo/members`, { headers })
    return ((await response.json()) as { members: { user: string; left: unknown }[] }).members
  }
  assert.ok((await members()).some(({ user, left }) => user === 'bob' && left === null))
  const third = await services.stream(url, 'demo/stream')
  assert.is(third.response.status, 429, 'the server is full')
  reader.abort()
  await until('bob has left', async () =>
    (await members()).some(({ user, left }) => user === 'bob' && left !== null),
  )
  const next = await services.stream(url, 'demo/stream')
  assert.is(next.response.status, 200)
  connection.close()
})

test('[X63] it ends with its token, and says so', async () => {
  const { url } = await services.serve()
  const reader = await services.stream(url, 'demo/stream', { ttlMs: 1_500 })
  await reader.ended()
  const { data } = reader.events.at(-1) as { data: Json }
  assert.equal([data.code, data.retryable], ['token_expired', true])
  expectWellFormed(reader)
})

test('[X63] it ends when its user is put out or kept out, and when the space is deleted', async () => {
  const { url } = await services.serve()
  const headers = await services.bearer({ role: 'admin', user: 'root' })
  const enders = [
    ['POST', 'members/bob/disconnect', null],
    ['DELETE', '', 'space_deleted'],
    ['PUT', 'revocations/bob', 'revoked'],
  ] as const
  for (const [method, path, code] of enders) {
    const reader = await services.stream(url, `${method}/stream`, { user: 'bob' })
    await reader.event('snapshot')
    const target = path === '' ? `${url}/api/spaces/${method}` : `${url}/api/spaces/${method}/${path}`
    assert.ok((await fetch(target, { method, headers })).ok)
    await reader.ended()
    const last = reader.events.at(-1)
    assert.is(last?.event, 'close')
    if (code !== null) assert.is(last?.data.code, code)
    expectWellFormed(reader)
  }
  const again = await services.stream(url, 'PUT/stream', { user: 'bob' })
  assert.equal([again.response.status, ((await again.response.json()) as Json).code], [403, 'revoked'])
})

test('[X63] it ends with the server, and says so', async () => {
  const { url, service } = await services.serve()
  const reader = await services.stream(url, 'demo/stream')
  await reader.event('snapshot')
  await service.close()
  await reader.ended()
  const last = reader.events.at(-1)
  assert.equal([last?.event, last?.data.code, last?.data.retryable], ['close', 'draining', true])
})
