/** Rendering on a server, with React 18 and 19: nothing is opened, and no browser is needed. */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'vite'
import { noReact, REACTS, reactAliases } from '../../support/react-pages.js'
import { root } from '../../support/sources.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('rendering on a server')
const run = promisify(execFile)

const PROGRAM = `
import { createElement as h, version } from 'react'
import { renderToString } from 'react-dom/server'
import { SpaceRoom, useConnection, useIntentionsWithFallback, useMembers, usePresenceWithFallback, useSaveState, useSelf, useSpace } from 'plenum/react'

const Waiting = () => {
  const { source, stale, ageMs } = usePresenceWithFallback()
  return [useConnection().state, useSaveState(), useMembers().length, useSelf(), source, stale, ageMs,
    useIntentionsWithFallback().intentions.length].map(String).join()
}
const Editor = () => useSpace().doc.guid
const room = (fallback, more = {}) =>
  renderToString(h(SpaceRoom, { url: 'https://host', space: 'demo', token: 'nonsense', fallback, ...more }, h(Editor)))
const failing = child => {
  try {
    return renderToString(child)
  } catch (error) {
    return error.message
  }
}

console.log(JSON.stringify({
  version,
  window: typeof window,
  empty: room(undefined),
  fallback: room(h('p', null, 'Opening …')),
  hooks: room(h(Waiting)),
  asked: room(undefined, { token: () => { throw new Error('asked for a token') } }),
  outside: failing(h(Waiting)),
  inFallback: failing(h(SpaceRoom, { url: 'https://host', space: 'demo', fallback: h(Editor) })),
}))
`

const bundled = async (folder: string, version: (typeof REACTS)[number]): Promise<string> => {
  const entry = join(folder, `program-${version}.js`)
  writeFileSync(entry, PROGRAM)
  await build({
    configFile: false,
    logLevel: 'silent',
    root: folder,
    publicDir: false,
    resolve: { alias: reactAliases(version) },
    ssr: { noExternal: true },
    build: { ssr: entry, outDir: join(folder, version), emptyOutDir: true, minify: false },
  })
  return join(folder, version, `program-${version}.js`)
}

for (const version of REACTS) {
  test.skipIf(
    noReact,
    `[J7] React ${version} renders the fallback on a server, opens nothing and ends`,
    {
      timeoutMs: 60_000,
    },
    async () => {
      const folder = mkdtempSync(join(root, 'dist/rendering-'))
      try {
        // It ends by itself: no timer and no connection is left.
        const { stdout, stderr } = await run(process.execPath, [await bundled(folder, version)], {
          timeout: 20_000,
        })
        const { version: used, ...rendered } = JSON.parse(stdout)
        assert.ok(used.startsWith(`${version}.`), used)
        assert.equal(rendered, {
          window: 'undefined',
          empty: '',
          fallback: '<p>Opening …</p>',
          hooks: 'connecting,offline,0,null,none,true,null,0',
          asked: '',
          outside: 'this hook is for what stands inside of a <SpaceRoom>',
          inFallback: 'this hook is for the children of a <SpaceRoom>, not for its fallback',
        })
        assert.is(stderr, '')
      } finally {
        rmSync(folder, { recursive: true, force: true })
      }
    },
  )
}
