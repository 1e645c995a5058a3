/**
 * Where the Node 22 that Hocuspocus 4 needs is: this process's own, if it is one, else the one that npm brought.
 * A path from this folder, or null where there is none for this machine.
 */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const require = createRequire(import.meta.url)

/** The folder of the package with a Node 22: `bin/node`, and the headers that native modules are built against. */
export const node22Folder = () => {
  try {
    return dirname(require.resolve(`node-${process.platform}-${process.arch}/package.json`))
  } catch {
    return null
  }
}

/** @returns the binary, or null where npm has none for this platform */
export const node22Binary = () => {
  const folder = node22Folder()
  const binary = folder === null ? null : join(folder, 'bin/node')
  return binary !== null && existsSync(binary) ? binary : null
}
