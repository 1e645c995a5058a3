/** Clients that read slowly or not at all, while far more than a socket holds passes through their space. */
import { setTimeout as pause } from 'node:timers/promises'
import { WebSocket } from 'ws'
import * as Y from 'yjs'
import { connectSpace, type SpaceConnection } from '../../client/index.js'
import { difference } from '../support/same-document.js'
import type { ServerProcess } from '../support/server-process.js'
import { assert, note, suite } from '../support/suite.js'
import { until } from '../support/until.js'
import { startProbedServer } from './memory.js'
import type { HeldMemory } from './memory-probe.js'
import { metric } from './server-figures.js'

const test = suite('backpressure')

const MEGABYTE = 2 ** 20
const BLOB_BYTES = 50_000
const KEYS = 20
/** Edits under way at a time: what the writer has not had acknowledged. */
const MAX_UNACKNOWLEDGED = 8
const ALLOWED_GROWTH_BYTES = 8 * MEGABYTE

interface Client {
  readonly doc: Y.Doc
  readonly blobs: Y.Map<unknown>
  readonly connection: SpaceConnection
  /** Its socket can be paused: then nothing is read from the network. */
  readonly socket: WebSocket
}

const open = async (server: ServerProcess, user: string): Promise<Client> => {
  const doc = new Y.Doc()
  const blobs = doc.getMap('blobs')
  let socket: WebSocket | undefined
  class Kept extends WebSocket {
    constructor(url: string, protocols?: string | string[]) {
      super(url, protocols)
      socket = this
    }
  }
  const token = await server.token(user, 'busy')
  const connection = connectSpace({ url: server.url, space: 'busy', token, doc, WebSocket: Kept })
  await connection.whenSynced()
  await connection.whenSaved()
  return { doc, blobs, connection, socket: socket! }
}

/** Overwrites the same few values: much traffic, and a document that stays small. @param after the last edit before */
const overwrite = async ({ doc, blobs, connection }: Client, edits: number, after = 0): Promise<number[]> => {
  const madeMs: number[] = []
  for (let edit = after + 1; edit <= after + edits; edit++) {
    const blob = new Uint8Array(BLOB_BYTES).fill(edit)
    madeMs.push(performance.now())
    doc.transact(() => {
      blobs.set(`key ${edit % KEYS}`, blob)
      blobs.set('edit', edit)
    })
    const { link } = connection.ledger
    if (link.state !== 'open') throw new Error(`the writer's link is ${link.state}`)
    if (link.sent - link.acked >= MAX_UNACKNOWLEDGED) await nextAcknowledgement(connection)
  }
  await connection.whenSaved()
  return madeMs
}

const nextAcknowledgement = (connection: SpaceConnection): Promise<void> =>
  new Promise((resolve, reject) => {
    const offs = [
      connection.on('saved', () => settle(resolve)),
      connection.on('closed', () => settle(() => reject(new Error('the writer was closed')))),
    ]
    const settle = (finish: () => void): void => {
      for (const off of offs) off()
      finish()
    }
  })

/** When each edit, or a later one, was seen. */
const watch = ({ doc, blobs }: Client): number[] => {
  const seenMs: number[] = []
  doc.on('update', () => {
    const edit = Number(blobs.get('edit') ?? 0)
    while (seenMs.length < edit) seenMs.push(performance.now())
  })
  return seenMs
}

const sameDocument = (a: Client, b: Client): Promise<unknown> =>
  until('two clients converge', () => difference(a.doc, b.doc) === null, 30_000)

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!

interface Run {
  readonly highest: HeldMemory
  /** From the writer's edit to another client's document, ms. */
  readonly latencyMs: number
  readonly collapses: number
}

const pass50Megabytes = async (hasStopped: boolean): Promise<Run> => {
  const edits = Math.ceil((50 * MEGABYTE) / BLOB_BYTES)
  const { server, highestDuring } = await startProbedServer({ flags: ['--slow-peer-deadline', '5m'] })
  const [writer, reader, another] = [
    await open(server, 'writer'),
    await open(server, 'reader'),
    await open(server, 'another'),
  ]
  const stopped = hasStopped ? await open(server, 'stopped') : null
  try {
    // Both runs begin with a server that has done this before.
    await overwrite(writer, 100)
    stopped?.socket.pause()
    const seenMs = watch(reader)
    const writing = overwrite(writer, edits)
    const highest = await highestDuring(writing)
    const madeMs = await writing
    await sameDocument(writer, reader)
    await sameDocument(writer, another)
    assert.is(seenMs.length, edits)
    const latencyMs = median(seenMs.map((ms, edit) => ms - madeMs[edit]!))
    const collapses = await metric(server, 'plenum_collapses_total')
    if (stopped !== null) {
      assert.is(stopped.connection.closed, null)
      assert.ok(Number(stopped.blobs.get('edit')) < edits, 'it has read nothing since')
      stopped.socket.resume()
      await sameDocument(writer, stopped)
    }
    return { highest, latencyMs, collapses }
  } finally {
    for (const client of [writer, reader, another, stopped]) client?.socket.terminate()
    await server.dispose()
  }
}

const megabytes = (bytes: number): string => `${(bytes / MEGABYTE).toFixed(1)} MB`

test('[F10] 50 MB pass a client that stopped reading: the server grows by less than 8 MB, others go on, it converges', {
  timeoutMs: 120_000,
}, async () => {
  const without = await pass50Megabytes(false)
  const withOne = await pass50Megabytes(true)
  const growth = withOne.highest.heldBytes - without.highest.heldBytes
  note(
    `held at most ${megabytes(without.highest.heldBytes)} without and ${megabytes(withOne.highest.heldBytes)} with it (${megabytes(growth)} more); resident ${megabytes(without.highest.rssBytes)} and ${megabytes(withOne.highest.rssBytes)}; others' median latency ${without.latencyMs.toFixed(1)} and ${withOne.latencyMs.toFixed(1)} ms`,
  )
  assert.is(without.collapses, 0)
  assert.is(withOne.collapses, 1)
  assert.ok(growth < ALLOWED_GROWTH_BYTES, `it grew by ${megabytes(growth)}`)
  assert.ok(withOne.latencyMs < without.latencyMs * 3 + 20, 'the others wait for it')
})

test('[F11] a client that takes nothing until the deadline is closed with 4508, a slow one is not', {
  timeoutMs: 90_000,
}, async () => {
  const { server } = await startProbedServer({ flags: ['--slow-peer-deadline', '4s'] })
  const [writer, slow, stopped] = [
    await open(server, 'writer'),
    await open(server, 'slow'),
    await open(server, 'stopped'),
  ]
  try {
    stopped.socket.pause()
    let isSlow = true
    slow.socket.on('message', (data: ArrayBuffer) => {
      if (!isSlow) return
      slow.socket.pause()
      // Slow by the byte, since edits may come together; and never for as long as the deadline.
      const pauseMs = Math.min(400, 80 * Math.ceil(data.byteLength / BLOB_BYTES))
      void pause(pauseMs).then(() => slow.socket.resume())
    })
    await overwrite(writer, 600)
    const writeMore = (): Promise<number[]> => overwrite(writer, 20, Number(writer.blobs.get('edit')))
    await until(
      'both are behind',
      async () => (await metric(server, 'plenum_collapses_total')) >= 2 || void (await writeMore()),
      30_000,
    )
    await until('one is given up', async () => (await metric(server, 'plenum_too_slow_total')) === 1, 30_000)
    const closed = new Promise(resolve => stopped.connection.on('closed', resolve))
    stopped.socket.resume()
    assert.is(((await closed) as { code: number }).code, 4508)

    const taken = (): number => Number(slow.blobs.get('edit') ?? -1)
    const takenBefore = taken()
    // One diff may have brought it everything by now: what it is to take is written while it is watched.
    const goesOn = async (): Promise<boolean> => {
      if (taken() > takenBefore) return true
      await writeMore()
      return false
    }
    await until('the slow one goes on', goesOn, 30_000)
    isSlow = false
    slow.socket.resume()
    await sameDocument(writer, slow)
    assert.is(slow.connection.closed, null)
    assert.is(await metric(server, 'plenum_too_slow_total'), 1)
  } finally {
    for (const { socket } of [writer, slow, stopped]) socket.terminate()
    await server.dispose()
  }
})
