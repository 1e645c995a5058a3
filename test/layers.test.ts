/** Imports point one way, nothing goes in circles, and only the shell touches the process. */
import { importCycle, missingTargets, wrongImports, wrongTouches } from './support/layers.js'
import { importsOf, readSources, type Sources } from './support/sources.js'
import { assert, suite } from './support/suite.js'

const test = suite('layers')
const sources = readSources()

const withFile = (path: string, source: string): Sources => new Map([...sources, [path, source]])

const isCaught = (path: string, source: string, check = wrongImports): void => {
  const found = check(new Map([[path, source]]))
  assert.is(found.length, 1, `${path}: ${source}: ${found.join('; ') || 'nothing found'}`)
}

const isFine = (path: string, source: string, check = wrongImports): void => {
  assert.equal(check(new Map([[path, source]])), [])
}

test('[L1] no source imports a layer that it may not', () => assert.equal(wrongImports(sources), []))

test('[L1] the check reads every form of import', () => {
  const forms = [
    `import { a } from '../server/a.js'`,
    `import a, { type B } from "../server/a.js"`,
    `import type { A } from '../server/a.js'`,
    `import * as a from '../server/a.js'`,
    `import {\n  a,\n  b,\n} from '../server/a.js'`,
    `import '../server/a.js'`,
    `export { a } from '../server/a.js'`,
    `export type { A } from '../server/a.js'`,
    `export * from '../server/a.js'`,
    `export * as a from '../server/a.js'`,
    `const { a } = await import('../server/a.js')`,
    `type A = import('../server/a.js').A`,
    `new Worker(new URL('../server/a.js', import.meta.url))`,
    `const quote = "it's"\nimport { a } from '../server/a.js'`,
    `const slashes = /[/'"]/g\nimport { a } from '../server/a.js'`,
    '/* a comment */ const t = `\n`\n' + `import { a } from '../server/a.js'`,
  ]
  for (const form of forms) {
    const found = importsOf('shared/x.ts', form, new Map())
    assert.equal(found, [{ specifier: '../server/a.js', target: 'server/a.ts' }], form)
  }
})

test('[L1] the check does not read comments and texts', () => {
  const forms = [
    `// import { a } from '../server/a.js'`,
    `/*\nimport { a } from '../server/a.js'\n*/`,
    'const t = `\nimport { a } from "../server/a.js"\n`',
    `const t = "import('../server/a.js')"`,
  ]
  for (const form of forms) assert.equal(importsOf('shared/x.ts', form, new Map()), [], form)
})

test('[L1] each wrong way is caught', () => {
  isCaught('shared/x.ts', `import { a } from '../server/space/a.js'`)
  isCaught('shared/x.ts', `import type { A } from '../client/a.js'`)
  isCaught('server/space/x.ts', `export { a } from '../storage/a.js'`)
  isCaught('server/space/x.ts', `import { a } from '../auth/a.js'`)
  isCaught('server/space/x.ts', `import { a } from '../transport/a.js'`)
  isCaught('server/space/x.ts', `import { a } from '../http/a.js'`)
  isCaught('server/space/x.ts', `import { a } from '../config.js'`)
  isCaught('server/space/x.ts', `import { a } from '../observability.js'`)
  isCaught('server/space/x.ts', `import { a } from './engine/a.js'`)
  isCaught('server/storage/x.ts', `import { a } from '../auth/a.js'`)
  isCaught('server/auth/x.ts', `import { a } from '../http/a.js'`)
  isCaught('server/transport/x.ts', `await import('../auth/a.js')`)
  isCaught('server/transport/x.ts', `import { a } from '../config.js'`)
  isCaught('server/http/x.ts', `import { a } from '../transport/a.js'`)
  isCaught('server/http/x.ts', `import { a } from '../create-service.js'`)
  isCaught('server/create-service.ts', `import { a } from './main.js'`)
  isCaught('server/create-service.ts', `import { a } from '../client/a.js'`)
  isCaught('server/main.ts', `import { a } from '../test/a.js'`)
  isCaught('server/main.ts', `import { a } from '../bench/a.js'`)
  isCaught('client/x.ts', `import { a } from '../server/space/a.js'`)
  isCaught('client/x.ts', `import { a } from './react/a.js'`)
  isCaught('client/channel.ts', `import { a } from './provider.js'`)
  isCaught('server/stray.ts', `export const a = 1`)
  isCaught('server/http/x.ts', `await import(somewhere)`)
})

test('[L1] the right ways are not', () => {
  isFine('server/transport/x.ts', `import { a } from '../space/a.js'\nimport { b } from '../../shared/b.js'`)
  isFine('server/create-service.ts', `import { a } from './http/a.js'\nimport { b } from './config.js'`)
  isFine('server/cli/x.ts', `import { a } from '../create-service.js'\nimport { b } from './b.js'`)
  isFine('client/react/x.tsx', `import { a } from '../provider.js'`)
  isFine('test/x.ts', `import { a } from '../server/main.js'\nawait import(file)`)
})

test('[L2] no import goes in a circle', () => assert.is(importCycle(sources), null))

test('[L2] a circle is found and told', () => {
  const circle = new Map([
    ['shared/a.ts', `import { b } from './b.js'`],
    ['shared/b.ts', `export const b = 1\nexport type { C } from './c.js'`],
    ['shared/c.ts', `import type { B } from './b.js'`],
  ])
  assert.equal(importCycle(circle), ['shared/b.ts', 'shared/c.ts', 'shared/b.ts'])
  assert.equal(importCycle(new Map([['shared/a.ts', `import './a.js'`]])), ['shared/a.ts', 'shared/a.ts'])
})

test('[L2] every relative import leads to a source', () => {
  assert.equal(missingTargets(sources), [])
  assert.is(missingTargets(withFile('shared/x.ts', `import './nowhere.js'`)).length, 1)
})

test('[L3] on the server only the engine imports Yjs', () => {
  isCaught('server/space/x.ts', `import * as Y from 'yjs'`)
  isCaught('server/storage/x.ts', `import type * as Y from 'yjs'`)
  isCaught('server/transport/x.ts', `import { a } from 'y-protocols/sync'`)
  isCaught('shared/x.ts', `import * as Y from 'yjs'`)
  isFine('server/space/engine/x.ts', `import * as Y from 'yjs'`)
  isFine('client/x.ts', `import * as Y from 'yjs'`)
})

test('[L4] only the shell touches the process, and only config reads the environment', () => {
  assert.equal(wrongTouches(sources), [])
  isCaught('server/create-service.ts', `process.on('SIGTERM', stop)`, wrongTouches)
  isCaught('server/http/x.ts', `const id = process.argv[2]`, wrongTouches)
  isCaught('server/storage/x.ts', `process.stdout.write('a')`, wrongTouches)
  isCaught('server/auth/x.ts', `console.error('a')`, wrongTouches)
  isCaught('server/main.ts', `const a = process.env.A`, wrongTouches)
  isFine('server/config.ts', `const a = process.env.A`, wrongTouches)
  isFine('server/main.ts', `process.on('SIGTERM', stop)\nconsole.log(process.argv)`, wrongTouches)
  isFine('server/observability.ts', `const a = process.memoryUsage()`, wrongTouches)
  isFine('server/http/x.ts', `// process.exit() ends it\nconst a = 'process.env'`, wrongTouches)
})

test('[L5] what is shared, the core and the client use nothing of Node', () => {
  isCaught('shared/x.ts', `import { a } from 'node:fs'`)
  isCaught('server/space/x.ts', `import { a } from 'node:crypto'`)
  isCaught('client/x.ts', `import { a } from 'node:events'`)
  isCaught('client/x.ts', `const a = process.pid`, wrongTouches)
  isFine('server/storage/x.ts', `import { a } from 'node:fs'`)
})
