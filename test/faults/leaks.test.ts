/**
 * Two thousand spaces opened, edited and left on one service with everything real: what is alive afterwards is
 * what was alive before. Objects are counted by the engine after a collection, not estimated.
 */
import { setImmediate as breathe } from 'node:timers/promises'
import * as v8 from 'node:v8'
import { WebSocket } from 'ws'
import * as Y from 'yjs'
import { connectSpace, SpaceConnection } from '../../client/index.js'
import { signToken } from '../../server/auth/sign-token.js'
import { createService, type Service } from '../../server/create-service.js'
import { Session } from '../../server/space/session.js'
import { Space } from '../../server/space/space.js'
import { Connection } from '../../server/transport/websocket/connection.js'
import { assert, note, suite } from '../support/suite.js'
import { temporaryFolder } from '../support/temporary-folder.js'
import { until } from '../support/until.js'
import { workerTraffic } from './worker-traffic.js'

const test = suite('leaks')

const SPACES = 2_000
/** Until caches, prepared statements and compiled code are what they will be. */
const WARM_UP_SPACES = 1_000
const AT_ONCE = 25
const SECRET = 'a secret of the tests, long enough to be one'
/** 384 bytes a space: less than any object with a name, a buffer and a timer takes. */
const ALLOWED_HEAP_BYTES = SPACES * 384

/** `queryObjects` counts the prototypes of subclasses: `QuietDoc`'s is no document, `Handshake`'s no WebSocket. */
const SUBCLASSES: Readonly<Record<string, number>> = { 'Y.Doc': 1, WebSocket: 1 }
const COUNTED = { 'Y.Doc': Y.Doc, Space, Session, Connection, WebSocket, SpaceConnection }

interface Census {
  readonly objects: Readonly<Record<string, number>>
  /** Timers, sockets, ports and the like, by type. */
  readonly resources: Readonly<Record<string, number>>
  readonly unansweredByWorkers: number
  readonly heapBytes: number
  readonly externalBytes: number
}

let url: string
let service: Service

test.before(async () => {
  service = createService({
    config: {
      port: 0,
      dataDir: temporaryFolder('leaks'),
      secret: SECRET,
      evictAfterMs: 0,
      logLevel: 'warn',
    },
  })
  ;({ url } = await service.start())
})
test.after(async () => {
  await service.close()
})

const figure = async (name: string): Promise<number> => {
  const text = await (await fetch(`${url}/metrics`, { headers: { connection: 'close' } })).text()
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1])
}

const visit = async (space: string): Promise<void> => {
  const doc = new Y.Doc()
  const token = await signToken({
    secret: SECRET,
    user: `visitor of ${space}`,
    spaces: { [space]: 'write' },
    ttlMs: 60_000,
    nowMs: Date.now(),
  })
  const connection = connectSpace({ url, space, token, doc, WebSocket })
  await connection.whenSynced()
  doc.getText('text').insert(0, `edited in ${space}`)
  await connection.whenSaved()
  connection.close()
  doc.destroy()
}

const visitAll = async (prefix: string, count: number): Promise<void> => {
  let next = 0
  const visitor = async (): Promise<void> => {
    while (next < count) await visit(`${prefix}/${next++}`)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, visitor))
  await until('every space is evicted', async () => (await figure('plenum_spaces')) === 0)
  await until('every connection is gone', async () => (await figure('plenum_connections')) === 0)
}

// Newer than the types that the project builds with.
const { queryObjects: countLive } = v8 as unknown as {
  queryObjects(type: object, options: { format: 'count' }): number
}

const takeCensus = async (): Promise<Census> => {
  for (let round = 0; round < 5; round++) {
    await breathe()
    globalThis.gc?.()
  }
  const objects = Object.fromEntries(
    Object.entries(COUNTED).map(([name, type]) => {
      const live = countLive(type, { format: 'count' })
      return [name, live - (SUBCLASSES[name] ?? 0)]
    }),
  )
  const resources: Record<string, number> = {}
  for (const type of process.getActiveResourcesInfo()) resources[type] = (resources[type] ?? 0) + 1
  const { heapUsed, external } = process.memoryUsage()
  // Code that the engine compiles while it warms up is not what was left behind.
  const code = v8.getHeapCodeStatistics()
  return {
    objects,
    resources,
    unansweredByWorkers: workerTraffic().unanswered,
    heapBytes: heapUsed - code.code_and_metadata_size - code.bytecode_and_metadata_size,
    externalBytes: external,
  }
}

test(`[F9] ${SPACES} spaces opened, edited and left leave nothing behind`, {
  timeoutMs: 90_000,
}, async () => {
  assert.ok(globalThis.gc !== undefined, 'tests run with --expose-gc')
  await visitAll('warm-up', WARM_UP_SPACES)
  const before = await takeCensus()
  const requestsBefore = workerTraffic().requests
  await visitAll('visited', SPACES)
  const after = await takeCensus()

  assert.equal(after.objects, before.objects)
  assert.equal(Object.values(after.objects), [0, 0, 0, 0, 0, 0])
  assert.equal(after.resources, before.resources)
  assert.is(after.unansweredByWorkers, 0)
  const requests = workerTraffic().requests - requestsBefore
  assert.ok(requests >= SPACES, 'every space was loaded through a worker')
  const heapGrowth = after.heapBytes - before.heapBytes
  const externalGrowth = after.externalBytes - before.externalBytes
  note(
    `${requests} worker messages answered; heap ${kilobytes(before.heapBytes)} → ${kilobytes(after.heapBytes)}, external ${kilobytes(before.externalBytes)} → ${kilobytes(after.externalBytes)}`,
  )
  assert.ok(heapGrowth < ALLOWED_HEAP_BYTES, `the heap grew by ${kilobytes(heapGrowth)}`)
  assert.ok(externalGrowth < ALLOWED_HEAP_BYTES, `buffers grew by ${kilobytes(externalGrowth)}`)
})

const kilobytes = (bytes: number): string => `${Math.round(bytes / 1024)} KB`
