/** What is published: the right files, usable by whoever installs them, and a client that is a client only. */
import { execFile } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { builtinModules } from 'node:module'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { bundle, gzippedBytes } from '../bench/bundle.js'
import { importsOf, root } from './support/sources.js'
import { assert, suite } from './support/suite.js'
import { temporaryFolder } from './support/temporary-folder.js'

const test = suite('package')
const run = promisify(execFile)
const TIMEOUT_MS = 60_000

interface Manifest {
  readonly bin: Readonly<Record<string, string>>
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>
  readonly dependencies: Readonly<Record<string, string>>
  readonly peerDependencies: Readonly<Record<string, string>>
}

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest

/** A folder in which the packed package is installed beside what it depends on, as a registry would have it. */
let app: string
let packed: readonly string[]

test.before(
  async () => {
    app = temporaryFolder('app')
    const args = ['pack', '--ignore-scripts', '--json', '--pack-destination', app]
    const { stdout } = await run('npm', args, { cwd: root })
    const [{ filename, files }] = JSON.parse(stdout) as [{ filename: string; files: { path: string }[] }]
    packed = files.map(({ path }) => path)
    const modules = join(app, 'node_modules')
    mkdirSync(join(modules, '@types'), { recursive: true })
    await run('tar', ['-xzf', join(app, filename), '-C', modules])
    renameSync(join(modules, 'package'), join(modules, 'plenum'))
    // The whole tree of dependencies hangs on these links; nothing that only we develop with is among them.
    const { dependencies, peerDependencies } = manifest
    for (const name of [...Object.keys(dependencies), ...Object.keys(peerDependencies)]) link(name)
    for (const name of ['@types/node', '@types/react', 'csstype']) link(name)
    writeFileSync(join(app, 'package.json'), JSON.stringify({ name: 'app', type: 'module' }))
  },
  { timeoutMs: TIMEOUT_MS },
)

const link = (name: string): void =>
  symlinkSync(join(root, 'node_modules', name), join(app, 'node_modules', name))

const runInApp = async (source: string): Promise<string> => {
  writeFileSync(join(app, 'program.js'), source)
  return (await run(process.execPath, ['program.js'], { cwd: app })).stdout
}

test('[I1] the package holds what is exported and nothing that only we need', () => {
  const targets = Object.values(manifest.exports).flatMap(target =>
    typeof target === 'string' ? [target] : [target.types, target.default],
  )
  for (const target of [...targets, ...Object.values(manifest.bin)]) {
    assert.ok(packed.includes(target.replace('./', '')), `${target} is packed`)
  }
  for (const name of ['README.md', 'LICENSE', 'CHANGELOG.md', 'SPEC.md']) {
    assert.ok(packed.includes(name), `${name} is packed`)
  }
  const isOurs = (path: string): boolean =>
    /^dist\/(server|client|shared|demo)\/|^dist\/plenum-client\.js$|^[A-Z]+(\.md)?$|^package\.json$/.test(
      path,
    )
  assert.equal(
    packed.filter(path => !isOurs(path) || path.startsWith('dist/client/demo/') || /\.test\./.test(path)),
    [],
  )
})

test('[I1] every compiled source of the server, the client and what they share is packed', () => {
  for (const folder of ['server', 'client', 'shared']) {
    for (const name of readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })) {
      if (!/\.tsx?$/.test(name) || name.endsWith('.d.ts') || `${folder}/${name}`.startsWith('client/demo/'))
        continue
      const compiled = `dist/${folder}/${name.replace(/\.tsx?$/, '')}`
      for (const suffix of ['.js', '.d.ts']) {
        assert.ok(packed.includes(compiled + suffix), `${compiled}${suffix} is packed`)
      }
    }
  }
})

test('[I2] an installed package runs: both sides, and the command', { timeoutMs: TIMEOUT_MS }, async () => {
  const names = await runInApp(`
    import { createService, signToken } from 'plenum/server'
    import { SpaceProvider, connectSpace, warnBeforeUnload } from 'plenum/client'
    import { SpaceRoom, useStateSync } from 'plenum/react'
    console.log([createService, signToken, SpaceProvider, connectSpace, warnBeforeUnload, SpaceRoom, useStateSync].map(value => typeof value).join())
  `)
  assert.is(names.trim(), Array(7).fill('function').join())
  const command = join(app, 'node_modules/plenum', manifest.bin.plenum as string)
  const { stdout } = await run(process.execPath, [command, '--version'], { cwd: app })
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
  assert.is(stdout.trim(), version)
})

test('[I2] nothing that is not exported can be imported', async () => {
  const codes = await runInApp(`
    for (const name of ['plenum', 'plenum/dist/server/main.js', 'plenum/shared/errors.js']) {
      console.log(await import(name).then(() => 'imported', ({ code }) => code))
    }
  `)
  assert.equal(codes.trim().split('\n'), Array(3).fill('ERR_PACKAGE_PATH_NOT_EXPORTED'))
})

for (const moduleResolution of ['nodenext', 'bundler']) {
  test(`[I2] its types hold for a strict program, resolved as by ${moduleResolution}`, {
    timeoutMs: TIMEOUT_MS,
  }, async () => {
    writeFileSync(
      join(app, 'program.ts'),
      `
      import * as Y from 'yjs'
      import { type ConnectionState, type SaveState, SpaceProvider } from 'plenum/client'
      import { SpaceRoom, useMembers, usePresence, useSharedMap } from 'plenum/react'
      import { createService, type Service } from 'plenum/server'

      const room = SpaceRoom({ url: 'https://example.org', space: 'demo', token: () => 'a', children: null })
      const names: string[] = useMembers(members => members.map(({ name }) => name))
      const first: number | undefined = usePresence()[0]?.clientId
      const [settings, map] = useSharedMap<string>('settings')
      map.set('theme', settings.theme ?? 'dark')
      const [theme] = useSharedMap<string, string | undefined>('settings', ({ theme }) => theme)
      // @ts-expect-error a room is of a space
      SpaceRoom({ url: 'https://example.org' })
      export { first, names, room, theme }
      const provider = new SpaceProvider('wss://example.org/sync', 'demo', new Y.Doc(), { token: async () => 'a' })
      const state: SaveState = provider.saveState
      provider.on('connection', (connection: ConnectionState) => connection.state)
      provider.on('status', ({ status }) => status.length)
      // @ts-expect-error there is no such event
      provider.on('nonsense', () => {})
      const service: Service = createService({ config: { port: 0 } })
      export { service, state }
      `,
    )
    const flags = ['--noEmit', '--strict', '--target', 'es2023', '--lib', 'es2023,dom', '--types', 'node']
    const module = moduleResolution === 'nodenext' ? 'nodenext' : 'esnext'
    const args = [...flags, '--module', module, '--moduleResolution', moduleResolution, 'program.ts']
    const compiler = join(root, 'node_modules/typescript/bin/tsc')
    const result = await run(process.execPath, [compiler, ...args], { cwd: app }).catch(error => error)
    assert.is(result.stdout, '')
  })
}

/** Every module that importing this file loads, now or later: ours by path, packages by name. */
const graphOf = (entry: string, found = new Set<string>()): ReadonlySet<string> => {
  if (found.has(entry)) return found
  found.add(entry)
  const source = readFileSync(join(root, entry), 'utf8')
  for (const { specifier } of importsOf(entry, source, new Map())) {
    if (specifier.startsWith('.')) graphOf(join(entry, '..', specifier), found)
    else found.add(specifier)
  }
  return found
}

test('[I3] the client is made of the client, what both sides share, and the Yjs family', () => {
  const entry = (manifest.exports['./client'] as { default: string }).default.replace('./', '')
  const graph = [...graphOf(entry)]
  assert.ok(graph.length > 20, 'the graph was read')
  const family = /^(yjs|y-websocket|y-protocols|y-indexeddb|lib0)(\/|$)/
  const foreign = graph.filter(module => !/^dist\/(client|shared)\//.test(module) && !family.test(module))
  assert.equal(foreign, [])
})

test('[J13] plenum/react brings the client and asks for React, and the client does not know of React', () => {
  const entryOf = (name: string): string =>
    (manifest.exports[name] as { default: string }).default.replace('./', '')
  const foreign = [...graphOf(entryOf('./react'))].filter(module => !/^dist\/(client|shared)\//.test(module))
  const client = [...graphOf(entryOf('./client'))]
  assert.equal(
    foreign.filter(module => !client.includes(module)),
    ['react'],
  )
  assert.equal(
    client.filter(module => /react/.test(module)),
    [],
  )
  assert.not.match(readFileSync(join(root, 'dist/plenum-client.js'), 'utf8'), 'useSyncExternalStore')
})

test('[I3] bundled for a page, the client needs nothing of Node and nothing that is not in the bundle', async () => {
  const { code, lazyCode } = await bundle(`export * from 'plenum/client'`)
  const all = code + lazyCode
  for (const name of builtinModules) assert.not.match(all, `"node:${name}"`)
  assert.not.match(all, /__vite-browser-external|__commonJS|better-sqlite3/)
  // Chunks import each other by relative paths only.
  assert.not.match(all, /\bfrom\s*"(?!\.)/)
})

test('[I4] what is not used is left out of a page', async () => {
  const { code, lazyCode } = await bundle(
    `import { PlenumError } from 'plenum/client'\nglobalThis.e = PlenumError`,
  )
  assert.is(lazyCode, '')
  assert.ok(gzippedBytes(code) < 2_500, `${gzippedBytes(code)} bytes for an error class`)
})

test('[I4] the single file for pages without a bundler imports nothing', () => {
  const file = join(root, 'dist/plenum-client.js')
  assert.ok(existsSync(file))
  assert.equal(importsOf('dist/plenum-client.js', readFileSync(file, 'utf8'), new Map()), [])
})
