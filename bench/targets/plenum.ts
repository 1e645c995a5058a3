/** Plenum as `plenum serve` runs it, with its gate on; reached by stock clients or by those with its extensions. */
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { signToken } from '../../server/auth/sign-token.js'
import type { Dialect } from '../dialects/dialect.js'
import { plenumV1, stock } from '../dialects/stock.js'
import { startServerChild } from './server-child.js'
import type { Address, StartOptions, Target } from './target.js'

const ROOT = resolve(import.meta.dirname, '../../..')
const MAIN = join(ROOT, 'dist/server/main.js')
const LAUNCHER = pathToFileURL(join(ROOT, 'dist/bench/server-launcher.js')).href
const SECRET = 'a secret of the bench, long enough to be one'

export const plenumToken = (user: string): Promise<string> =>
  signToken({ secret: SECRET, user, spaces: { '**': 'write' }, ttlMs: 3_600_000, nowMs: Date.now() })

const spacePath = (space: string): string => space.split('/').map(encodeURIComponent).join('/')

const plenumTarget = (name: string, dialect: Dialect, notes: string): Target => ({
  name,
  version: (JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }).version,
  role: 'ours',
  isPersistent: true,
  hasDocuments: true,
  isMeasured: true,
  unavailable: null,
  notes,
  start: (options = {}) =>
    startServerChild({
      dialect,
      command: dataDir => commandOf(dataDir, options),
      env: { PLENUM_SECRET: SECRET },
      portIn: line => {
        const port = /^Plenum listens on \S+:(\d+)/.exec(line)?.[1]
        return port === undefined ? null : Number(port)
      },
      address: async (port, space, user): Promise<Address> => {
        const token = await plenumToken(user)
        const url = `ws://127.0.0.1:${port}/sync/${spacePath(space)}`
        return dialect === stock
          ? { url: `${url}?token=${token}`, protocols: [] }
          : { url, protocols: [...dialect.protocols, `bearer.${token}`] }
      },
    }),
})

const commandOf = (dataDir: string, { flags = [], nodeFlags = [], fsyncDelayMs }: StartOptions): string[] => {
  const node = [process.execPath, '--expose-gc', '--import', LAUNCHER, ...nodeFlags, MAIN]
  const server = [...node, 'serve', '--port', '0', '--data', dataDir, ...flags]
  return fsyncDelayMs === undefined ? server : [...slowedDown(fsyncDelayMs), ...server]
}

/** The traced program stays the child; the tracer goes its own way and ends with it. */
const slowedDown = (fsyncDelayMs: number): string[] => {
  const inject = `inject=fsync:delay_exit=${fsyncDelayMs * 1000}`
  return ['strace', '-D', '-f', '-qq', '--seccomp-bpf', '-o', '/dev/null', '-e', 'trace=fsync', '-e', inject]
}

export const plenum = plenumTarget('plenum', stock, 'reached by stock clients; every edit on disk')
export const plenumExtended = plenumTarget('plenum.v1', plenumV1, 'the same, reached by its own clients')
