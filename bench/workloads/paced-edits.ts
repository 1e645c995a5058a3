/** One author types in the paper at an even pace, open loop; one reader follows. What an edit costs on the wire and on disk. */
import { setTimeout as pause } from 'node:timers/promises'
import * as prng from 'lib0/prng'
import * as Y from 'yjs'
import type { SpaceConnection } from '../../client/index.js'
import { connectDocument, type DocumentClient, until } from '../load/document-client.js'
import { Latencies } from '../load/latencies.js'
import { atPace } from '../load/pace.js'
import { paperDocument, upload } from '../load/paper-document.js'
import { connectPlenum } from '../load/plenum-client.js'
import { measure, untilQuiet } from '../load/stretch.js'
import { TEXT_NAME } from '../load/typist.js'
import type { RunningServer } from '../targets/target.js'
import { type Figures, lower, type Workload } from '../workload.js'

const SPACE = 'paper'
const SEED = 5
/** Hocuspocus stores 2 s after the last edit: what is stored late is counted as well. */
const STORING_TIME_MS = 3_000
const LETTERS = 'abcdefghijklmnopqrstuvwxyz '

export const pacedEdits: Workload = async ({ target, parameters, progress }): Promise<Figures> => {
  const { rate, seconds } = parameters
  const server = await target.start()
  try {
    progress('uploading the paper')
    await upload(server, SPACE, paperDocument())
    await pause(STORING_TIME_MS)
    const reading = new Y.Doc()
    const reader = await connectDocument({ server, space: SPACE, doc: reading })
    const writing = new Y.Doc()
    const saves = new Latencies()
    const writer =
      target.role === 'ours'
        ? await connectWatched(server, writing, saves)
        : await connectDocument({ server, space: SPACE, doc: writing })
    await untilQuiet(server)
    const type = typing(writing)
    const edits = Math.round(rate * seconds)
    const bytesBefore = reader.client.receivedBytes
    let sentBytes = 0
    writing.on('update', (update, _origin, _doc, transaction) => {
      if (transaction.local) sentBytes += update.length
    })
    progress(`${edits} edits at ${rate}/s`)
    const stretch = await measure(server, async () => {
      await atPace({ actors: 1, perSecond: rate, seconds, act: type })
      await pause(STORING_TIME_MS)
    })
    const wanted = writing.getText(TEXT_NAME).toString()
    await until(reading, () => reading.getText(TEXT_NAME).toString() === wanted)
    const bytes = reader.client.receivedBytes - bytesBefore
    reader.close()
    writer.close()
    return {
      'written to disk': lower(stretch.writtenBytes / edits, 'bytes/edit'),
      'written ÷ bytes of the edits': lower(stretch.writtenBytes / sentBytes, '×'),
      'server CPU': lower((stretch.cpuSeconds * 1e6) / edits, 'µs/edit'),
      'wire to the reader': lower(bytes / edits, 'bytes/edit'),
      ...(target.role === 'ours'
        ? {
            'edit → saved, median': lower(saves.quantile(0.5), 'ms'),
            'edit → saved, p99': lower(saves.quantile(0.99), 'ms'),
          }
        : {}),
    }
  } finally {
    await server.dispose()
  }
}

/** Types at a cursor that sometimes jumps. */
const typing = (doc: Y.Doc): (() => void) => {
  const random = prng.create(SEED)
  const text = doc.getText(TEXT_NAME)
  let cursor = prng.int53(random, 0, text.length)
  return () => {
    if (random.next() < 0.02) cursor = prng.int53(random, 0, text.length)
    text.insert(cursor++, LETTERS[prng.int53(random, 0, LETTERS.length - 1)]!)
  }
}

/** A client that knows when each of its edits is on disk. */
const connectWatched = async (
  server: RunningServer,
  doc: Y.Doc,
  saves: Latencies,
): Promise<SpaceConnection | DocumentClient> => {
  const connection = await connectPlenum({ server, space: SPACE, doc })
  await connection.whenSaved()
  /** By the number of the document message. */
  const sentAtMs = new Map<number, number>()
  doc.on('update', (_update, _origin, _doc, { local }) => {
    const { link } = connection.ledger
    if (local && link?.state === 'open') sentAtMs.set(link.sent, performance.now())
  })
  connection.on('saved', ({ count }) => {
    const nowMs = performance.now()
    for (const [number, ms] of sentAtMs) {
      if (number > count) break
      sentAtMs.delete(number)
      saves.add(nowMs - ms)
    }
  })
  return connection
}
