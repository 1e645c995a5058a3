/**
 * An application in which everything that Plenum calls throws or rejects about as often as it works: run as a process
 * of its own, with clients in it, until so many faults have been met. What the process looks like before and after,
 * and what nobody caught, is its last line.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setImmediate as breathe, setTimeout as pause } from 'node:timers/promises'
import { inspect } from 'node:util'
import * as v8 from 'node:v8'
import * as prng from 'lib0/prng'
import { WebSocket } from 'ws'
import * as Y from 'yjs'
import { createPlenum, type Plenum } from '../../server/create-plenum.js'
import { PlenumError } from '../../server/index.js'
import { Metrics } from '../../server/observability/metrics.js'
import { SPACE_EVENT_NAMES } from '../../server/space/events.js'
import { systemScheduler } from '../../server/space/scheduler.js'
import { Session } from '../../server/space/session.js'
import { Space } from '../../server/space/space.js'
import type { UpdateStore } from '../../server/space/update-store.js'
import { openMemoryStore } from '../../server/storage/memory-store.js'
import { PlainClient } from '../support/plain-client.js'

export interface Census {
  readonly objects: Readonly<Record<string, number>>
  /** Timers, sockets, ports and the like, by type. */
  readonly resources: Readonly<Record<string, number>>
  readonly heapBytes: number
}

export interface HostileResult {
  /** By what was made to fail. */
  readonly faults: Readonly<Record<string, number>>
  /** What reached nobody: unhandled rejections, uncaught exceptions, warnings of Node. */
  readonly uncaught: readonly string[]
  readonly before: Census
  readonly after: Census
  /** What a new client read of what another had been told is saved, when all worked again. */
  readonly read: string
  readonly figures: Readonly<Record<string, number>>
  readonly unsavedBytes: number
}

const [seed = 1, faultsWanted = 10_000] = process.argv.slice(2).map(Number)
/** Until caches and compiled code are what they will be. */
const WARM_UP_SHARE = 0.3
const FAULT_CHANCE = 0.4
const AT_ONCE = 24
const SPACES = 30
/** Retries and pauses of minutes are over in seconds. */
const HURRY = 20
/** How long a visitor stays for an answer that may never come, ms. */
const VISIT_MS = 40
/** Nothing that must come takes so long, ms. */
const HANG_MS = 60_000

const rng = prng.create(seed)
const chance = (probability: number): boolean => rng.next() < probability
const int = (min: number, max: number): number => prng.int53(rng, min, max)
const pick = <T>(from: readonly T[]): T => from[int(0, from.length - 1)] as T
const faults: Record<string, number> = {}
const uncaught: string[] = []
let isHostile = false

for (const event of ['unhandledRejection', 'uncaughtException', 'warning'] as const) {
  process.on(event as 'warning', (error: unknown) => {
    if (!(error instanceof Error && error.name === 'ExperimentalWarning'))
      uncaught.push(`${event}: ${error instanceof Error ? error.stack : inspect(error)}`)
  })
}

const countOf = (names: readonly string[] = Object.keys(faults)): number =>
  names.reduce((sum, name) => sum + (faults[name] ?? 0), 0)

/** What somebody may throw who means no good. */
const THROWN: readonly (() => unknown)[] = [
  () => new Error('as the test wants it'),
  () =>
    new PlenumError(pick(['degraded', 'load_failed', 'forbidden', 'internal', 'unauthenticated'] as const)),
  () => undefined,
  () => null,
  () => 'a text',
  () => Object.create(null),
  () => ({
    get message() {
      throw new Error('even its message')
    },
    toJSON() {
      throw new Error('even its JSON')
    },
    toString() {
      throw new Error('even its text')
    },
  }),
]

/** Works, or throws, or rejects now or later. */
const hostile = <Result>(name: string, work: () => Result, isSync = false): Result | Promise<never> => {
  if (!isHostile || !chance(FAULT_CHANCE)) return work()
  faults[name] = (faults[name] ?? 0) + 1
  const thrown = pick(THROWN)()
  switch (isSync ? 0 : int(0, 2)) {
    case 0:
      throw thrown
    case 1:
      return Promise.reject(thrown)
    default:
      return breathe().then(() => {
        throw thrown
      })
  }
}

/** Every method, also those of what belongs to it, fails as it likes; what it does is done by then, or not. */
const hostileStore = <Part extends object>(part: Part, name: string): Part =>
  new Proxy(part, {
    get(target, property) {
      const value = Reflect.get(target, property, target) as unknown
      if (typeof value === 'function')
        return (...args: unknown[]) =>
          hostile(`${name}.${String(property)}`, () =>
            (value as (...a: unknown[]) => unknown).apply(target, args),
          )
      return typeof value === 'object' && value !== null
        ? hostileStore(value, `${name}.${String(property)}`)
        : value
    },
  })

const hostileMetrics = (): void => {
  const prototype = Metrics.prototype as unknown as Record<string, (...args: unknown[]) => unknown>
  for (const name of ['count', 'timed', 'opened', 'refused', 'closed', 'render']) {
    const real = prototype[name] as (...args: unknown[]) => unknown
    prototype[name] = function (this: unknown, ...args) {
      // Seldom, so that they do not make up all the faults there are.
      if (name !== 'render' && (!isHostile || !chance(0.02))) return real.apply(this, args)
      return hostile(`metrics.${name}`, () => real.apply(this, args), name !== 'render')
    }
  }
}

const WRONG_ANSWERS: readonly unknown[] = [
  null,
  undefined,
  7,
  {},
  { user: '', role: 'write' },
  { user: 'a', role: 'owner' },
]

const createHostile = (): Plenum => {
  const scheduler = {
    ...systemScheduler,
    after: (delayMs: number, task: () => void) => systemScheduler.after(delayMs / HURRY, task),
  }
  const plenum = createPlenum({
    basePath: '/collab',
    scheduler,
    config: {
      dataDir: 'nowhere',
      evictAfterMs: 0,
      workers: 0,
      drainDeadlineMs: 20_000,
      // Twice what are there at once: places that are not given back are soon missed.
      maxConnections: AT_ONCE * 2,
      maxPeersPerSpace: AT_ONCE * 2,
    },
    openStore: async () => hostileStore(openMemoryStore(), 'store') as UpdateStore,
    logDestination: { write: line => hostile('log', () => line.length) as never },
    authorize: ({ token }) =>
      hostile('authorize', () => {
        if (isHostile && chance(0.1)) return pick(WRONG_ANSWERS) as null
        return { user: token ?? 'nobody', role: 'write', expiresAt: Date.now() + 3_600_000 }
      }),
  })
  for (const name of SPACE_EVENT_NAMES) {
    for (let listener = 0; listener < 3; listener++) plenum.on(name, () => hostile(`on ${name}`, () => {}))
    plenum.on(name, async () => hostile(`on ${name}`, () => {}))
  }
  return plenum
}

const textOf = (text: string): Uint8Array => {
  const doc = new Y.Doc()
  doc.getText('text').insert(0, text)
  return Y.encodeStateAsUpdate(doc)
}

const orLater = (promise: Promise<unknown>): Promise<unknown> =>
  Promise.race([promise.catch(() => {}), pause(VISIT_MS, undefined, { ref: false })])

/** @throws Error that names what hung */
const inTime = async <Result>(what: string, promise: Promise<Result>): Promise<Result> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`it never came: ${what}`)), HANG_MS)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

/** Comes, asks, writes, brings a fresh token, and goes: with a goodbye, or without. */
const visit = async (base: string, space: string, user: string): Promise<void> => {
  const socket = new WebSocket(`${base.replace('http', 'ws')}/sync/${space}`, ['plenum.v1', `bearer.${user}`])
  const client = new PlainClient(socket)
  await inTime('an upgrade', Promise.race([once(socket, 'open').catch(() => {}), client.closed]))
  if (socket.readyState === WebSocket.OPEN) {
    client.send({ type: 'step2', update: Uint8Array.of(0, 0) })
    client.send({ type: 'step1', stateVector: Uint8Array.of(0) })
    client.send({ type: 'update', update: textOf(user) })
    client.send({ type: 'authenticate', token: user })
    await orLater(client.message('saved', ({ count }) => count === 2))
  }
  const headers = { authorization: `Bearer ${user}`, connection: 'close' }
  const path = pick([`api/spaces/${space}/members`, `api/spaces/${space}/intentions`, 'metrics', 'readyz'])
  await inTime(
    `the answer to ${path}`,
    fetch(`${base}/${path}`, { headers }).then(response => response.arrayBuffer()),
  )
  if (chance(0.5)) socket.close()
  else socket.terminate()
  await inTime('the end of a visit', client.closed)
}

/** What the application does by itself meanwhile. Half of it is refused, as it should be. */
const work = async (plenum: Plenum, space: string): Promise<void> => {
  const change = (doc: Y.Doc): unknown => hostile('change', () => void doc.getMap('map').set('at', int(1, 9)))
  await orLater(plenum.transact(space, { user: 'robot' }, change as (doc: Y.Doc) => void))
  await orLater(
    pick([() => plenum.snapshot(space), () => plenum.json(space), () => plenum.spaceStats(space)])(),
  )
  if (!chance(0.1)) return
  await orLater(plenum.revoke(space, 'visitor-1'))
  await orLater(plenum.deleteSpace(space))
  await orLater(plenum.createSpace(space))
}

const visitUntil = async (plenum: Plenum, base: string, isEnough: () => boolean): Promise<void> => {
  const visitor = async (): Promise<void> => {
    while (!isEnough()) {
      const space = `space-${int(1, SPACES)}`
      await Promise.all([visit(base, space, `visitor-${int(1, 500)}`), work(plenum, space)])
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, visitor))
}

const figuresOf = async (base: string): Promise<Record<string, number>> => {
  const text = await (await fetch(`${base}/metrics`, { headers: { connection: 'close' } })).text()
  const names = ['plenum_connections', 'plenum_spaces', 'plenum_uncommitted_bytes', 'plenum_degraded']
  return Object.fromEntries(
    names.map(name => [name, Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1])]),
  )
}

/** Works again, and everybody is gone. */
const calm = async (base: string): Promise<void> => {
  isHostile = false
  const since = performance.now()
  for (;;) {
    const figures = await inTime('the metrics', figuresOf(base))
    if (Object.values(figures).every(value => value === 0)) return
    if (performance.now() - since > HANG_MS)
      throw new Error(`it never came: calm: ${JSON.stringify(figures)}`)
    await pause(50)
  }
}

// Newer than the types that the project builds with.
const { queryObjects: countLive } = v8 as unknown as {
  queryObjects(type: object, options: { format: 'count' }): number
}

const takeCensus = async (): Promise<Census> => {
  // Sockets that were closed are gone by then.
  await pause(100)
  for (let round = 0; round < 5; round++) {
    await breathe()
    globalThis.gc?.()
  }
  const counted = { Space, Session, Document: Y.Doc }
  const objects = Object.fromEntries(
    Object.entries(counted).map(([name, type]) => [name, countLive(type, { format: 'count' })]),
  )
  const resources: Record<string, number> = {}
  for (const type of process.getActiveResourcesInfo()) resources[type] = (resources[type] ?? 0) + 1
  const code = v8.getHeapCodeStatistics()
  const { heapUsed } = process.memoryUsage()
  return {
    objects,
    resources,
    heapBytes: heapUsed - code.code_and_metadata_size - code.bytecode_and_metadata_size,
  }
}

const run = async (): Promise<HostileResult> => {
  hostileMetrics()
  const plenum = createHostile()
  const server = createServer((request, response) => plenum.handler(request, response))
  plenum.attach(server)
  await plenum.start()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/collab`

  isHostile = true
  await visitUntil(plenum, base, () => countOf() >= faultsWanted * WARM_UP_SHARE)
  await calm(base)
  const before = await takeCensus()
  isHostile = true
  await visitUntil(plenum, base, () => countOf() >= faultsWanted)
  await calm(base)
  const after = await takeCensus()

  const [writer, reader] = await Promise.all(['writer', 'reader'].map(user => enter(base, user)))
  await (writer as PlainClient).message('welcome')
  ;(writer as PlainClient).send({ type: 'update', update: textOf('all is well') })
  await (writer as PlainClient).message('saved', ({ count }) => count === 1)
  ;(reader as PlainClient).send({ type: 'step1', stateVector: Uint8Array.of(0) })
  const { update } = await (reader as PlainClient).message('step2')
  const doc = new Y.Doc()
  Y.applyUpdate(doc, update)
  const figures = await figuresOf(base)
  isHostile = true
  const { unsavedBytes } = await inTime('the end', plenum.close())
  server.close()
  server.closeAllConnections()
  return { faults, uncaught, before, after, read: doc.getText('text').toString(), figures, unsavedBytes }
}

const enter = async (base: string, user: string): Promise<PlainClient> => {
  const socket = new WebSocket(`${base.replace('http', 'ws')}/sync/afterwards`, [
    'plenum.v1',
    `bearer.${user}`,
  ])
  const client = new PlainClient(socket)
  await once(socket, 'open')
  return client
}

// Thrown here, it would be taken for one of the faults, and the process would stay.
const result = await run().catch(error => {
  process.stderr.write(`${inspect(error)}\n${uncaught.join('\n')}\n`)
  process.exit(1)
})
// What is rejected late is found late.
await pause(100)
process.stdout.write(`${JSON.stringify(result satisfies HostileResult)}\n`, () => process.exit(0))
