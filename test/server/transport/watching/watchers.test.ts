/** Streams for programs as their door holds them, with sessions and a clock of the test's. */
import type { WatchedSession } from '../../../../server/transport/watching/watcher.js'
import { PlenumError } from '../../../../shared/errors.js'
import { decodeClientMessage, encodeMessage, type ServerMessage } from '../../../../shared/protocol/index.js'
import { readEvents } from '../../../support/event-reader.js'
import { fakeDesk } from '../../../support/fake-desk.js'
import { type ApiSettings, type ServedApi, serveApi } from '../../../support/served-api.js'
import { assert, suite } from '../../../support/suite.js'
import { until } from '../../../support/until.js'

const test = suite('watchers')

const served: ServedApi[] = []
test.after.each(async () => {
  await Promise.all(served.splice(0).map(api => api.close()))
})

type Join = NonNullable<ApiSettings['spaces']>['join']
type Peer = Parameters<Join>[1]

/** A session that does as the test says. */
class ScriptedSession implements WatchedSession {
  flow: WatchedSession['flow'] = { type: 'joining' }
  sentPosition = 0
  readonly heard: string[] = []
  left: string | null = null
  readonly peer: Peer

  constructor(peer: Peer) {
    this.peer = peer
  }

  receive(frame: Uint8Array): void {
    this.heard.push(decodeClientMessage(frame).type)
  }

  drained(): void {}

  leave(reason: string): void {
    this.left = reason
  }

  send(...messages: ServerMessage[]): void {
    for (const message of messages) this.peer.send(encodeMessage(message))
  }
}

const open = async (onJoin: (session: ScriptedSession) => void | Promise<void> = () => {}) => {
  const sessions: ScriptedSession[] = []
  const join: Join = async (_space, peer) => {
    const session = new ScriptedSession(peer)
    await onJoin(session)
    sessions.push(session)
    return session
  }
  const api = await serveApi({ desk: fakeDesk().desk, spaces: { join } })
  served.push(api)
  const headers = { Authorization: `Bearer ${await api.token('read')}` }
  const reader = await readEvents(`${api.url}/spaces/demo/stream`, headers)
  return { api, reader, session: sessions[0] as ScriptedSession }
}

const update = (byte: number): ServerMessage => ({ type: 'update', update: Uint8Array.of(byte, 0, 0) })

test('[X64] a quiet stream gives a sign of life once a beat, and a busy one none', async () => {
  const { api, reader, session } = await open()
  await reader.event('snapshot')
  const start = api.nowMs
  api.watchers.sweep(start)
  api.watchers.sweep(start + 14_000)
  api.watchers.sweep(start + 15_000)
  await until('a sign of life', () => reader.comments === 1)
  session.flow = { type: 'live' }
  session.sentPosition = 3
  session.send(update(1))
  await reader.event('change')
  api.watchers.sweep(start + 30_000)
  api.watchers.sweep(start + 44_000)
  session.send(update(2))
  await until('another change', () => reader.named('change').length === 2)
  assert.is(reader.comments, 1)
})

test('[X61] an id stands where everything before has been told: at the last of the changes of one step', async () => {
  const { reader, session } = await open()
  await reader.event('snapshot')
  session.send({ type: 'step2', update: Uint8Array.of(1, 2, 3) })
  session.sentPosition = 4
  session.flow = { type: 'live' }
  await until('the answer', () => reader.named('change').length === 1)
  session.sentPosition = 5
  session.send(update(1), update(2))
  session.sentPosition = 6
  session.send(update(3))
  await until('all of it', () => reader.named('change').length === 4)
  assert.equal(
    reader.named('change').map(({ data, id }) => [data.position, id]),
    [
      [4, 'e:4'],
      [5, null],
      [5, 'e:5'],
      [6, 'e:6'],
    ],
  )
})

test('[X62] it answers by itself, and says nothing of its own', async () => {
  const { reader, session } = await open(({ peer }) => {
    peer.send(encodeMessage({ type: 'step1', stateVector: Uint8Array.of(0) }))
  })
  await reader.event('snapshot')
  await until('it has answered', () => session.heard.length === 2)
  assert.equal(session.heard, ['step1', 'step2'])
  reader.abort()
  await until('it has left', () => session.left === 'closed')
})

test('[X63] the last event comes behind what was told before, and the place is free', async () => {
  const { api, reader, session } = await open()
  await reader.event('snapshot')
  session.flow = { type: 'live' }
  session.sentPosition = 2
  session.send(update(1))
  session.peer.close('too_slow')
  session.send(update(2))
  await reader.ended()
  assert.equal(
    reader.events.map(({ event }) => event),
    ['snapshot', 'change', 'close'],
  )
  assert.equal(reader.events.at(-1)?.data.code, 'too_slow')
  await until('the place is free', () => api.admission.connections === 0)
  assert.is(session.left, 'timeout')
})

test('[X66] what fails before the stream begins is an answer like any other, and leaves nothing', async () => {
  for (const code of ['space_deleted', 'load_failed', 'rate_limited'] as const) {
    const { api, reader } = await open(() => Promise.reject(new PlenumError(code)))
    const answer = (await reader.response.json()) as Record<string, unknown>
    assert.equal(answer.code, code)
    await until('nothing is left', () => api.admission.connections + api.watchers.connections === 0)
  }
})

test('[X66] a reader that goes while its space is opened is let go', async () => {
  let opened = (): void => {}
  const opening = new Promise<void>(resolve => {
    opened = resolve
  })
  const joined: ScriptedSession[] = []
  const join: Join = async (_space, peer) => {
    const session = new ScriptedSession(peer)
    joined.push(session)
    await opening
    return session
  }
  const api = await serveApi({ desk: fakeDesk().desk, spaces: { join } })
  served.push(api)
  const abort = new AbortController()
  const headers = { Authorization: `Bearer ${await api.token('read')}` }
  const answer = fetch(`${api.url}/spaces/demo/stream`, { headers, signal: abort.signal }).catch(() => null)
  await until('it is joining', () => joined.length === 1)
  abort.abort()
  await answer
  await until('its place is free', () => api.admission.connections === 0)
  opened()
  await until('it has left', () => joined[0]?.left === 'closed')
  assert.is(api.watchers.connections, 0)
})

test('[X66] a reader that goes while it is judged takes no place', async () => {
  let judge = (): void => {}
  const judged = new Promise<void>(resolve => {
    judge = resolve
  })
  let asked = 0
  const { desk } = fakeDesk()
  const slow = {
    ...desk,
    expectWelcome: async () => {
      asked++
      await judged
    },
  }
  const api = await serveApi({ desk: slow })
  served.push(api)
  const abort = new AbortController()
  const headers = { Authorization: `Bearer ${await api.token('read')}` }
  const answer = fetch(`${api.url}/spaces/demo/stream`, { headers, signal: abort.signal }).catch(() => null)
  await until('it is being judged', () => asked === 1)
  abort.abort()
  await answer
  await until('the server knows that it went', () => api.gone === 1)
  assert.is(api.admission.connections, 1)
  judge()
  await until('its place is free', () => api.admission.connections === 0)
  assert.is(api.watchers.connections, 0)
})

test('[X63] what is left when the server goes is ended, at once where nothing is under way', async () => {
  const { api, reader, session } = await open()
  await reader.event('snapshot')
  const ended = api.watchers.close(60_000)
  session.peer.close('draining')
  await ended
  await reader.ended()
  assert.equal([reader.events.at(-1)?.data.code, api.watchers.connections], ['draining', 0])
  const { api: other, reader: stuck } = await open()
  await stuck.event('snapshot')
  await other.watchers.close(1)
  await stuck.ended()
  assert.is(stuck.named('close').length, 0)
})

test('[X63] a stream whose space ends while it begins has a head, and an end that says why', async () => {
  const { reader, session } = await open(({ peer }) => peer.close('space_deleted'))
  await reader.ended()
  assert.is(reader.response.headers.get('content-type'), 'text/event-stream; charset=utf-8')
  assert.equal(
    reader.events.map(({ event, data }) => [event, data.code]),
    [['close', 'space_deleted']],
  )
  assert.is(session.left, 'evicted')
})
