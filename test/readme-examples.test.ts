/**
 * The examples of the README, taken from its text. Programs run in Node against the server that its first lines
 * start; pieces of programs run behind the first program; editors, which need a page, are compiled. What is in no
 * list here fails the test.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { readReadme } from '../bench/readme.js'
import { signToken } from '../server/auth/sign-token.js'
import { isCommandName } from '../server/cli/help.js'
import { API_ROUTES } from '../server/http/api/api-router.js'
import { mayDo, ROLES } from '../shared/roles.js'
import { type Example, examplesOf } from './support/readme-blocks.js'
import { freePort } from './support/server-process.js'
import { importsOf, root } from './support/sources.js'
import { assert, note, suite } from './support/suite.js'
import { temporaryFolder } from './support/temporary-folder.js'
import { until } from './support/until.js'

const test = suite('examples of the README')
const run = promisify(execFile)
const TIMEOUT_MS = 120_000
const SECRET = 'the secret of the examples of the README'

const readme = readReadme()
const examples = examplesOf(readme)

interface Piece {
  /** What runs behind it. */
  readonly after?: string
  /** What it prints, in any order. */
  readonly prints?: readonly string[]
  readonly role?: 'read' | 'write'
}

const SAVED = 'await provider.whenSaved()'

/** By heading and number: run behind the program of "Ten lines", whose `doc`, `provider` and `token` they use. */
const PIECES: Readonly<Record<string, Piece>> = {
  'From y-websocket 0': { after: 'console.log(WebsocketProvider === SpaceProvider)', prints: ['true'] },
  'From y-websocket 1': {
    after: `stock.on('sync', isSynced => console.log('synced', isSynced))`,
    prints: ['synced true'],
  },
  'Connect an editor 0': {
    after: `${SAVED}\nconsole.log(provider.awareness.getLocalState().user.name)`,
    prints: ['Ada'],
  },
  'Without an editor 0': {
    prints: ['tasks: {"paint":{"title":"Paint the fence","done":true}}', 'on disk'],
  },
  'Save state 0': { prints: ['Offline', 'Saving …', 'Saved'] },
  'Connection 0': {
    after: `${SAVED}\nprovider.authenticate('nonsense')\nprovider.disconnect()\nprovider.connect()`,
    prints: ['log in again:'],
  },
  'Connection 1': { after: SAVED, prints: ['by websocket'] },
  'Connection 2': {
    after: `stock.on('sync', isSynced => console.log('synced', isSynced))`,
    prints: ['synced true'],
  },
  'Who is here 0': { prints: ['ada (you): here since', 'active 0 min ago'] },
  'Who is here 1': {},
  'Signals 0': {},
  'Tokens that end 0': {},
  'Rejected edits 0': { role: 'read', prints: ['read_only', 'bytes kept'] },
  'A space that began anew 0': { after: `${SAVED}\nprovider.emit('conflict', [])` },
  'Offline 0': { prints: ['no copy is kept here:', 'there is no IndexedDB here'] },
  'Leaving the page 0': {},
  'Intentions 0': {
    prints: [
      'ada (proposed): Rewrite the introduction',
      'ada (done): Rewrite the introduction, and halve it',
    ],
  },
  'Without React 0': { prints: ['the room is connected', "{ theme: 'dark' }"] },
}

/** Whole programs, which end by themselves, and what each prints. */
const PROGRAMS: Readonly<Record<string, readonly string[]>> = {
  'What it promises 0': [],
  'By itself 0': ['http://127.0.0.1:', 'true'],
}

/** Run inside the application of the first of them, which ends as the last of them says. */
const APPLICATION = 'Inside your application 0'
const APPLICATION_END = 'The end 0'
const APPLICATION_PIECES: Readonly<Record<string, Required<Pick<Piece, 'after' | 'prints'>>>> = {
  'Inside your application 0': { after: '', prints: ['true'] },
  'What happens 0': {
    after: `
import { connectSpace } from 'plenum/client'
import { WebSocket } from 'ws'
import * as Y from 'yjs'
const url = 'http://127.0.0.1:' + server.address().port + '/collab'
const doc = new Y.Doc()
const ada = connectSpace({ url, space: 'demo', token: 'a1b2c3', doc, WebSocket })
await ada.whenSynced()
doc.getText('text').insert(0, 'hello')
await ada.whenSaved()
ada.close()
`,
    prints: ['Ada came to demo', 'demo is on disk up to 1, by ada', 'ada left demo'],
  },
  'Edits and questions of your own 0': {
    after: `console.log(members.length, presence.length, update.length)`,
    prints: ['on disk at 1', "{ tasks: { paint: 'the fence' } }", '0 0 2'],
  },
  'The end 0': { after: '', prints: [] },
}

/** Whole programs, which go on until they are ended, and what each prints. */
const ENDLESS: Readonly<Record<string, readonly string[]>> = {
  // Programs before it wrote into the same text, before or behind it.
  'The stream 0': ['the copy says ', 'hello'],
}

/** Lexical's type of a provider has fewer names than any y-websocket provider gives; the text says so. */
const TOO_NARROW = ['={providerFactory}', '={/** @type {any} */ (providerFactory)}'] as const

/** Compiled, against the types of those packages that are installed here; all but Monaco run in a browser, too. */
const EDITORS = ['CodeMirror', 'ProseMirror', 'Tiptap', 'Quill', 'Monaco', 'Lexical']

/** Compiled, too: components, the first of which are shown by a test of their own. */
const COMPONENTS = ['From React', 'Without a connection']
const COMPILED = [...EDITORS, ...COMPONENTS]

/** Read by people only: they need a machine of their own, or are an answer. */
const NOT_RUN = ['ini', 'nginx', 'caddy', 'cron', 'json']

/** Of commands: `run` as they stand; of the others only that what they name is there. */
const SHELL: Readonly<Record<string, 'run' | 'named'>> = {
  'Ten lines 0': 'run',
  'Run it 0': 'run',
  'Run it 1': 'run',
  'From curl 0': 'run',
  'From curl 1': 'run',
  'Intentions 0': 'named',
  'Figures 0': 'named',
  'Deploying 0': 'named',
  'For developers 0': 'named',
}

const nameOf = ({ heading, index }: Example): string => `${heading} ${index}`

const codeOf = (name: string, language = 'js'): string => {
  const found = examples.find(example => nameOf(example) === name && example.language === language)
  if (found === undefined) throw new Error(`the README has no example "${name}" (${language})`)
  return found.code
}

/** Below the root, so that `plenum/client` and the packages are found as an app would find them. */
let folder: string
let dataDir: string
let port: number
let server: ChildProcess | null = null
let printed = ''
const children = new Set<ChildProcess>()

const TOKEN = /eyJ[\w.-]{40,}/

/** The commands of "Ten lines", but for the installation; resolves when it serves and has printed a token. */
const start = async (): Promise<void> => {
  const commands = codeOf('Ten lines 0', 'sh').replace(/^npm ci\n/, '')
  printed = ''
  const env = { ...process.env, PLENUM_PORT: String(port), PLENUM_DATA: dataDir, PLENUM_SECRET: SECRET }
  server = spawn('bash', ['-ec', commands], { cwd: root, env, detached: true })
  server.stdout?.on('data', data => {
    printed += data
  })
  server.stderr?.resume()
  await until('the server has printed a token', () => TOKEN.test(printed), 20_000)
  await until('the server is ready', () => fetch(`http://127.0.0.1:${port}/readyz`).then(ok, no))
}

const ok = (response: Response): boolean => response.ok
const no = (): boolean => false

/** With all that it has started. */
const kill = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
  const exit = once(child, 'exit')
  process.kill(-child.pid, 'SIGKILL')
  await exit
}

test.before(
  async () => {
    folder = mkdtempSync(join(root, 'dist/examples-'))
    dataDir = temporaryFolder('examples')
    port = await freePort()
    await start()
  },
  { timeoutMs: TIMEOUT_MS },
)

test.after(async () => {
  await Promise.all([...children, server].map(child => child && kill(child)))
  rmSync(folder, { recursive: true, force: true })
})

const tokenFor = (user: string, role: 'read' | 'write' = 'write'): Promise<string> =>
  signToken({ secret: SECRET, user, spaces: { demo: role }, ttlMs: 600_000, nowMs: Date.now() })

/** Here instead of on the port of the text, with a token where the text has a gap. */
const located = (code: string, token: string, at = port): string =>
  code.replaceAll('127.0.0.1:1234', `127.0.0.1:${at}`).replaceAll("'…'", JSON.stringify(token))

/** Resolves with what it printed, once that is all that was expected; without an expectation, at its end. */
const runProgram = async (
  name: string,
  source: string,
  prints: readonly string[] | null,
): Promise<string> => {
  const file = join(folder, `${name.replaceAll(/\W+/g, '-')}.js`)
  writeFileSync(file, source)
  const child = spawn(process.execPath, [file], { detached: true })
  children.add(child)
  let output = ''
  let isClosed = false
  child.on('close', () => {
    isClosed = true
  })
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', data => {
      output += data
    })
  }
  const hasAll = (): boolean => (prints ?? []).every(text => output.includes(text))
  await until('it prints what it should', () => isClosed || (prints !== null && hasAll()), 20_000).catch(
    error => {
      throw new Error(`${name}: ${error.message}:\n${output}`)
    },
  )
  if (isClosed) assert.is(child.exitCode, 0, output)
  assert.ok(hasAll(), `${name} prints:\n${output}`)
  await kill(child)
  return output
}

/** What a page has and Node may lack, and a backend that gives tokens. */
const page = (token: string): string => `
globalThis.WebSocket ??= WebSocket
globalThis.addEventListener ??= () => {}
globalThis.removeEventListener ??= () => {}
globalThis.fetch = async () => new Response(${JSON.stringify(token)})
`

test('[I5] every example is run, compiled or named as neither', () => {
  const known = examples.map(example => {
    const { heading, language } = example
    const name = nameOf(example)
    if (language === 'sh') return name in SHELL
    if (language === 'js' || language === 'jsx') {
      const isRun = [PIECES, PROGRAMS, ENDLESS, APPLICATION_PIECES].some(run => name in run)
      return name === 'Ten lines 0' || isRun || COMPILED.includes(heading)
    }
    return NOT_RUN.includes(language)
  })
  assert.equal(
    examples
      .filter((_, at) => !known[at])
      .map(({ language, ...example }) => `${nameOf(example as Example)}: ${language}`),
    [],
  )
  const expected = [PIECES, PROGRAMS, ENDLESS, APPLICATION_PIECES].flatMap(run => Object.keys(run))
  const there = new Set(examples.map(nameOf))
  assert.equal(
    expected.filter(name => !there.has(name)),
    [],
  )
})

test('[I5] the ten lines run as they stand, and what is saved outlives the server', {
  timeoutMs: TIMEOUT_MS,
}, async () => {
  // The token that the text means: the one that was printed.
  const [token = ''] = TOKEN.exec(printed) ?? []
  const program = located(codeOf('Ten lines 0'), token)
  await runProgram('ten lines', program, ['saved\n', 'hello \n'])
  await kill(server as ChildProcess)
  await start()
  await runProgram('ten lines again', program, ['saved\n', 'hello hello \n'])
})

test('[I5] each piece runs behind them', { timeoutMs: TIMEOUT_MS }, async () => {
  for (const [name, { after = '', prints, role = 'write' }] of Object.entries(PIECES)) {
    const token = await tokenFor('ada', role)
    const program = [codeOf('Ten lines 0'), page(token), codeOf(name), after].join('\n')
    const isLast = prints === undefined
    const source = `${located(program, token)}${isLast ? `\nconsole.log('reached the end')` : ''}`
    await runProgram(name, source, prints ?? ['reached the end'])
  }
})

test('[I5] each program runs and ends', { timeoutMs: TIMEOUT_MS }, async () => {
  for (const [name, prints] of Object.entries(PROGRAMS)) {
    const isServer = codeOf(name).includes('plenum/server')
    const token = await tokenFor('ada')
    const moved = isServer
      ? located(codeOf(name), token)
          .replace('port: 1234', 'port: 0')
          .replace('./data', temporaryFolder('embedded'))
      : located(codeOf(name), token)
    const output = await runProgram(name, moved, null)
    for (const text of prints) assert.ok(output.includes(text), output)
  }
})

test('[I5] an application runs with each piece, and ends', { timeoutMs: TIMEOUT_MS }, async () => {
  const application = codeOf(APPLICATION)
  const end = codeOf(APPLICATION_END)
  assert.not.match(application, 'close')
  for (const [name, { after, prints }] of Object.entries(APPLICATION_PIECES)) {
    const piece = name === APPLICATION || name === APPLICATION_END ? '' : codeOf(name)
    const program = [application, piece, after, end]
      .join('\n')
      .replace('listen(3000', 'listen(0')
      .replace('./data', temporaryFolder('application'))
    const output = await runProgram(`application ${name}`, program, null)
    for (const text of [...prints, 'true']) assert.ok(output.includes(text), `${name}: ${text}:\n${output}`)
  }
})

test('[I5] the commands run, the server first', { timeoutMs: TIMEOUT_MS }, async () => {
  const place = temporaryFolder('commands')
  const at = await freePort()
  const commands = (index: number): string =>
    codeOf(`Run it ${index}`, 'sh').replaceAll('./', `${place}/`).replaceAll('1234', String(at))
  // npx meets this clone for the first time.
  const env = { ...process.env, npm_config_cache: join(place, 'npm') }
  const builtAt = (): number => statSync(join(root, 'dist/server/main.js')).mtimeMs
  const builtMs = builtAt()
  const serving = spawn('bash', ['-ec', commands(0)], { cwd: root, env, detached: true, stdio: 'ignore' })
  children.add(serving)
  await until('it serves', () => fetch(`http://127.0.0.1:${at}/readyz`).then(ok, no), 20_000)
  const { stdout } = await run('bash', ['-ec', commands(1)], { cwd: root, env })
  assert.is(builtAt(), builtMs, 'what a server runs from stays as it is')
  assert.match(stdout, TOKEN)
  assert.ok(existsSync(join(place, 'backup.sqlite')), stdout)
  // As Ctrl+C does it.
  process.kill(-(serving.pid as number), 'SIGINT')
  await once(serving, 'exit')
})

test('[I5] what curl asks is answered, and the stream runs', { timeoutMs: TIMEOUT_MS }, async () => {
  const place = temporaryFolder('curl')
  const commands = (index: number): string =>
    codeOf(`From curl ${index}`, 'sh')
      .replaceAll('./data', dataDir)
      .replaceAll('127.0.0.1:1234', `127.0.0.1:${port}`)
      .replaceAll('demo.yjs', join(place, 'demo.yjs'))
  const env = { ...process.env, PLENUM_SECRET: SECRET }
  const { stdout } = await run('bash', ['-ec', commands(0)], { cwd: root, env })
  for (const text of ['"content":{"text":', '"stateVector":', '"position":']) {
    assert.ok(stdout.includes(text), `${text} in ${stdout}`)
  }
  const watching = spawn('bash', ['-ec', `${commands(0)} ${commands(1)}`], { cwd: root, env, detached: true })
  children.add(watching)
  let told = ''
  watching.stdout.on('data', data => {
    told += data
  })
  await until('the stream tells who is here', () => told.includes('event: members\n'), 60_000)
  await kill(watching)
})

test('[I5] programs that go on do what they say', { timeoutMs: TIMEOUT_MS }, async () => {
  for (const [name, prints] of Object.entries(ENDLESS)) {
    // Something is there to be seen, whatever ran before.
    const token = await tokenFor('ada')
    await runProgram('something to see', located(codeOf('Ten lines 0'), token), ['saved\n'])
    await runProgram(name, located(codeOf(name), token), prints)
  }
})

test('[X40] the README has every route of the API, with the least role that may use it', () => {
  const rows = [...readme.matchAll(/^\| `(GET|PUT|POST|DELETE) (\/[^`]*)` \| ([^|]*) \|/gm)]
  const told = rows.map(([, method, path, role]) => `${method} ${path} ${role}`)
  const wanted = API_ROUTES.map(({ spec: { method, path, lock } }) => {
    const role = lock.type === 'open' ? 'none' : `\`${ROLES.find(each => mayDo(each, lock.needs))}\``
    const isEverywhere = lock.type === 'scope' && lock.isEverywhere
    const route = `${method.toUpperCase()} ${path.replaceAll(/:(\w+)/g, '{$1}')}`
    return `${route} ${role}${isEverywhere ? ' of `**`' : ''}`
  })
  assert.equal(told.toSorted(), wanted.toSorted())
})

test('[I5] commands that are not run here name what is there', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  for (const { language, code } of examples) {
    if (language !== 'sh') continue
    for (const [, script = ''] of code.matchAll(/^npm run ([\w:-]+)/gm)) assert.ok(script in scripts, script)
    for (const [, command = ''] of code.matchAll(/^npx plenum (\w+)/gm))
      assert.ok(isCommandName(command), command)
  }
  note(`not run: docker, ${NOT_RUN.join(', ')}`)
})

test('[I5] the editors and components compile', { timeoutMs: TIMEOUT_MS }, async () => {
  const editors = join(folder, 'editors')
  mkdirSync(editors)
  const missing = new Set<string>()
  const { resolve } = createRequire(import.meta.url)
  for (const { heading, language, code, index } of examples) {
    if (!COMPILED.includes(heading)) continue
    writeFileSync(join(editors, `${heading} ${index}.${language}`), code.replace(...TOO_NARROW))
    for (const { specifier } of importsOf(heading, code, new Map())) {
      try {
        if (!specifier.startsWith('plenum/')) resolve(specifier)
      } catch {
        missing.add(specifier)
      }
    }
  }
  writeFileSync(
    join(editors, 'page.d.ts'),
    `import type { SpaceProvider } from 'plenum/client'
     import type * as Y from 'yjs'
     declare global {
       const doc: Y.Doc
       const provider: SpaceProvider
       const token: string
     }`,
  )
  // Their names can be anything; what is checked is the syntax, and what of ours is given to them.
  writeFileSync(
    join(editors, 'missing.d.ts'),
    [...missing].map(name => `declare module '${name}'\n`).join(''),
  )
  writeFileSync(
    join(editors, 'tsconfig.json'),
    JSON.stringify({
      compilerOptions: {
        allowJs: true,
        checkJs: true,
        noEmit: true,
        strict: false,
        jsx: 'react-jsx',
        target: 'es2023',
        lib: ['es2023', 'dom'],
        module: 'esnext',
        moduleResolution: 'bundler',
        types: [],
        skipLibCheck: true,
      },
    }),
  )
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  const result = await run(process.execPath, [compiler, '-p', editors]).catch(error => error)
  assert.is(result.stdout, '')
  note(
    `the types of these are not here, so that only the syntax around them is checked: ${[...missing].join(', ')}`,
  )
})

test('[I5] what the README links to in this project is there', () => {
  const targets = [...readme.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, target]) => target as string)
  assert.ok(targets.length > 0)
  assert.equal(
    targets.filter(target => !existsSync(join(root, target))),
    [],
  )
})
