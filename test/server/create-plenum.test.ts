/** Plenum inside an application: beside its routes and its other WebSockets, and gone without a trace. */
import { once } from 'node:events'
import { IncomingMessage, type Server, ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import express from 'express'
import { WebSocket, WebSocketServer } from 'ws'
import { createPlenum } from '../../server/create-plenum.js'
import { type Scheduler, systemScheduler } from '../../server/space/scheduler.js'
import { openMemoryStore } from '../../server/storage/memory-store.js'
import { Embedding, enter, listening, read, SECRET, tokenFor, write } from '../support/embedding.js'
import { rejectsWithCode } from '../support/expect.js'
import { assert, suite } from '../support/suite.js'
import { temporaryFolder } from '../support/temporary-folder.js'
import { until } from '../support/until.js'
import { Writer } from '../support/writer.js'

const test = suite('create-plenum')

const here = new Embedding()

test.after.each(() => here.close())

const statusOf = async (url: string): Promise<number> => (await fetch(url)).status

const members = async (base: string): Promise<number> => {
  const headers = { authorization: `Bearer ${await tokenFor()}` }
  return (await fetch(`${base}/api/spaces/demo/members`, { headers })).status
}

/** How the stream of the second door begins. */
const streamed = async (base: string): Promise<string> => {
  const headers = { accept: 'text/event-stream', authorization: `Bearer ${await tokenFor()}` }
  const { body } = await fetch(`${base}/sync/demo`, { headers })
  const reader = (body as NonNullable<typeof body>).getReader()
  const { value } = await reader.read()
  await reader.cancel()
  return Buffer.from(value as Uint8Array).toString()
}

/** What an upgrade on this path is answered, as it stands on the wire. */
const upgrade = async (base: string, path: string): Promise<string> => {
  const socket = connect(Number(new URL(base).port), '127.0.0.1')
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  )
  return text(socket)
}

test('[Z1] an application with Plenum below a path keeps its server, its routes and its answers', async () => {
  const app = express()
  const server = here.serve(app)
  app.get('/collab', (_request, response) => void response.send('the page about it'))
  const plenum = here.create({ server, app, basePath: '/collab' })
  app.get(
    '/collab/extra',
    (request, response) => void response.send(`yours: ${request.url} ${request.baseUrl}`),
  )
  app.use((_request, response) => void response.status(404).send('nothing of ours'))
  await plenum.start()
  const url = await listening(server)

  const client = await enter(`${url}/collab`)
  await write(client, 'hello')

  assert.is(await read(await enter(`${url}/collab`)), 'hello')
  assert.equal([await members(`${url}/collab`), await statusOf(`${url}/collab/healthz`)], [200, 200])
  assert.is(await (await fetch(`${url}/collab`)).text(), 'the page about it')
  assert.is(await (await fetch(`${url}/collab/extra?a`)).text(), 'yours: /collab/extra?a ')
  assert.is(await (await fetch(`${url}/healthz`)).text(), 'nothing of ours')
  assert.is(await (await fetch(`${url}/collaborators/healthz`)).text(), 'nothing of ours')
  assert.match(await enter(url).catch(error => error.message), /404/)
})

test('[Z1] what is not of Plenum goes on as it came, with no header of its own', async () => {
  const app = express()
  app.use((_request, response, next) => {
    response.set('X-Frame-Options', 'SAMEORIGIN')
    next()
  })
  const plenum = here.create({ app })
  app.use((request, response) => {
    const isAsItWas =
      Object.getPrototypeOf(Object.getPrototypeOf(request)) !== IncomingMessage.prototype &&
      Object.getPrototypeOf(request) === app.request &&
      Object.getPrototypeOf(response) === app.response
    response.json({ isAsItWas, url: request.url, headers: response.getHeaders() })
  })
  await plenum.start()
  const url = await listening(here.serve(app))

  const answer = await (await fetch(`${url}/theirs`)).json()

  assert.equal(answer, {
    isAsItWas: true,
    url: '/theirs',
    headers: { 'x-powered-by': 'Express', 'x-frame-options': 'SAMEORIGIN' },
  })
  assert.is((await fetch(`${url}/healthz`)).headers.get('x-frame-options'), 'DENY')
})

test('[Z1] its handler serves below whatever it is mounted, and without express', async () => {
  const plenum = here.create({ basePath: '/apps/notes/collab' })
  await plenum.start()
  const inner = express().use('/collab', plenum.handler)
  const mounted = here.serve(express().use('/apps/notes', inner))
  const plain = here.serve((request, response) =>
    plenum.handler(request, response, () => {
      const isPlain = Object.getPrototypeOf(request) === IncomingMessage.prototype
      response.end(
        isPlain && Object.getPrototypeOf(response) === ServerResponse.prototype ? 'plain' : 'changed',
      )
    }),
  )
  const alone = here.serve((request, response) => plenum.handler(request, response))

  for (const server of [mounted, plain, alone]) {
    plenum.attach(server)
    const base = `${await listening(server)}/apps/notes/collab`
    await (await enter(base)).message('welcome')
    assert.match(await streamed(base), /^event: open\n/)
    assert.equal([await members(base), await statusOf(`${base}/healthz`)], [200, 200])
  }
  const [, plainUrl, aloneUrl] = [mounted, plain, alone].map(urlOf)
  assert.is(await (await fetch(`${plainUrl}/apps/notes/collab/none`)).text(), 'plain')
  assert.is((await (await fetch(`${aloneUrl}/apps/notes/collab/none`)).json()).code, 'not_found')
  assert.is((await (await fetch(`${aloneUrl}/elsewhere`)).json()).code, 'not_found')
})

const urlOf = (server: Server): string => `http://127.0.0.1:${(server.address() as { port: number }).port}`

test('[Z2] two Plenums and another WebSocket library share a server, in whatever order they came', async () => {
  const server = here.serve()
  const echo = (path: string): WebSocketServer =>
    new WebSocketServer({ server, path }).on('connection', socket => {
      socket.on('message', data => socket.send(`echo of ${data}`))
    })
  const before = echo('/echo')
  const first = here.create({ server, basePath: '/one' })
  const second = here.create({ server, basePath: '/two' })
  await Promise.all([first.start(), second.start()])
  const url = await listening(server)
  const heard = async (path: string): Promise<string> => {
    const socket = new WebSocket(`${url.replace('http', 'ws')}${path}`)
    socket.on('open', () => socket.send('hi'))
    const [data] = await once(socket, 'message')
    socket.terminate()
    return String(data)
  }

  await write(await enter(`${url}/one`), 'in one')
  await write(await enter(`${url}/two`), 'in two')

  assert.is(await heard('/echo'), 'echo of hi')
  assert.is(await read(await enter(`${url}/one`)), 'in one')
  assert.is(await read(await enter(`${url}/two`)), 'in two')
  // What is nobody's is refused by the library, as without Plenum.
  assert.match(await upgrade(url, '/nobody'), /^HTTP\/1\.1 400/)

  before.close()
  const after = echo('/later')
  await first.close()
  assert.is(await heard('/later'), 'echo of hi')
  assert.is(await read(await enter(`${url}/two`)), 'in two')
  assert.match(await upgrade(url, '/one/sync/demo'), /^HTTP\/1\.1 400/)
  after.close()
})

test('[Z2] where nobody else takes upgrades, what is not for Plenum is refused', async () => {
  const server = here.serve()
  const plenum = here.create({ server, basePath: '/collab' })
  await plenum.start()
  const url = await listening(server)

  for (const path of ['/nobody', '/sync/demo', '/collab/sync', '/collaborators/sync/demo']) {
    assert.match(await upgrade(url, path), /^HTTP\/1\.1 404/, path)
  }
})

test('[Z3] a close drains, takes its listeners off, and leaves the server to the application', async () => {
  const app = express()
  const server = here.serve(app)
  const kinds = ['upgrade', 'request', 'connection', 'error', 'close', 'clientError'] as const
  const listeners = () => kinds.map(kind => server.listenerCount(kind))
  const untouched = listeners()
  const plenum = here.create({ server, app, basePath: '/collab' })
  app.use((_request, response) => void response.status(404).send('nothing of ours'))
  await plenum.start()
  const url = await listening(server)
  const client = await enter(`${url}/collab`)
  await write(client, 'kept')

  const closing = plenum.close()

  assert.is(plenum.close(), closing)
  assert.equal(await closing, { unsavedSpaces: [], unsavedBytes: 0 })
  assert.is((await client.closed).code, 4503)
  assert.equal(listeners(), untouched)
  assert.not.ok(Object.hasOwn(server, 'emit'))
  assert.ok(server.listening)
  assert.is(await (await fetch(`${url}/collab/healthz`)).text(), 'nothing of ours')
  await rejectsWithCode('draining', plenum.start())
  plenum.attach(server)
  assert.equal(listeners(), untouched)
})

test('[Z3] one server of several is left alone again', async () => {
  const plenum = here.create()
  await plenum.start()
  const [left, kept] = [here.serve(), here.serve()]
  const leave = plenum.attach(left)
  plenum.attach(kept)
  const keptUrl = await listening(kept)

  leave()
  leave()

  assert.equal(
    [left, kept].map(server => server.listenerCount('upgrade')),
    [0, 1],
  )
  await (await enter(keptUrl)).message('welcome')
})

test('[Z4] a start that fails leaves nothing open, and may be tried again', async () => {
  const config = { dataDir: temporaryFolder('embedded'), secret: '' }
  const server = here.serve()
  const failing = createPlenum({ server, basePath: '/collab', config, logDestination: { write: () => {} } })
  const url = await listening(server)

  await rejectsWithCode('bad_request', failing.start())

  assert.match(await upgrade(url, '/collab/sync/demo'), /^HTTP\/1\.1 503/)
  const next = createPlenum({ config: { ...config, secret: SECRET }, logDestination: { write: () => {} } })
  await next.start()
  await Promise.all([failing.close(), next.close()])
  let stores = 0
  const second = here.create({
    openStore: async () => {
      if (++stores === 1) throw new Error('no such disk')
      return openMemoryStore()
    },
  })
  assert.match(String(await second.start().catch(error => error)), 'no such disk')
  await second.start()
  second.attach(server)
  await (await enter(url)).message('welcome')
})

test('[Z4] before it has started it says so, and what it is told to close never opens', async () => {
  const app = express()
  const server = here.serve(app)
  let open = (): void => {}
  const isOpen = new Promise<void>(resolve => {
    open = resolve
  })
  const plenum = here.create({
    server,
    app,
    basePath: '/collab',
    openStore: async () => {
      await isOpen
      return openMemoryStore()
    },
  })
  const url = await listening(server)
  const starting = plenum.start()

  assert.match(await upgrade(url, '/collab/sync/demo'), /^HTTP\/1\.1 503 .*Retry-After/s)
  const answer = await fetch(`${url}/collab/healthz`)
  assert.equal([answer.status, answer.headers.get('retry-after')], [503, '5'])

  // Without a path of its own it leaves alone what cannot be its.
  const own = express()
  const late = here.create({ app: own })
  own.use((_request, response) => void response.send('yours'))
  const ownUrl = await listening(here.serve(own))
  assert.is(await (await fetch(`${ownUrl}/`)).text(), 'yours')
  assert.is(await (await fetch(`${ownUrl}/apiary`)).text(), 'yours')
  for (const path of ['/readyz', '/api/spaces', '/sync/demo', '/healthz?x'])
    assert.is((await fetch(ownUrl + path)).status, 503)
  await late.start()
  assert.is((await fetch(`${ownUrl}/readyz`)).status, 200)

  const closing = plenum.close()
  open()
  await starting
  assert.equal(await closing, { unsavedSpaces: [], unsavedBytes: 0 })
  assert.is(server.listenerCount('upgrade'), 0)
})

test('[Z4] a base path that is none is a mistake of whoever wrote it', () => {
  for (const basePath of ['collab', '/collab/', '/a b', '//'])
    assert.throws(() => here.create({ basePath }), /basePath must be a path/)
})

test('[Z3] a store that cannot be closed, and says so in whatever way, changes nothing of a close', async () => {
  const ways = {
    throws: () => {
      throw Object.create(null)
    },
    rejects: () => Promise.reject(undefined),
  }
  for (const [way, fail] of Object.entries(ways)) {
    here.logged.length = 0
    const plenum = here.create({
      openStore: async () => Object.assign(openMemoryStore(), { close: fail as () => Promise<void> }),
    })
    await plenum.start()
    assert.equal(await plenum.close(), { unsavedSpaces: [], unsavedBytes: 0 }, way)
    assert.ok(here.linesOf('error').join().includes('closing failed'), way)
    assert.ok(here.linesOf('info').join().includes('"ended"'), way)
  }
})

test('[Z3] a close on whose way everything fails leaves nothing open, and says what is not saved', async () => {
  let isBroken = false
  let closed = 0
  const after: Scheduler['after'] = (delayMs, task) => {
    if (isBroken) throw new Error('no timer is left')
    return systemScheduler.after(delayMs, task)
  }
  let isSaving = false
  const append = (): Promise<never> => {
    isSaving = true
    return new Promise(() => {})
  }
  const server = here.serve()
  const plenum = here.create({
    server,
    basePath: '/collab',
    scheduler: { ...systemScheduler, after },
    openStore: async () => Object.assign(openMemoryStore(), { append, close: async () => void closed++ }),
  })
  const own = await plenum.listen()
  const url = await listening(server)
  const client = await enter(`${url}/collab`)
  await client.message('welcome')
  client.send({ type: 'update', update: new Writer().type('not saved').update })
  await until('it is on its way', () => isSaving)

  isBroken = true
  const { unsavedSpaces } = await plenum.close()

  assert.equal(unsavedSpaces, ['demo'])
  assert.is((await client.closed).code, 4503)
  assert.is(closed, 1)
  assert.is(server.listenerCount('upgrade'), 0)
  assert.is(await fetch(own.url).catch(() => 'nobody'), 'nobody')
  assert.ok(here.linesOf('error').join().includes('a part of the drain failed'))
})
