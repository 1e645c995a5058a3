/**
 * Saved means saved, against the real thing: writers on sockets, a server process with a SQLite file, and
 * SIGKILL at moments that nobody chose and at those that hurt most. After each death a client that knows
 * nothing must find every edit that was ever acknowledged, before any writer is back to heal what was lost.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { chance, createRng, int, pick, type Rng, seedFrom } from '../support/rng.js'
import { difference } from '../support/same-document.js'
import { type ServerProcess, startServer } from '../support/server-process.js'
import { assert, isLongRun, note, suite } from '../support/suite.js'
import { removeFolder, temporaryFolder } from '../support/temporary-folder.js'
import { until } from '../support/until.js'
import { type Books, LedgerWriter } from './ledger-writer.js'
import { openSpace } from './open-space.js'

const test = suite('kill -9')

const DEATH_COUNT = isLongRun ? 200 : 15
/** So many that groups of most of them go into the journal. */
const SPACES = ['alpha', 'beta/notes', 'gamma', 'delta', 'epsilon', 'zeta']
const WRITERS_PER_SPACE = 2
/** A death that does not come by itself within this time is a failure of the test. */
const DEATH_TIMEOUT_MS = 20_000

type Death =
  /** At a random moment of writing. */
  | 'random'
  /** Soon after SIGTERM: while it drains, or just before or after. */
  | 'drain'
  | 'append:before-commit'
  | 'append:after-commit'
  | 'compaction:before-store'
  | 'compaction:after-store'

/** In the proportion in which they come; each at least once in fifteen. */
const DEATHS: readonly Death[] = [
  ...Array.from({ length: 6 }, () => 'random' as const),
  ...Array.from({ length: 3 }, () => 'drain' as const),
  'append:before-commit',
  'append:before-commit',
  'append:after-commit',
  'append:after-commit',
  'compaction:before-store',
  'compaction:after-store',
]

const shuffled = (rng: Rng): Death[] => {
  const deaths = [...DEATHS]
  for (let at = deaths.length - 1; at > 0; at--) {
    const other = int(rng, 0, at)
    ;[deaths[at], deaths[other]] = [deaths[other]!, deaths[at]!]
  }
  return deaths
}

const failpointFor = (death: Death, rng: Rng): string => {
  switch (death) {
    case 'random':
    case 'drain':
      // On a slow disk nearly every moment is one between an edit and its commit.
      return chance(rng, 0.7) ? 'append:before-commit=stall' : ''
    case 'append:before-commit':
    case 'append:after-commit':
      return `${death}=kill@${int(rng, 5, 60)}`
    case 'compaction:before-store':
    case 'compaction:after-store':
      return `${death}=kill@${int(rng, 0, 1)}`
  }
}

/** The life after next has engine threads again. */
let lives = 0

const startLife = (dataDir: string, failpoints: string): Promise<ServerProcess> =>
  startServer({
    dataDir,
    flags: ['--log-level', 'warn', '--workers', String(lives++ % 2)],
    env: { PLENUM_FAILPOINTS: failpoints },
  })

const FRESH = { user: 'fresh', role: 'read' } as const

interface Found {
  /** Acknowledged, and not there. */
  readonly lost: string[]
  /** Sent at most, never acknowledged, and there. */
  survived: number
}

/** What a client that knows nothing finds. */
const lookFor = async (
  server: ServerProcess,
  books: Books,
  writers: readonly LedgerWriter[],
): Promise<Found> => {
  const found: Found = { lost: [], survived: 0 }
  for (const [space, acknowledged] of books) {
    const { ids, connection, doc } = await openSpace(server, space, FRESH)
    for (const id of acknowledged) if (!ids.has(id)) found.lost.push(`${space}: ${id}`)
    for (const writer of writers) {
      if (writer.space === space) for (const id of writer.open.keys()) found.survived += Number(ids.has(id))
    }
    connection.close()
    doc.destroy()
  }
  return found
}

const connectAll = async (server: ServerProcess, writers: readonly LedgerWriter[]): Promise<void> => {
  for (const writer of writers) writer.connect(server.url, await server.token(writer.name, writer.space))
}

const closed = (writer: LedgerWriter): Promise<unknown> =>
  writer.connection.closed === null
    ? new Promise(resolve => writer.connection.on('closed', resolve))
    : Promise.resolve()

/** Everybody is saved and has what a client has that knows nothing. */
const expectConverged = async (
  server: ServerProcess,
  spaces: readonly string[],
  writers: readonly LedgerWriter[],
): Promise<void> => {
  await Promise.all(writers.map(({ connection }) => connection.whenSaved()))
  for (const space of spaces) {
    const { doc, connection } = await openSpace(server, space, FRESH)
    for (const writer of writers.filter(writer => writer.space === space)) {
      assert.is(writer.open.size, 0, `${writer.name} has unacknowledged edits`)
      let differs: string | null = null
      await until(`${writer.name} converges`, () => {
        differs = difference(writer.doc, doc)
        return differs === null
      }).catch(error => {
        throw new Error(`${error.message}: ${differs}`)
      })
    }
    connection.close()
  }
}

/** Resolves when the server is dead, by the death that was chosen. */
const die = async (death: Death, server: ServerProcess, writers: readonly LedgerWriter[], rng: Rng) => {
  const exit = server.exit
  if (death === 'random' || death === 'drain') {
    const acknowledgements = int(rng, 1, 60)
    let count = 0
    await new Promise<void>(resolve => {
      const tick = (): void => {
        if (++count === acknowledgements) resolve()
      }
      for (const { connection } of writers) {
        connection.on('saved', tick)
        connection.on('closed', tick)
      }
    })
    await pause(int(rng, 0, 10))
    const { pid } = server
    if (death === 'drain') {
      process.kill(pid, 'SIGTERM')
      await pause(int(rng, 0, 25))
    }
    // It may have drained to its end by now.
    await server.kill9()
    return
  }
  const timer = setTimeout(() => void server.kill9(), DEATH_TIMEOUT_MS)
  const startedMs = performance.now()
  await exit
  clearTimeout(timer)
  if (performance.now() - startedMs >= DEATH_TIMEOUT_MS) throw new Error(`${death} never came`)
}

/** A few spaces and their writers, through some deaths. Long runs take new ones: documents only grow. */
interface Era {
  readonly dataDir: string
  readonly rng: Rng
  readonly spaces: readonly string[]
  readonly deaths: readonly Death[]
  /** Of all eras. */
  readonly books: Books
}

interface Tally {
  readonly unacknowledged: number
  /** Of these. */
  readonly survived: number
}

const liveThrough = async ({ dataDir, rng, spaces, deaths, books }: Era): Promise<Tally> => {
  const tally = { unacknowledged: 0, survived: 0 }
  const ours: Books = new Map(spaces.map(space => [space, new Set()]))
  for (const [space, ids] of ours) books.set(space, ids)
  const incarnations = new Map<string, string>()
  let writerNumber = 0
  const newWriter = (space: string): LedgerWriter =>
    new LedgerWriter({ name: `w${++writerNumber}`, space, books, rng })
  const writers = spaces.flatMap(space => Array.from({ length: WRITERS_PER_SPACE }, () => newWriter(space)))

  // The last life is only looked at.
  for (const death of [...deaths, null]) {
    const failpoints = death === null ? '' : failpointFor(death, rng)
    // What kills by itself must not do so while this life looks at what the last one left.
    const isSlowOnly = death === 'random' || death === 'drain'
    let server = await startLife(dataDir, isSlowOnly ? failpoints : '')
    try {
      const found = await lookFor(server, ours, writers)
      assert.equal(found.lost, [])
      tally.survived += found.survived
      for (const { open } of writers) tally.unacknowledged += open.size

      await connectAll(server, writers)
      await expectConverged(server, spaces, writers)
      for (const { space, connection } of writers) {
        const { incarnation } = connection.welcome!
        assert.is(incarnations.get(space) ?? incarnation, incarnation, 'a restart changes no incarnation')
        incarnations.set(space, incarnation)
      }
      if (death === null) break

      if (!isSlowOnly) {
        await server.kill9()
        server = await startLife(dataDir, failpoints)
        await connectAll(server, writers)
      }
      const isBulky = death.startsWith('compaction')
      const writing = writers.map(writer => writer.write(isBulky ? 2_000 : undefined))
      await die(death, server, writers, rng)
      await Promise.all(writers.map(closed))
      await Promise.all(writing)
      // Somebody goes for good, with whatever was not acknowledged; somebody who knows nothing takes over.
      const leaver = pick(rng, writers)
      writers[writers.indexOf(leaver)] = newWriter(leaver.space)
      for (const writer of writers) if (chance(rng, 1 / 3)) writer.edit()
    } catch (error) {
      console.error(`before "${death}"; the server's last words:\n${server.log.slice(-20).join('\n')}`)
      throw error
    } finally {
      for (const writer of writers) writer.close()
      await server.dispose()
    }
  }
  return tally
}

test(`[F1] [F2] ${DEATH_COUNT} deaths: nothing acknowledged is lost, and everybody converges`, {
  timeoutMs: isLongRun ? 1_800_000 : 150_000,
}, async () => {
  const rng = createRng(seedFrom())
  const dataDir = temporaryFolder('kill')
  const books: Books = new Map()
  let [deathsLeft, unacknowledged, survived] = [DEATH_COUNT, 0, 0]
  for (let era = 1; deathsLeft > 0; era++) {
    const deaths = shuffled(rng).slice(0, deathsLeft)
    deathsLeft -= deaths.length
    const spaces = SPACES.map(space => `${space}.${era}`)
    const tally = await liveThrough({ dataDir, rng, spaces, deaths, books })
    unacknowledged += tally.unacknowledged
    survived += tally.survived
  }
  const server = await startLife(dataDir, '')
  assert.equal((await lookFor(server, books, [])).lost, [])
  await server.dispose()
  const acknowledged = [...books.values()].reduce((sum, ids) => sum + ids.size, 0)
  note(
    `${DEATH_COUNT} deaths, ${acknowledged} edits acknowledged, 0 lost; of ${unacknowledged} in flight ${survived} were on disk`,
  )
  assert.ok(acknowledged > DEATH_COUNT * 20, 'the writers wrote')
  removeFolder(dataDir)
})

test('[F3] killed within a migration, the next start finds a whole step done or not begun', async () => {
  const dataDir = temporaryFolder('kill-migration')
  const env = { PLENUM_FAILPOINTS: 'migration:before-commit=kill' }
  const failure = await startServer({ dataDir, env }).then(
    () => null,
    (error: Error) => error,
  )
  assert.match(String(failure?.cause), /ended \(SIGKILL\)/)
  const server = await startServer({ dataDir })
  const writer = new LedgerWriter({ name: 'writer', space: 'demo', books: new Map(), rng: createRng(1) })
  writer.connect(server.url, await server.token('writer', 'demo'))
  const id = writer.edit()
  await writer.connection.whenSaved()
  await server.restart()
  const { ids, connection } = await openSpace(server, 'demo', FRESH)
  assert.ok(ids.has(id))
  connection.close()
  await server.dispose()
})
