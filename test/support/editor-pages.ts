/**
 * Pages with the editors of the README: its pieces as they stand there, between a provider and what an app must do
 * beside them to show an editor. Built by Vite and served on a port of their own.
 */
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { build } from 'vite'
import { ALIASES } from '../../bench/bundle.js'
import { readReadme } from '../../bench/readme.js'
import { examplesOf } from './readme-blocks.js'
import { root } from './sources.js'

/** By heading of the README, what shows the editor: the piece ends where an app's own code begins. */
const SHOWN: Readonly<Record<string, string>> = {
  CodeMirror: '',
  ProseMirror: `
    import { schema } from 'prosemirror-schema-basic'
    import { EditorState } from 'prosemirror-state'
    import { EditorView } from 'prosemirror-view'
    new EditorView(document.body, { state: EditorState.create({ schema, plugins }) })`,
  Tiptap: `
    import { Editor } from '@tiptap/core'
    new Editor({ element: document.body, extensions })`,
  Quill: '',
  Lexical: `
    import { LexicalCollaboration } from '@lexical/react/LexicalCollaborationContext'
    import { LexicalComposer } from '@lexical/react/LexicalComposer'
    import { ContentEditable } from '@lexical/react/LexicalContentEditable'
    import { LexicalErrorBoundary } from '@lexical/react/LexicalErrorBoundary'
    import { RichTextPlugin } from '@lexical/react/LexicalRichTextPlugin'
    import { createRoot } from 'react-dom/client'
    const onError = error => { throw error }
    createRoot(document.querySelector('#editor')).render(
      <LexicalCollaboration>
        <LexicalComposer initialConfig={{ namespace: 'demo', editorState: null, onError }}>
          <RichTextPlugin contentEditable={<ContentEditable />} ErrorBoundary={LexicalErrorBoundary} />
          <Collaboration />
        </LexicalComposer>
      </LexicalCollaboration>
    )`,
}

/** Why they cannot be built here; null where they can. */
export const noEditors = ((): string | null => {
  const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const absent = Object.keys(devDependencies).filter(name => !existsSync(join(root, 'node_modules', name)))
  return absent.length === 0
    ? null
    : `run npm ci: these came later than what is installed: ${absent.join(', ')}`
})()

/** Those that run; Monaco alone weighs more than all of them. */
export const EDITORS = Object.keys(SHOWN)

/** What every page has in front of the editor. Lexical makes a provider by itself, from the same token. */
const GROUND = `
  import { SpaceProvider } from 'plenum/client'
  import * as Y from 'yjs'
  const { space, token: given, name } = Object.fromEntries(new URLSearchParams(location.hash.slice(1)))
  export const token = given
  export const doc = new Y.Doc()
  export const provider = space && new SpaceProvider('ws://127.0.0.1:1234/sync', space, doc, { token, disableBc: true })
  provider?.awareness.setLocalStateField('user', { name, color: '#8a3ffc' })
  globalThis.provider = provider
  provider?.on('sync', () => { document.body.dataset.synced = '' })
`

const PAGE = (editor: string): string => `<!doctype html>
<meta charset="utf-8" />
<title>${editor}</title>
<link rel="icon" href="data:," />
<style>.ProseMirror { white-space: pre-wrap }</style>
<div id="editor"></div>
<script type="module" src="/${editor}.js"></script>`

export class EditorPages {
  readonly #folder: string
  readonly #server: Server

  private constructor(folder: string, server: Server) {
    this.#folder = folder
    this.#server = server
  }

  /** @param syncPort of the server that the pages connect to */
  static async start(syncPort: number): Promise<EditorPages> {
    // Below the root, so that packages are found.
    const folder = mkdtempSync(join(root, 'dist/editors-'))
    await buildPages(folder, syncPort)
    const server = createServer((request, response) => {
      const name = (request.url ?? '/').slice(1)
      const isPage = EDITORS.includes(name)
      response.setHeader('Content-Type', isPage ? 'text/html' : 'text/javascript')
      response.end(isPage ? PAGE(name) : readFileSync(join(folder, 'built', name)))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new EditorPages(folder, server)
  }

  /** @param space null where the piece of the README names its own */
  address(editor: string, options: { space: string | null; name: string; token: string }): string {
    const { space, ...rest } = options
    const { port } = this.#server.address() as AddressInfo
    const fragment = new URLSearchParams({ ...rest, ...(space !== null && { space }) })
    return `http://127.0.0.1:${port}/${editor}#${fragment}`
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

const buildPages = async (folder: string, syncPort: number): Promise<void> => {
  const sources = join(folder, 'sources')
  mkdirSync(sources)
  const write = (file: string, code: string): string => {
    const path = join(sources, file)
    writeFileSync(path, code.replaceAll('127.0.0.1:1234', `127.0.0.1:${syncPort}`))
    return path
  }
  write('ground.js', GROUND)
  const input: Record<string, string> = {}
  for (const { heading, language, code } of examplesOf(readReadme())) {
    const shown = SHOWN[heading]
    if (shown === undefined) continue
    const ground = `import { doc, provider, token } from './ground.js'\n`
    input[heading] = write(`${heading}.${language}`, `${ground}${code}${shown}`)
  }
  await build({
    configFile: false,
    logLevel: 'silent',
    root: sources,
    publicDir: false,
    resolve: { alias: ALIASES },
    build: {
      outDir: join(folder, 'built'),
      target: 'es2022',
      minify: false,
      modulePreload: false,
      rollupOptions: {
        input,
        // A piece that is written for the middle of a program is all there.
        treeshake: false,
        output: { entryFileNames: '[name].js', chunkFileNames: '[name].chunk.js' },
      },
    },
  })
}
