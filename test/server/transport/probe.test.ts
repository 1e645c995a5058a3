/** Whether a WebSocket opens and answers: a look that lets nobody in. */
import { once } from 'node:events'
import type { WebSocket } from 'ws'
import { type DoorSettings, ending, type OpenDoor, openDoor } from '../../support/open-door.js'
import { assert, suite } from '../../support/suite.js'
import { until } from '../../support/until.js'

const test = suite('probe')

let door: OpenDoor
const open = async (settings: DoorSettings = {}): Promise<OpenDoor> => {
  door = await openDoor(settings)
  return door
}

test.after.each(() => door?.close())

const probe = (headers: Record<string, string> = {}, target = '/sync/demo'): WebSocket =>
  door.client(target, ['plenum.probe'], headers)

test('[D25] it gets one byte, answers one, and is closed; no token, no space', async () => {
  await open()
  const client = probe()
  const [data] = await once(client, 'message')
  assert.equal([...(data as Buffer)], [0])
  assert.is(client.protocol, 'plenum.probe')
  client.send(Uint8Array.of(0))
  assert.equal(await ending(client), { type: 'close', code: 1000, reason: '' })
  assert.is(door.registry.sessions.length, 0)
  await until('no place is held', () => door.admission.connections === 0)
})

test('[D25] one that says more or says text is closed as malformed, one that says nothing goes in time', async () => {
  await open()
  for (const answer of ['x', new Uint8Array(2)]) {
    const client = probe()
    await once(client, 'message')
    client.send(answer)
    const outcome = await ending(client)
    assert.is(outcome.type === 'close' && outcome.code, 4400)
  }
  const silent = probe()
  await once(silent, 'message')
  door.door.sweep(door.nowMs + 9_999)
  assert.is(silent.readyState, silent.OPEN)
  door.door.sweep(door.nowMs + 10_000)
  const outcome = await ending(silent)
  assert.is(outcome.type === 'close' && outcome.code, 1006)
  await until('no place is held', () => door.admission.connections === 0)
})

test('[D25] origins, limits, drains and the form of the name hold for it', async () => {
  await open({ limits: { origins: ['https://app.example'], maxConnections: 1 } })
  const statusOf = async (client: WebSocket): Promise<number> => {
    const outcome = await ending(client)
    return outcome.type === 'status' ? outcome.status : 0
  }
  assert.is(await statusOf(probe({ origin: 'https://evil.example' })), 403)
  assert.is(await statusOf(probe({}, '/sync/a%2fb')), 400)
  const first = probe({ origin: 'https://app.example' })
  await once(first, 'message')
  assert.is(await statusOf(probe()), 429)
  first.terminate()
  await until('no place is held', () => door.admission.connections === 0)
  door.door.stopAccepting()
  assert.is(await statusOf(probe()), 503)
})

test('[D2] beside another protocol it is nothing, and the other is selected', async () => {
  await open()
  const token = await door.token()
  const client = door.client('/sync/demo', ['plenum.probe', 'plenum.v1', `bearer.${token}`])
  await once(client, 'open')
  assert.is(client.protocol, 'plenum.v1')
  const lone = await ending(door.client('/sync/demo', ['plenum.probe', `bearer.${token}`]))
  assert.is(lone.type === 'status' && lone.status, 400)
})
