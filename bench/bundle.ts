/** What the client weighs in a page: bundled for browsers, minified, and compressed as a server would. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'vite'

export interface Bundle {
  /** What every page loads. */
  readonly code: string
  /** What is loaded later, when it is first wanted. */
  readonly lazyCode: string
}

interface Chunk {
  readonly type: string
  readonly fileName: string
  readonly isEntry?: boolean
  readonly imports?: readonly string[]
  readonly code?: string
}

const ROOT = resolve(import.meta.dirname, '../..')

/** The package by its own name, as whoever has installed it would import it. */
export const ALIASES = [
  { find: /^plenum\/client$/, replacement: join(ROOT, 'dist/client/index.js') },
  { find: /^plenum\/react$/, replacement: join(ROOT, 'dist/client/react/index.js') },
  { find: /^plenum\/server$/, replacement: join(ROOT, 'dist/server/index.js') },
]

/**
 * Bundles a module.
 * @param source its text
 * @param external packages that the page has already
 */
export const bundle = async (source: string, external: readonly string[] = []): Promise<Bundle> => {
  // Below the root, so that packages are found.
  const folder = mkdtempSync(join(ROOT, 'dist/bundle-'))
  try {
    const entry = join(folder, 'entry.js')
    writeFileSync(entry, source)
    const result = await build({
      configFile: false,
      logLevel: 'silent',
      root: folder,
      publicDir: false,
      resolve: { alias: ALIASES },
      build: {
        write: false,
        target: 'es2022',
        minify: true,
        modulePreload: false,
        rollupOptions: { input: entry, external: [...external], preserveEntrySignatures: 'strict' },
      },
    })
    const { output } = [result].flat()[0] as unknown as { readonly output: readonly Chunk[] }
    const chunks = output.filter(({ type }) => type === 'chunk')
    const first = withImports(chunks)
    return {
      code: joined(chunks.filter(chunk => first.has(chunk))),
      lazyCode: joined(chunks.filter(chunk => !first.has(chunk))),
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The entry, and what it imports before it runs. */
const withImports = (chunks: readonly Chunk[]): ReadonlySet<Chunk> => {
  const found = new Set(chunks.filter(({ isEntry }) => isEntry))
  for (const { imports = [] } of found) {
    for (const chunk of chunks) if (imports.includes(chunk.fileName)) found.add(chunk)
  }
  return found
}

const joined = (chunks: readonly Chunk[]): string => chunks.map(({ code = '' }) => code).join('')

export const gzippedBytes = (code: string): number => (code === '' ? 0 : gzipSync(code, { level: 9 }).length)
