/**
 * What the client adds to a page, measured: `npm run size` writes it to bench/results/size.json and to the README;
 * with --check it only compares, and fails where the two are no longer the same.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { version as vite } from 'vite'
import { bundle, gzippedBytes } from './bundle.js'
import { describeOrigin } from './origin.js'
import { readReadme, renderSizePart, writeReadme } from './readme.js'
import type { Size, SizeReport } from './size-report.js'

const FILE = resolve(import.meta.dirname, '../../bench/results/size.json')
const DRIFT = 0.02

const CASES: readonly {
  readonly what: string
  readonly source: string
  readonly external: readonly string[]
}[] = [
  {
    what: '`SpaceProvider`, beside Yjs',
    source: `export { SpaceProvider } from 'plenum/client'`,
    external: ['yjs'],
  },
  {
    what: '`SpaceProvider`, with Yjs',
    source: `export { SpaceProvider } from 'plenum/client'\nexport * from 'yjs'`,
    external: [],
  },
  { what: 'all of `plenum/client`, beside Yjs', source: `export * from 'plenum/client'`, external: ['yjs'] },
  {
    what: 'all of `plenum/react`, beside Yjs and React',
    source: `export * from 'plenum/react'`,
    external: ['yjs', 'react'],
  },
  {
    what: "y-websocket's `WebsocketProvider`, beside Yjs",
    source: `export { WebsocketProvider } from 'y-websocket'`,
    external: ['yjs'],
  },
]

export const measureSizes = async (): Promise<Size[]> => {
  const sizes: Size[] = []
  for (const { what, source, external } of CASES) {
    const { code, lazyCode } = await bundle(source, external)
    sizes.push({
      what,
      minifiedBytes: code.length,
      gzipBytes: gzippedBytes(code),
      lazyGzipBytes: gzippedBytes(lazyCode),
    })
  }
  return sizes
}

/** Those that are no longer as recorded. */
const drifted = (sizes: readonly Size[], recorded: SizeReport): string[] =>
  sizes.flatMap(({ what, gzipBytes }) => {
    const before = recorded.sizes.find(size => size.what === what)?.gzipBytes ?? 0
    const isSame = Math.abs(gzipBytes - before) <= before * DRIFT
    return isSame ? [] : [`${what}: ${gzipBytes} bytes, recorded ${before}; run npm run size`]
  })

const main = async (): Promise<void> => {
  const sizes = await measureSizes()
  for (const { what, minifiedBytes, gzipBytes, lazyGzipBytes } of sizes) {
    console.log(`${what}: ${minifiedBytes} bytes, gzip ${gzipBytes}, later ${lazyGzipBytes}`)
  }
  if (process.argv.includes('--check')) {
    const problems = drifted(sizes, JSON.parse(readFileSync(FILE, 'utf8')) as SizeReport)
    if (problems.length > 0) throw new Error(problems.join('\n'))
    return
  }
  const report: SizeReport = { ...describeOrigin(new Date()), bundler: `Vite ${vite}`, sizes }
  writeFileSync(FILE, `${JSON.stringify(report, null, 2)}\n`)
  writeReadme(renderSizePart(readReadme()))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  main().catch(error => {
    console.error(`size: ${error instanceof Error ? error.message : error}`)
    process.exitCode = 1
  })
}
