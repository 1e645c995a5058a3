/** People who come and go by the thousand, each with a clientID of their own: what the server holds stays what it was. */
import { once } from 'node:events'
import { setImmediate as breathe } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { awarenessMessage, decodeAwareness, encodeEntry, GONE } from '../../server/space/awareness-codec.js'
import { Core } from '../support/core.js'
import { assert, isLongRun, note, suite } from '../support/suite.js'
import { until } from '../support/until.js'
import { type ProbedServer, startProbedServer } from './memory.js'

const test = suite('memory of presence')

const SPACE = 'space'
const AT_ONCE = 50
/** More than a space remembers, and enough for caches and compiled code to be what they will be. */
const WARM_UP = 4_000
const VISITS = 200_000
/** 16 bytes for each visit. */
const ALLOWED_BYTES = 3 * 2 ** 20
const VISITS_TO_THE_CORE = 20_000
const USERS = 20
/** Each may have only so many ports, and a closed connection keeps its for a minute. */
const ADDRESSES = 200
const STATE = new TextEncoder().encode(JSON.stringify({ user: { name: 'somebody' }, cursor: { at: 7 } }))

let probed: ProbedServer
let tokens: string[]
let visits = 0
/** clientIDs that a watcher was told of, and not yet of their end. */
const present = new Set<number>()
let departures = 0
let watcher: WebSocket

const connect = async (token: string, localAddress = '127.0.0.1'): Promise<WebSocket> => {
  const url = `${probed.server.syncUrl}/${SPACE}`
  const socket = new WebSocket(url, ['yjs', `bearer.${token}`], { localAddress })
  // The server's first: whoever goes before has not been there.
  await once(socket, 'message')
  return socket
}

test.before(async () => {
  if (!isLongRun) return
  probed = await startProbedServer()
  tokens = await Promise.all(
    Array.from({ length: USERS }, (_, at) => probed.server.token(`user ${at}`, SPACE)),
  )
  watcher = await connect(await probed.server.token('watcher', SPACE))
  watcher.on('message', (data: Buffer) => {
    departures += hear(data)
  })
  watcher.send(Uint8Array.of(3))
})
test.after(async () => {
  watcher?.terminate()
  await probed?.server.dispose()
})

const AWARENESS = 1

/** @returns how many the message says are gone */
const hear = (message: Buffer): number => {
  if (message[0] !== AWARENESS) return 0
  // Behind the type stands the length, a number of up to five bytes that ends below 0x80.
  const start = message.findIndex((byte, at) => at > 0 && byte < 0x80) + 1
  let gone = 0
  for (const { clientId, json } of decodeAwareness(message.subarray(start), () => true).entries) {
    if (json.length > GONE.length) present.add(clientId)
    else gone++
    if (json.length === GONE.length) present.delete(clientId)
  }
  return gone
}

/** Comes, says who it is, hears that it was taken, and goes. */
const visit = async (clientId: number): Promise<void> => {
  const token = tokens[clientId % USERS] as string
  const socket = await connect(token, `127.0.0.${2 + (clientId % ADDRESSES)}`)
  socket.send(awarenessMessage(1, [encodeEntry(clientId, 1, STATE)]))
  // Its end follows what it said.
  socket.close()
  await once(socket, 'close')
}

const visitAll = async (count: number): Promise<void> => {
  const end = visits + count
  const visitor = async (): Promise<void> => {
    while (visits < end) await visit(1_000_000 + visits++)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, visitor))
  await until('all are gone', () => departures >= end && present.size === 0).catch(error => {
    throw new Error(`${departures} of ${end} left, ${present.size} still there`, { cause: error })
  })
}

test.long(
  `[A30] ${VISITS} clientIDs that come and go leave a server's memory where it was`,
  {
    timeoutMs: 1_800_000,
  },
  async () => {
    await visitAll(WARM_UP)
    const before = await probed.held()
    await visitAll(VISITS)
    const grownBytes = (await probed.held()).heldBytes - before.heldBytes

    note(`${VISITS} visits: ${kilobytes(before.heldBytes)} before, ${kilobytes(grownBytes)} more after`)
    assert.ok(grownBytes < ALLOWED_BYTES, `the server holds ${kilobytes(grownBytes)} more`)
  },
)

const MAX_COLLECTIONS = 20

/** What is left when a collection frees nothing more: what the sockets of the test before held goes in several. */
const heldBytes = async (): Promise<number> => {
  let held = Number.POSITIVE_INFINITY
  for (let i = 0; i < MAX_COLLECTIONS; i++) {
    await breathe()
    globalThis.gc?.()
    const { heapUsed, external } = process.memoryUsage()
    if (heapUsed + external >= held) break
    held = heapUsed + external
  }
  return held
}

test(`[A30] ${VISITS_TO_THE_CORE} clientIDs that come and go leave nothing in the core`, async () => {
  assert.ok(globalThis.gc !== undefined, 'tests run with --expose-gc')
  const core = new Core()
  const heard = await core.live({ dialect: 'stock', access: { user: 'watcher' } })
  let gone = 0
  const visitCore = async (clientIds: number, from: number): Promise<void> => {
    for (let clientId = from; clientId < from + clientIds; clientId++) {
      const caller = core.call({ dialect: 'stock', access: { user: `user ${clientId % USERS}` } })
      await core.settle()
      caller.send(awarenessMessage(1, [encodeEntry(clientId, 1, STATE)]))
      await core.settle()
      caller.hangUp()
      if (clientId % 100 === 0) await core.advance(1_000)
      // What the store was called with, which only the test keeps.
      core.store.memberSaves.length = 0
      for (const message of heard.takeFrames()) gone += hear(Buffer.from(message))
    }
    await core.advance(1_000)
    for (const message of heard.takeFrames()) gone += hear(Buffer.from(message))
  }
  await visitCore(WARM_UP, 1)
  const before = await heldBytes()
  await visitCore(VISITS_TO_THE_CORE, 1_000_000)
  const grownBytes = (await heldBytes()) - before

  note(`${VISITS_TO_THE_CORE} visits to the core: ${kilobytes(grownBytes)} more after`)
  assert.is(gone, WARM_UP + VISITS_TO_THE_CORE)
  assert.is(present.size, 0)
  assert.ok(grownBytes < VISITS_TO_THE_CORE * 16, `${kilobytes(grownBytes)} more`)
})

const kilobytes = (bytes: number): string => `${Math.round(bytes / 1024)} KB`
