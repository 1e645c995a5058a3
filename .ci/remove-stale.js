/**
 * Removes compiled files whose source is gone, so that a build never serves or packs what was deleted. It
 * leaves the others in place: a server may be running from them.
 */
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

const compiled = 'dist'
/** What Vite builds, and replaces by itself. */
const bundled = /^(?:demo\/|plenum-client\.)/
const suffix = /\.(?:js|js\.map|d\.ts)$/

const files = existsSync(compiled) ? readdirSync(compiled, { recursive: true, encoding: 'utf8' }) : []
for (const file of files.filter(name => suffix.test(name) && !bundled.test(name))) {
  const source = file.replace(suffix, '')
  if (!existsSync(`${source}.ts`) && !existsSync(`${source}.tsx`)) rmSync(join(compiled, file))
}
