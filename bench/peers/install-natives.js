/**
 * Builds better-sqlite3 for the Node 22 that runs Hocuspocus 4, whatever Node runs npm: npm itself would build it for
 * its own. sqlite3, which Hocuspocus 3 uses, is the same for every Node, and npm has already built it.
 */
import { spawnSync } from 'node:child_process'
import { delimiter, dirname, join } from 'node:path'
import { node22Binary, node22Folder } from './node-22.js'

const binary = node22Binary()
if (binary === null) {
  console.warn(`no Node 22 for ${process.platform}-${process.arch}: hocuspocus-4 cannot run here`)
} else if (works()) {
  console.log('better-sqlite3 is built for Node 22')
} else {
  const { status } = spawnSync(binary, [process.env.npm_execpath, 'run', 'install'], {
    cwd: join(import.meta.dirname, 'node_modules/better-sqlite3'),
    stdio: 'inherit',
    env: {
      ...process.env,
      PATH: `${dirname(binary)}${delimiter}${process.env.PATH}`,
      npm_config_nodedir: node22Folder(),
    },
  })
  if (status !== 0 || !works()) {
    console.error('better-sqlite3 could not be built for Node 22: hocuspocus-4 will not run')
    process.exitCode = 1
  }
}

function works() {
  const script = `new (require('better-sqlite3'))(':memory:').close()`
  return spawnSync(binary, ['-e', script], { cwd: import.meta.dirname }).status === 0
}
