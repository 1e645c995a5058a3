/** The same work on something twice as large, and again: how fast the server's CPU grows, as an exponent. */
import * as prng from 'lib0/prng'
import * as Y from 'yjs'
import { connectDocument } from '../load/document-client.js'
import { atPace } from '../load/pace.js'
import { upload } from '../load/paper-document.js'
import { Room } from '../load/room.js'
import { measure, untilQuiet } from '../load/stretch.js'
import { TEXT_NAME } from '../load/typist.js'
import { growthExponent, type Sample } from '../statistics.js'
import type { RunningServer } from '../targets/target.js'
import { lower, noted, type Workload } from '../workload.js'

export interface Growth {
  /** From small to large. */
  readonly sizes: readonly number[]
  /** Prepares, and returns what is measured. */
  readonly prepare: (server: RunningServer, size: number) => Promise<() => Promise<void>>
}

const SEED = 9
const SPACE = 'growth'
const DELIVERY_TIME_MS = 60_000

export const growth =
  ({ sizes, prepare }: Growth): Workload =>
  async ({ target, progress }) => {
    const samples: Sample[] = []
    for (const size of sizes) {
      const server = await target.start()
      try {
        const work = await prepare(server, size)
        await untilQuiet(server)
        const { cpuSeconds } = await measure(server, async () => {
          await work()
          await untilQuiet(server)
        })
        progress(`${size}: ${Math.round(cpuSeconds * 1000)} ms`)
        samples.push({ work: size, cost: Math.max(cpuSeconds, 0.001) })
      } finally {
        await server.dispose()
      }
    }
    return {
      'exponent of CPU': lower(growthExponent(samples), ''),
      [`server CPU at ${samples[0]!.work}`]: noted(samples[0]!.cost * 1000, 'ms'),
      [`server CPU at ${samples.at(-1)!.work}`]: noted(samples.at(-1)!.cost * 1000, 'ms'),
    }
  }

/** Everybody in a small room types for two seconds, in a space that is as it was prepared. */
const typeTogether = async (server: RunningServer): Promise<void> => {
  const room = await Room.open({ server, space: SPACE, clients: 10, writers: 5, seed: SEED })
  await typeIn(room, 5, 2)
  room.close()
}

const typeIn = async (room: Room, writers: number, seconds: number): Promise<void> => {
  const act = (writer: number, dueMs: number): void => room.type(writer, dueMs)
  await atPace({ actors: writers, perSecond: 20, seconds, act })
  await room.whenDelivered(DELIVERY_TIME_MS)
}

/** Text typed all over the place, so that it stays in many pieces. */
const scattered = (pieces: number): Y.Doc => {
  const doc = new Y.Doc()
  doc.clientID = 1
  const random = prng.create(SEED)
  const text = doc.getText(TEXT_NAME)
  doc.transact(() => {
    for (let piece = 0; piece < pieces; piece++)
      text.insert(prng.int53(random, 0, text.length), 'some words ')
  })
  return doc
}

/** A text of one character each of many clients. */
const byManyClients = (clients: number): Y.Doc => {
  const doc = new Y.Doc()
  const random = prng.create(SEED)
  for (let client = 0; client < clients; client++) {
    doc.clientID = prng.uint32(random, 1, 2 ** 32 - 1)
    doc.getText(TEXT_NAME).insert(0, 'x')
  }
  return doc
}

export const documentSize: Growth = {
  sizes: [5_000, 10_000, 20_000, 40_000],
  prepare: async (server, pieces) => {
    await upload(server, SPACE, scattered(pieces))
    return () => typeTogether(server)
  },
}

export const pastClients: Growth = {
  sizes: [1_000, 2_000, 4_000, 8_000],
  prepare: async (server, clients) => {
    await upload(server, SPACE, byManyClients(clients))
    return () => typeTogether(server)
  },
}

/** So many updates as they come, and one who opens the space then. */
export const logLength: Growth = {
  sizes: [4_000, 8_000, 16_000, 32_000],
  prepare: async (server, updates) => {
    const room = await Room.open({ server, space: SPACE, clients: 2, writers: 1, seed: SEED })
    return async () => {
      const act = (writer: number, dueMs: number): void => room.type(writer, dueMs)
      await atPace({ actors: 1, perSecond: 4_000, seconds: updates / 4_000, act })
      await room.whenDelivered(DELIVERY_TIME_MS)
      const reader = await connectDocument({ server, space: SPACE, doc: new Y.Doc() })
      reader.close()
      room.close()
    }
  },
}

export const memberCount: Growth = {
  sizes: [50, 100, 200, 400],
  prepare: async (server, clients) => {
    const room = await Room.open({ server, space: SPACE, clients, writers: 5, seed: SEED, joiningAtOnce: 50 })
    return async () => {
      await typeIn(room, 5, 3)
      room.close()
    }
  },
}
