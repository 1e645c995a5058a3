/** The wired service in this process: it starts, serves, degrades and ends as promised. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { WebSocket } from 'ws'
import * as Y from 'yjs'
import { configWith } from '../../../server/config.js'
import { createService, type Service, type ServiceOptions } from '../../../server/create-service.js'
import { type Config, signToken } from '../../../server/index.js'
import { systemScheduler } from '../../../server/space/scheduler.js'
import { openMemoryStore } from '../../../server/storage/memory-store.js'
import type { Role } from '../../../shared/roles.js'
import { ending } from '../../support/open-door.js'
import { openPlainClient, type PlainClient } from '../../support/plain-client.js'
import { assert, suite } from '../../support/suite.js'
import { temporaryFolder } from '../../support/temporary-folder.js'
import { until } from '../../support/until.js'

const test = suite('service')

const SECRET = 'a secret of the tests, long enough to be one'
const services: Service[] = []
const logged: string[] = []

const create = (config: Partial<Config> = {}, options: ServiceOptions = {}): Service => {
  const service = createService({
    config: { port: 0, secret: SECRET, dataDir: temporaryFolder('service'), ...config },
    logDestination: { write: line => void logged.push(line) },
    ...options,
  })
  services.push(service)
  return service
}

const inMemory: ServiceOptions = { openStore: async () => openMemoryStore() }

test.after.each(async () => {
  await Promise.all(services.splice(0).map(service => service.close()))
})

const tokenFor = (role: Role = 'write', space = 'demo'): Promise<string> =>
  signToken({ secret: SECRET, user: 'ann', spaces: { [space]: role }, ttlMs: 60_000, nowMs: Date.now() })

const join = async (url: string, role: Role = 'write'): Promise<PlainClient> =>
  openPlainClient(`${url.replace('http', 'ws')}/sync/demo`, await tokenFor(role))

const textUpdate = (text: string): Uint8Array => {
  const doc = new Y.Doc()
  doc.getText('text').insert(0, text)
  return Y.encodeStateAsUpdate(doc)
}

/** Writes, and waits until it is saved. */
const write = async (client: PlainClient, text: string): Promise<void> => {
  await client.message('welcome')
  client.send({ type: 'update', update: textUpdate(text) })
  await client.message('saved', ({ count }) => count === 1)
}

const read = async (client: PlainClient): Promise<string> => {
  client.send({ type: 'step1', stateVector: Y.encodeStateVector(new Y.Doc()) })
  const { update } = await client.message('step2')
  const doc = new Y.Doc()
  Y.applyUpdate(doc, update)
  return doc.getText('text').toString()
}

test('[O8] what was saved is found again by the next service on the same folder', async () => {
  const dataDir = temporaryFolder('service')
  const first = create({ dataDir })
  await write(await join((await first.start()).url), 'kept')

  const report = await first.close()
  const second = create({ dataDir })
  const text = await read(await join((await second.start()).url))

  assert.equal(report, { unsavedSpaces: [], unsavedBytes: 0 })
  assert.is(text, 'kept')
})

test('[O8] a close lets nobody new in, closes those inside with 4503, and is done once', async () => {
  let commit = (): void => {}
  const isCommitted = new Promise<void>(resolve => {
    commit = resolve
  })
  const service = create({}, { openStore: async () => openMemoryStore({ beforeCommit: () => isCommitted }) })
  const { url } = await service.start()
  const client = await join(url)
  await client.message('welcome')
  client.send({ type: 'update', update: textUpdate('late') })
  await until('it is applied', async () => {
    const metrics = await (await fetch(`${url}/metrics`)).text()
    return !metrics.includes('\nplenum_uncommitted_bytes 0\n')
  })

  const closing = service.close()
  const again = service.close()
  const target = `${url.replace('http', 'ws')}/sync/demo?token=${await tokenFor()}`
  const refused = await ending(new WebSocket(target).on('error', () => {}))
  const ready = await fetch(`${url}/readyz`)
  commit()

  assert.equal([refused.type === 'status' && refused.status, ready.status], [503, 503])
  assert.is(refused.type === 'status' && refused.retryAfter, '5')
  await client.message('saved', ({ count }) => count === 1)
  assert.is((await client.closed).code, 4503)
  assert.equal(await closing, { unsavedSpaces: [], unsavedBytes: 0 })
  assert.is(await again, await closing)
  await fetch(`${url}/healthz`).then(
    () => assert.unreachable('it still listens'),
    () => {},
  )
})

test('[O8] what cannot be saved until the deadline is reported, and logged as an error', async () => {
  const failing = openMemoryStore({
    beforeCommit: () => {
      throw new Error('no space left')
    },
  })
  const service = create({ drainDeadlineMs: 200 }, { openStore: async () => failing })
  const { url } = await service.start()
  const client = await join(url)
  await client.message('welcome')
  client.send({ type: 'update', update: textUpdate('lost') })
  await until('it is degraded', async () => (await fetch(`${url}/readyz`)).status === 503)
  assert.is((await (await fetch(`${url}/readyz`)).json()).code, 'degraded')

  const report = await service.close()

  assert.equal(report.unsavedSpaces, ['demo'])
  assert.ok(report.unsavedBytes > 0)
  assert.ok(
    logged.some(line => line.includes('"level":"error"') && line.includes('ended with unsaved edits')),
  )
})

test('[O9] a port in use fails the start, and the folder is free again', async () => {
  const holder = createServer().listen(0, '127.0.0.1')
  await once(holder, 'listening')
  const { port } = holder.address() as AddressInfo
  const dataDir = temporaryFolder('service')

  const error = await create({ dataDir, port })
    .start()
    .catch(error => error)

  assert.is(error.code, 'EADDRINUSE')
  holder.close()
  await create({ dataDir }).start()
})

test('[O9] an empty secret fails the start, and the folder is free again', async () => {
  const dataDir = temporaryFolder('service')

  const error = await create({ dataDir, secret: '' })
    .start()
    .catch(error => error)

  assert.is(error.code, 'bad_request')
  await create({ dataDir }).start()
})

test('[O9] closing what never started, or failed to, is harmless', async () => {
  const nothing = { unsavedSpaces: [], unsavedBytes: 0 }

  assert.equal(await create().close(), nothing)
  const failed = create({ secret: '' })
  await failed.start().catch(() => {})
  assert.equal(await failed.close(), nothing)
})

test('[O3] behind a base path every door has it', async () => {
  const service = create({ basePath: '/plenum' }, inMemory)
  const { url } = await service.start()
  assert.match(url, /\/plenum$/)

  await write(await join(url), 'hello')

  assert.is((await fetch(`${url}/readyz`)).status, 200)
  const beside = url.replace('/plenum', '')
  const outcome = await ending(
    new WebSocket(`${beside.replace('http', 'ws')}/sync/demo`).on('error', () => {}),
  )
  assert.is(outcome.type === 'status' && outcome.status, 404)
})

test('[O2] a scrape tells of connections and spaces as they are', async () => {
  const service = create({}, inMemory)
  const { url } = await service.start()
  const client = await join(url)
  await write(client, 'hello')
  const scrape = async (): Promise<string> => (await fetch(`${url}/metrics`)).text()

  const during = await scrape()
  client.terminate()
  await until('it is gone', async () => (await scrape()).includes('\nplenum_connections 0\n'))

  assert.match(during, '\nplenum_connections 1\n')
  assert.match(during, '\nplenum_spaces 1\n')
  assert.match(during, '\nplenum_document_messages_total 1\n')
})

test('[G1] a connection ends with its token, and a fresh one in place prolongs it', async () => {
  let laterMs = 0
  const scheduler = { ...systemScheduler, now: () => Date.now() + laterMs }
  // Sweeps come with the beats where these are shorter than a second.
  const { url } = await create({ heartbeatMs: 100 }, { ...inMemory, scheduler }).start()
  const [expiring, renewed] = [await join(url), await join(url)]
  const fresh = { secret: SECRET, user: 'ann', spaces: { demo: 'read' as const }, ttlMs: 600_000 }

  renewed.send({ type: 'authenticate', token: await signToken({ ...fresh, nowMs: Date.now() }) })
  const { role } = await renewed.message('access')
  laterMs = 120_000

  assert.is(role, 'read')
  assert.is((await expiring.closed).code, 4501)
  assert.not.match(await read(renewed), /./)
})

test('[G5] whatever carries it and whatever happens, no token is logged', async () => {
  logged.length = 0
  const service = create({ logLevel: 'debug' }, inMemory)
  const { url } = await service.start()
  const socketUrl = url.replace('http', 'ws')
  const good = await tokenFor()
  const other = await tokenFor('write', 'elsewhere')
  for (const token of [good, other, `${good}x`]) {
    for (const path of ['/sync/demo', '/sync/../demo', '/nowhere', '/sync/%']) {
      const clients = [
        new WebSocket(`${socketUrl}${path}?token=${token}`),
        new WebSocket(`${socketUrl}${path}`, ['yjs', `bearer.${token}`]),
        new WebSocket(`${socketUrl}${path}`, [`bearer.${token}`]),
        new WebSocket(`${socketUrl}${path}`, { headers: { authorization: `Bearer ${token}` } }),
      ]
      for (const client of clients) {
        client.on('error', () => {})
        client.on('open', () => client.send('text'))
      }
      await Promise.all(clients.map(ending))
    }
    await fetch(`${url}/nowhere?token=${token}`, { headers: { authorization: `Bearer ${token}` } })
  }
  const metrics = await (await fetch(`${url}/metrics`)).text()
  await service.close()

  assert.ok(logged.some(line => line.includes('upgrade refused')))
  for (const token of [good, other]) {
    for (const part of token.split('.').slice(1)) {
      assert.not(logged.join('').includes(part.slice(0, 20)))
      assert.not(metrics.includes(part.slice(0, 20)))
    }
  }
  assert.not(logged.join('').includes(SECRET))
})

test('[O4] an embedder gets the defaults with what it sets', () => {
  assert.is(configWith({}).heartbeatMs, 15_000)
  assert.is(configWith({ heartbeatMs: 5 }).heartbeatMs, 5)
})
