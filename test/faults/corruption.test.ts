/**
 * A dying disk and a folder that cannot be used, under the real command: what is damaged keeps its own space
 * from being written and nothing else, and what cannot start says so in one line.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join, resolve } from 'node:path'
import { text as textOf } from 'node:stream/consumers'
import Database from 'better-sqlite3'
import { freePort, type ServerProcess, startServer } from '../support/server-process.js'
import { assert, suite } from '../support/suite.js'
import { temporaryFolder } from '../support/temporary-folder.js'
import { until } from '../support/until.js'
import { type OpenSpace, openSpace } from './open-space.js'
import { codeOfReadyz } from './server-figures.js'

const test = suite('corruption')

const MAIN = resolve(import.meta.dirname, '../../server/main.js')
const EDITS = 30
/** A few rows a page: a page of noise then holds rows of one space only. */
const EDIT_CHARACTERS = 900

let server: ServerProcess

const databaseOf = ({ dataDir }: ServerProcess): string => join(dataDir, 'plenum.sqlite')

/** Found again in the bytes of the database. */
const marker = (space: string, edit: number): string => `<${space} ${edit}>`

test.before.each(async () => {
  server = await startServer()
  for (const space of ['neighbour', 'victim', 'another']) {
    const { ids, connection } = await openSpace(server, space)
    for (let edit = 0; edit < EDITS; edit++) {
      ids.set(`${edit}`, marker(space, edit).padEnd(EDIT_CHARACTERS, '.'))
      await connection.whenSaved()
    }
    connection.close()
  }
  assert.equal(await server.stop(), { code: 0, signal: null })
})
test.after.each(() => server.dispose())

const overwrite = (path: string, at: number, bytes: Uint8Array): void => {
  const file = openSync(path, 'r+')
  try {
    writeSync(file, bytes, 0, bytes.length, at)
  } finally {
    closeSync(file)
  }
}

/** Every log row as it is stored, by space; undefined where SQLite itself cannot read so far. */
const storedRows = (): Map<string, Buffer[]> => {
  const db = new Database(databaseOf(server), { readonly: true })
  try {
    const rows = new Map<string, Buffer[]>()
    for (const { id, name } of db.prepare('SELECT id, name FROM spaces').all() as {
      id: number
      name: string
    }[]) {
      const payloads: Buffer[] = []
      rows.set(name, payloads)
      try {
        for (const payload of db
          .prepare('SELECT payload FROM log WHERE space = ? ORDER BY last')
          .pluck()
          .iterate(id)) {
          payloads.push(payload as Buffer)
        }
      } catch (error) {
        assert.match(String((error as { code?: string }).code), /^SQLITE_CORRUPT/)
      }
    }
    return rows
  } finally {
    db.close()
  }
}

const plenum = (...args: readonly string[]) =>
  spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8' })

const expectWritable = async ({ ids, connection }: OpenSpace): Promise<void> => {
  ids.set('after the damage', true)
  await connection.whenSaved()
  connection.close()
}

/** The victim is read up to the damage and cannot be written; the others notice nothing. @returns how much is read */
const expectOnlyVictimSuffers = async (): Promise<number> => {
  await server.start()
  assert.is(await codeOfReadyz(server), null)
  const victim = await openSpace(server, 'victim')
  await until('it is told', () => victim.notices.includes('read-only'))
  const read = victim.ids.size
  victim.ids.set('after the damage', true)
  for (const space of ['neighbour', 'another', 'never-written']) {
    const other = await openSpace(server, space)
    assert.is(other.ids.size, space === 'never-written' ? 0 : EDITS)
    assert.equal(other.notices, [])
    await expectWritable(other)
  }
  assert.is(victim.connection.saveState, 'saving')
  assert.is(victim.connection.closed, null)

  const besideServer = plenum('verify', '--data', server.dataDir)
  assert.is(besideServer.status, 1)
  assert.match(besideServer.stderr, /"victim"/)
  assert.not.match(besideServer.stderr, /"neighbour"|"another"/)
  victim.connection.close()
  assert.equal(await server.stop(), { code: 0, signal: null })
  const alone = plenum('verify', '--data', server.dataDir)
  assert.is(alone.status, 1)
  assert.match(alone.stderr, /"victim"/)

  // Still so after a restart, and no byte of it is gone.
  await server.start()
  const again = await openSpace(server, 'victim')
  assert.is(again.ids.size, read)
  again.connection.close()
  for (const space of ['neighbour', 'another']) {
    const { ids, connection } = await openSpace(server, space)
    assert.ok(ids.has('after the damage'))
    connection.close()
  }
  await server.stop()
  return read
}

test('[F7] a row with a flipped byte: its space is read-only up to it, others go on, nothing is deleted', async () => {
  const path = databaseOf(server)
  const at = readFileSync(path).indexOf(marker('victim', 20))
  overwrite(path, at + 1, Buffer.from('V'))
  const before = storedRows().get('victim')!
  assert.is(await expectOnlyVictimSuffers(), 20)
  assert.equal(storedRows().get('victim'), before)
})

test('[F7] a page of noise: likewise', async () => {
  const path = databaseOf(server)
  const bytes = readFileSync(path)
  const pageBytes = bytes.readUInt16BE(16)
  const start = Math.floor(bytes.indexOf(marker('victim', 20)) / pageBytes) * pageBytes
  const page = bytes.subarray(start, start + pageBytes)
  for (const other of ['neighbour', 'another'])
    assert.not.ok(page.includes(`<${other} `), 'only the victim is hit')
  overwrite(path, start, Buffer.alloc(pageBytes, 0xa5))
  const before = storedRows().get('victim')!
  assert.ok(before.length > 0 && before.length < EDITS)
  const read = await expectOnlyVictimSuffers()
  assert.ok(read > 0 && read <= 20, `${read} edits were read`)
  assert.equal(storedRows().get('victim'), before)
  const after = readFileSync(path)
  const behind = Array.from({ length: EDITS }, (_, edit) => marker('victim', edit)).filter(
    text => bytes.includes(text) && !page.includes(text),
  )
  for (const text of behind) assert.ok(after.includes(text), `${text} is still in the file`)
})

interface Attempt {
  readonly code: number | null
  readonly stderr: string
}

const serve = async (dataDir: string, port: number): Promise<Attempt> => {
  const child = spawn(process.execPath, [MAIN, 'serve', '--port', String(port), '--data', dataDir], {
    stdio: ['ignore', 'ignore', 'pipe'],
    // Log lines are not what the person who starts it reads first.
    env: { ...process.env, PLENUM_LOG_LEVEL: 'silent' },
    timeout: 20_000,
  })
  const [stderr, [code]] = await Promise.all([textOf(child.stderr), once(child, 'exit')])
  return { code: code as number | null, stderr }
}

test('[F8] what cannot start says why in one line, exits with 1 and leaves everything as it was', {
  timeoutMs: 60_000,
}, async () => {
  const folder = temporaryFolder('start')
  const file = join(folder, 'file')
  writeFileSync(file, 'not a folder')
  const foreign = join(folder, 'foreign')
  mkdirSync(foreign)
  writeFileSync(join(foreign, 'plenum.sqlite'), 'not a database '.repeat(500))
  const torn = join(folder, 'torn')
  mkdirSync(torn)
  writeFileSync(join(torn, 'plenum.sqlite'), readFileSync(databaseOf(server)).fill(0xa5, 0, 4096))
  await server.start()
  const running = await openSpace(server, 'another')
  const free = await freePort()

  const cases: readonly [what: string, dataDir: string, port: number, line: RegExp][] = [
    ['a path below a file', join(file, 'data'), free, /is not a folder/],
    ['a file in place of the folder', file, free, /is not a folder/],
    ['a missing parent', join(folder, 'missing/data'), free, /parent folder does not exist/],
    ['a file that is no database', foreign, free, /is not a Plenum database/],
    ['a database whose first page is noise', torn, free, /is not a Plenum database/],
    [
      'a folder that a server holds',
      server.dataDir,
      free,
      new RegExp(`in use by another Plenum.*${server.pid}`),
    ],
    ['a port in use', join(folder, 'data'), server.port, /in use by another program/],
  ]
  for (const [what, dataDir, port, line] of cases) {
    const before = existsSync(join(dataDir, 'plenum.sqlite')) && readFileSync(join(dataDir, 'plenum.sqlite'))
    const { code, stderr } = await serve(dataDir, port)
    assert.is(code, 1, `${what}: ${stderr}`)
    assert.match(stderr, /^plenum: [^\n]+\n$/, what)
    assert.match(stderr, line, what)
    if (before === false || dataDir === server.dataDir) continue
    assert.ok(readFileSync(join(dataDir, 'plenum.sqlite')).equals(before), `${what}: the file was changed`)
  }
  assert.is(statSync(file).size, 'not a folder'.length)
  assert.not.ok(existsSync(join(folder, 'missing')))
  await expectWritable(running)
})
