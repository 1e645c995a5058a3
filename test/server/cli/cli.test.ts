/** The program as a user runs it: spawned, with its streams, exit codes and signals. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import * as Y from 'yjs'
import { createJwtGate } from '../../../server/auth/jwt-gate.js'
import { tieToThisProcess } from '../../support/lifeline.js'
import { openPlainClient, type PlainClient } from '../../support/plain-client.js'
import { type ServerProcess, startServer } from '../../support/server-process.js'
import { assert, suite } from '../../support/suite.js'
import { temporaryFolder } from '../../support/temporary-folder.js'
import { until } from '../../support/until.js'

const test = suite('cli')

const MAIN = resolve(import.meta.dirname, '../../../server/main.js')
const SECRET = 'a secret of the tests, long enough to be one'

interface Outcome {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

const children: ChildProcess[] = []
const servers: ServerProcess[] = []

test.after.each(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  await Promise.all(servers.splice(0).map(server => server.dispose()))
})

/** Spawned with an environment without settings of ours, in a folder of its own. */
const spawnPlenum = (args: readonly string[], env: Record<string, string> = {}): ChildProcess => {
  const inherited = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('PLENUM_')),
  )
  const child = spawn(process.execPath, [MAIN, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...inherited, ...env },
    cwd: temporaryFolder('cwd'),
  })
  tieToThisProcess(child)
  children.push(child)
  return child
}

const plenum = async (args: readonly string[], env: Record<string, string> = {}): Promise<Outcome> => {
  const child = spawnPlenum(args, env)
  let out = ''
  let err = ''
  child.stdout?.on('data', chunk => {
    out += chunk
  })
  child.stderr?.on('data', chunk => {
    err += chunk
  })
  const [code] = await once(child, 'close')
  return { code, out, err }
}

const serve = async (...flags: string[]): Promise<ServerProcess> => {
  const server = await startServer({ flags })
  servers.push(server)
  return server
}

/** Log lines are JSON; what is left is meant for a person. */
const spoken = (text: string): string[] =>
  text.split('\n').filter(line => line !== '' && !line.startsWith('{'))

const isMistake = (
  { code, out, err }: Outcome,
  expected: { readonly code: number; readonly says: RegExp | string },
): void => {
  assert.is(code, expected.code, err)
  assert.is(out, '')
  assert.is(spoken(err).length, 1, err)
  assert.match(spoken(err)[0]!, /^plenum: \S/)
  assert.match(spoken(err)[0]!, expected.says)
  assert.not.match(err, '    at ')
}

const WRONG_COMMAND_LINES: readonly (readonly [args: readonly string[], says: RegExp | string])[] = [
  [[], 'which command'],
  [['sevre'], 'no command "sevre"'],
  [['serve', '--prot', '1'], "unknown option '--prot'"],
  [['serve', '--port'], '--port'],
  [['serve', '--port', 'http'], '--port must be'],
  [['serve', '--port', '-1'], '--port'],
  [['serve', 'extra'], 'unexpected argument "extra"'],
  [['serve', '--secret', 'x'], "unknown option '--secret'"],
  [['token'], '--user is missing'],
  [['token', '--user', 'u', '--space', 's', '--role', 'owner'], '--role must be one of read, write, admin'],
  [['token', '--user', 'u', '--space', 'a//b', '--role', 'read'], '--space must be'],
  [['token', '--user', 'u', '--space', 's', '--role', 'read', '--ttl', 'soon'], '--ttl must be'],
  [['token', '--user', '', '--space', 's', '--role', 'read'], '--user must have'],
  [['backup'], 'FILE is missing'],
  [['restore', 'a', 'b'], 'unexpected argument "b"'],
]

test('[O6] a wrong command line is one line and exit code 2', async () => {
  // Two at a time: each is a process that mostly starts.
  for (let i = 0; i < WRONG_COMMAND_LINES.length; i += 2) {
    await Promise.all(
      WRONG_COMMAND_LINES.slice(i, i + 2).map(async ([args, says]) =>
        isMistake(await plenum(args), { code: 2, says }),
      ),
    )
  }
})

test('[O6] every bad setting is a line of its own', async () => {
  const { code, err } = await plenum(['serve', '--port', 'x', '--heartbeat', 'y'], { PLENUM_SECRET: ' ' })

  assert.is(code, 2)
  assert.equal(
    spoken(err).map(line => line.split(' ')[1]),
    ['--port', 'PLENUM_SECRET', '--heartbeat'],
  )
  assert.not.match(err, '    at ')
})

test('[O6] a port in use is one line, and the folder stays free', async () => {
  const holder = createServer().listen(0, '127.0.0.1')
  await once(holder, 'listening')
  const port = String((holder.address() as AddressInfo).port)
  const dataDir = temporaryFolder('cli')

  const outcome = await plenum(['serve', '--port', port, '--data', dataDir])

  holder.close()
  isMistake(outcome, { code: 1, says: `127.0.0.1:${port} is in use` })
  assert.is((await plenum(['verify', '--data', dataDir])).code, 0)
})

test('[O6] an address that is not ours is one line', async () => {
  isMistake(await plenum(['serve', '--host', '192.0.2.1', '--port', '0']), { code: 1, says: '--host' })
})

test('[O6] a folder that cannot be used is one line', async () => {
  const folder = temporaryFolder('cli')
  writeFileSync(join(folder, 'file'), 'x')
  mkdirSync(join(folder, 'foreign'))
  writeFileSync(join(folder, 'foreign', 'plenum.sqlite'), 'this is not a database, whatever its name says')

  for (const [dataDir, says] of [
    [join(folder, 'file'), 'is not a folder'],
    [join(folder, 'file', 'below'), 'is not a folder'],
    [join(folder, 'a', 'b'), 'parent folder does not exist'],
    [join(folder, 'foreign'), 'foreign'],
  ] as const) {
    isMistake(await plenum(['serve', '--port', '0', '--data', dataDir]), { code: 1, says })
  }
  for (const command of ['verify', 'compact'] as const) {
    const dataDir = join(folder, 'missing')
    isMistake(await plenum([command, '--data', dataDir]), { code: 1, says: 'not a Plenum data folder' })
  }
  const token = ['token', '--user', 'u', '--space', 's', '--role', 'read', '--data', join(folder, 'a', 'b')]
  isMistake(await plenum(token), { code: 1, says: 'no such file or folder' })
})

test('[O6] a folder that another server holds is one line that names it', async () => {
  const server = await serve()

  const outcome = await plenum(['serve', '--port', '0', '--data', server.dataDir])

  isMistake(outcome, { code: 1, says: `pid ${server.pid}` })
})

test('[O6] help and version are answers', async () => {
  const { version } = JSON.parse(readFileSync(resolve(MAIN, '../../../package.json'), 'utf8'))

  const answers = await Promise.all([plenum(['--version']), plenum(['--help']), plenum(['serve', '--help'])])

  assert.ok(answers.every(({ code, err }) => code === 0 && err === ''))
  assert.is(answers[0].out, `${version}\n`)
  assert.match(answers[1].out, /serve.*\n.*start.*\n.*token/)
  assert.match(answers[2].out, '--heartbeat')
})

test('[O6] the program can be run as a file', () => {
  accessSync(MAIN, constants.X_OK)
  assert.match(readFileSync(MAIN, 'utf8'), /^#!\/usr\/bin\/env node\n/)
})

test('[O7] a token on standard output is all there is, and the secret is the given one', async () => {
  const { code, out, err } = await plenum(
    ['token', '--user', 'Ünï', '--name', 'U', '--space', 'team/**', '--role', 'read', '--ttl', '90s'],
    { PLENUM_SECRET: SECRET },
  )

  assert.equal([code, err], [0, ''])
  assert.match(out, /^[\w-]+\.[\w-]+\.[\w-]+\n$/)
  const gate = createJwtGate({ secret: SECRET, now: () => Date.now() })
  const { user, name, grants, expiresAtMs } = await gate.authenticate(out.trim())
  assert.equal([user, name, [...grants]], ['Ünï', 'U', [['team/**', 'read']]])
  assert.ok(Math.abs(expiresAtMs - Date.now() - 90_000) < 5_000)
})

test('[O7] without a given secret, tokens and server share the one in the folder, whoever comes first', async () => {
  const dataDir = join(temporaryFolder('cli'), 'data')
  const args = ['token', '--user', 'u', '--space', 'demo', '--role', 'write', '--data', dataDir]

  const first = await plenum(args)
  const second = await plenum(args)
  const server = await startServer({ dataDir, env: { PLENUM_SECRET: '' } })
  servers.push(server)

  assert.is(spoken(first.err).length, 1)
  assert.is(second.err, '')
  assert.is(statSync(join(dataDir, 'secret')).mode & 0o777, 0o600)
  for (const { out } of [first, second]) {
    await (await openPlainClient(`${server.syncUrl}/demo`, out.trim())).message('welcome')
  }
})

test('[O7] what start prints connects as it says', async () => {
  const child = spawnPlenum(['start', '--port', '0'])
  const lines: string[] = []
  createInterface({ input: child.stdout! }).on('line', line => lines.push(line))
  const address = await until('the address is printed', () =>
    lines.find(line => line.trim().startsWith('ws://')),
  )
  const { origin, pathname, searchParams } = new URL(address.trim())

  const client = await openPlainClient(`${origin}${pathname}`, searchParams.get('token') ?? '')

  assert.is((await client.message('welcome')).role, 'write')
  child.kill('SIGTERM')
  assert.is((await client.closed).code, 4503)
  assert.equal(await once(child, 'exit'), [0, null])
})

const update = (text: string): Uint8Array => {
  const doc = new Y.Doc()
  doc.getText('text').insert(0, text)
  return Y.encodeStateAsUpdate(doc)
}

const joined = async (server: ServerProcess): Promise<PlainClient> => {
  const client = await openPlainClient(`${server.syncUrl}/demo`, await server.token('ann'))
  await client.message('welcome')
  return client
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`[O8] ${signal} saves, says goodbye and exits with 0`, async () => {
    const server = await serve()
    const client = await joined(server)
    client.send({ type: 'update', update: update('hello') })

    process.kill(server.pid, signal)

    assert.equal(await server.exit, { code: 0, signal: null })
    await client.message('saved', ({ count }) => count === 1)
    assert.is((await client.closed).code, 4503)
  })
}

test('[O8] where something could not be saved the exit code says so, and one line says where', async () => {
  const server = await startServer({
    flags: ['--drain-deadline', '300ms'],
    env: { PLENUM_FAILPOINTS: 'append:before-commit=throw' },
  })
  servers.push(server)
  const client = await joined(server)
  client.send({ type: 'update', update: update('lost') })
  await until('it is degraded', async () => (await fetch(`${server.url}/readyz`)).status === 503)

  process.kill(server.pid, 'SIGTERM')

  assert.equal(await server.exit, { code: 1, signal: null })
  await until('it is told', () =>
    server.log.some(line => /^plenum: \d+ bytes .* not be saved, in demo$/.test(line)),
  )
})

test('[O8] a second signal ends it at once', async () => {
  const server = await startServer({
    flags: ['--drain-deadline', '1h'],
    env: { PLENUM_FAILPOINTS: 'append:before-commit=throw' },
  })
  servers.push(server)
  const client = await joined(server)
  client.send({ type: 'update', update: update('lost') })
  await until('it is degraded', async () => (await fetch(`${server.url}/readyz`)).status === 503)

  process.kill(server.pid, 'SIGTERM')
  await client.message('notice', ({ kind }) => kind === 'draining')
  process.kill(server.pid, 'SIGTERM')

  assert.equal(await server.exit, { code: 143, signal: null })
})

test('[O11] verify, compact and backup work beside a running server, and restore refuses to', async () => {
  const server = await serve()
  const client = await joined(server)
  client.send({ type: 'update', update: update('hello') })
  await client.message('saved', ({ count }) => count === 1)
  const data = ['--data', server.dataDir]
  const copy = join(temporaryFolder('backup'), 'copy.sqlite')

  assert.match((await plenum(['verify', ...data])).out, '1 space, 1 log row, 0 snapshots: all is well')
  assert.match((await plenum(['compact', ...data])).out, '1 space compacted')
  assert.is((await plenum(['backup', copy, ...data])).code, 0)
  isMistake(await plenum(['backup', copy, ...data]), { code: 1, says: 'exists already' })
  isMistake(await plenum(['restore', copy, ...data]), { code: 1, says: 'in use' })
})

test('[O11] a backup is restored into another folder and served from there', async () => {
  const server = await serve()
  const client = await joined(server)
  client.send({ type: 'update', update: update('hello') })
  await client.message('saved', ({ count }) => count === 1)
  await server.stop()
  const folder = temporaryFolder('backup')
  const copy = join(folder, 'copy.sqlite')

  assert.is((await plenum(['backup', copy, '--data', server.dataDir])).code, 0)
  const restored = await plenum(['restore', copy, '--rollback', '--data', join(folder, 'data')])
  assert.is(restored.code, 0, restored.err)
  const other = await startServer({ dataDir: join(folder, 'data') })
  servers.push(other)
  const reader = await joined(other)
  reader.send({ type: 'step1', stateVector: Y.encodeStateVector(new Y.Doc()) })
  const doc = new Y.Doc()
  Y.applyUpdate(doc, (await reader.message('step2')).update)

  assert.is(doc.getText('text').toString(), 'hello')
  isMistake(await plenum(['restore', join(folder, 'none'), '--data', join(folder, 'data2')]), {
    code: 1,
    says: 'there is no backup',
  })
})
