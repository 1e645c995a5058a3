/**
 * Pages of `plenum/react`, built for React 18 and for React 19 and served on a port of their own. One has a component
 * for each hook: what it was shown, and how often it was rendered, lies on `globalThis.seen`. The other is the first
 * example of the README.
 */
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { build } from 'vite'
import { ALIASES } from '../../bench/bundle.js'
import { readReadme } from '../../bench/readme.js'
import { examplesOf } from './readme-blocks.js'
import { root } from './sources.js'

export const REACTS = ['18', '19'] as const
export type ReactVersion = (typeof REACTS)[number]

/** Why they cannot be built here; null where they can. */
export const noReact = existsSync(join(root, 'node_modules/react-dom-18'))
  ? null
  : 'run npm ci: React 18 is not here'

const { resolve } = createRequire(import.meta.url)

/** Both under the name that an app imports. */
export const reactAliases = (version: ReactVersion) => {
  const suffix = version === '18' ? '-18' : ''
  const folder = (name: string): string => dirname(resolve(`${name}${suffix}/package.json`))
  return [
    ...ALIASES,
    { find: /^react-dom(?=$|\/)/, replacement: folder('react-dom') },
    { find: /^react(?=$|\/)/, replacement: folder('react') },
  ]
}

/** As an app in development has them: StrictMode mounts everything twice. */
export const DEVELOPMENT = { 'process.env.NODE_ENV': '"development"' }

const SOURCE = `
import { createElement as h, StrictMode, useEffect, useState, version } from 'react'
import { createRoot } from 'react-dom/client'
import * as plenum from 'plenum/react'

const { url, space, token, user, watch = '' } = Object.fromEntries(new URLSearchParams(location.hash.slice(1)))
const seen = { version, renders: {}, shown: {}, tokenFails: false, tokensAsked: 0, sockets: [] }
globalThis.seen = seen

const PageSocket = globalThis.WebSocket
globalThis.WebSocket = class extends PageSocket {
  constructor(...args) {
    super(...args)
    seen.sockets.push(this)
  }
}

const HOOKS = {
  space: () => plenum.useSpace(),
  connection: () => plenum.useConnection(),
  saveState: () => plenum.useSaveState(),
  presence: () => plenum.usePresence(),
  names: () => plenum.usePresence(windows => windows.map(({ name, state }) => name + ':' + state.mood)),
  members: () => plenum.useMembers(),
  here: () => plenum.useMembers(members => members.filter(({ status }) => status === 'here').map(({ user }) => user)),
  self: () => plenum.useSelf(),
  intentions: () => plenum.useIntentions(),
  stateSync: () => plenum.useStateSync(),
  settings: () => plenum.useSharedMap('settings'),
  theme: () => plenum.useSharedMap('settings', settings => settings.theme),
  list: () => plenum.useSharedArray('list'),
  text: () => plenum.useSharedText('text'),
  presenceWithFallback: () => plenum.usePresenceWithFallback(),
  ticking: () => plenum.usePresenceWithFallback({ tickMs: 10_000 }),
  intentionsWithFallback: () => plenum.useIntentionsWithFallback(),
}
const probes = Object.entries(HOOKS)
  .filter(([name]) => watch === '' || watch.split(',').includes(name))
  .map(([name, use]) => [name, () => {
    seen.shown[name] = use()
    seen.renders[name] = (seen.renders[name] ?? 0) + 1
    return null
  }])

const fetchToken = async () => {
  seen.tokensAsked++
  if (seen.tokenFails) throw new Error('the backend is away')
  return token
}

const App = ({ name, as, more: { late, ...more } }) => {
  // What an app learns while it mounts.
  const [learnt, setLearnt] = useState(null)
  useEffect(() => {
    if (late) setLearnt(late)
  }, [late])
  const room = { url, space: name, token: fetchToken, user: as, presence: { mood: 'calm' }, ...more, ...learnt }
  return h(plenum.SpaceRoom, room, probes.map(([key, Probe]) => h(Probe, { key })))
}

let tree = null
seen.token = token
seen.mount = (name = space, as = user, more = {}) => {
  tree ??= createRoot(document.querySelector('#app'))
  tree.render(h(StrictMode, null, h(App, { name, as, more })))
}
seen.unmount = () => {
  tree?.unmount()
  tree = null
}
`

const README = 'From React'

const page = (script: string): string => `<!doctype html>
<meta charset="utf-8" />
<title>plenum/react</title>
<link rel="icon" href="data:," />
<div id="app"></div>
<script type="module" src="${script}.js"></script>`

export class ReactPages {
  readonly #folder: string
  readonly #server: Server

  private constructor(folder: string, server: Server) {
    this.#folder = folder
    this.#server = server
  }

  /**
   * @param syncPort of the server that the README's example connects to
   * @param token what the backend of that example gives
   */
  static async start(syncPort: number, token: string): Promise<ReactPages> {
    // Below the root, so that packages are found.
    const folder = mkdtempSync(join(root, 'dist/react-'))
    for (const version of REACTS) await buildPages(folder, version, syncPort)
    const server = createServer((request, response) => {
      const [, version = '', file = ''] = (request.url ?? '/').split('/')
      const isScript = file.endsWith('.js')
      response.setHeader('Content-Type', isScript ? 'text/javascript' : 'text/html')
      if (version === 'token') response.end(token)
      else if (isScript) response.end(readFileSync(join(folder, version, file)))
      else response.end(page(file === '' ? 'page' : file))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new ReactPages(folder, server)
  }

  /** Where the README's example is. */
  exampleAddress(version: ReactVersion): string {
    const { port } = this.#server.address() as AddressInfo
    return `http://127.0.0.1:${port}/${version}/readme`
  }

  /** @param options for the page; `watch` names the hooks, all by default */
  address(version: ReactVersion, options: Readonly<Record<string, string>>): string {
    const { port } = this.#server.address() as AddressInfo
    return `http://127.0.0.1:${port}/${version}/#${new URLSearchParams(options)}`
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

const buildPages = async (folder: string, version: ReactVersion, syncPort: number): Promise<void> => {
  const sources = join(folder, `sources-${version}`)
  mkdirSync(sources)
  writeFileSync(join(sources, 'page.js'), SOURCE)
  const example = examplesOf(readReadme()).find(({ heading, index }) => heading === README && index === 0)
  writeFileSync(join(sources, 'readme.jsx'), (example?.code ?? '').replaceAll(':1234', `:${syncPort}`))
  await build({
    configFile: false,
    logLevel: 'silent',
    root: sources,
    publicDir: false,
    define: DEVELOPMENT,
    resolve: { alias: reactAliases(version) },
    build: {
      outDir: join(folder, version),
      target: 'es2022',
      minify: false,
      modulePreload: false,
      rollupOptions: {
        input: { page: join(sources, 'page.js'), readme: join(sources, 'readme.jsx') },
        output: {
          entryFileNames: '[name].js',
          chunkFileNames: '[name].chunk.js',
        },
      },
    },
  })
}
