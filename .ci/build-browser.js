/**
 * Builds what browsers load: the demo page, and the client as one file for pages without a bundler. Prints what
 * each weighs on the wire.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'vite'

const root = new URL('..', import.meta.url).pathname
const dist = join(root, 'dist')
const demo = join(dist, 'demo')

const common = {
  configFile: false,
  logLevel: 'warn',
  build: { target: 'es2022', reportCompressedSize: false },
}

await build({
  ...common,
  root: join(root, 'client/demo'),
  base: './',
  // The server puts a fresh one in its place with each answer.
  html: { cspNonce: 'PLENUM_NONCE' },
  build: {
    ...common.build,
    outDir: demo,
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: {
      input: {
        page: join(root, 'client/demo/index.html'),
        'service-worker': join(root, 'client/demo/service-worker.ts'),
      },
      output: {
        entryFileNames: ({ name }) => (name === 'service-worker' ? '[name].js' : 'assets/[name]-[hash].js'),
      },
    },
  },
})

await build({
  ...common,
  root,
  publicDir: false,
  build: {
    ...common.build,
    outDir: dist,
    emptyOutDir: false,
    minify: true,
    lib: { entry: join(root, 'client/standalone.ts'), formats: ['es'], fileName: () => 'plenum-client.js' },
    rollupOptions: { output: { codeSplitting: false } },
  },
})

const gzipped = file => gzipSync(readFileSync(file)).length
const kilobytes = bytes => `${(bytes / 1000).toFixed(1)} kB`
const assets = readdirSync(join(demo, 'assets')).map(name => join(demo, 'assets', name))
const code = assets.filter(name => /\.(js|css)$/.test(name)).reduce((sum, name) => sum + gzipped(name), 0)

console.log(
  `gzip: demo ${kilobytes(code)}, dist/plenum-client.js ${kilobytes(gzipped(join(dist, 'plenum-client.js')))}`,
)
