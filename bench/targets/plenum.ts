/** Plenum as `plenum serve` runs it, with its gate on; reached by stock clients or by those with its extensions. */
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { steadyUrl } from '../../client/channel/space-url.js'
import { signToken } from '../../server/auth/sign-token.js'
import type { Dialect } from '../dialects/dialect.js'
import { plenumV1, stock } from '../dialects/stock.js'
import { startServerChild } from './server-child.js'
import type { Address, RunningServer, StartOptions, Target } from './target.js'

const ROOT = resolve(import.meta.dirname, '../../..')
const MAIN = join(ROOT, 'dist/server/main.js')
const LAUNCHER = pathToFileURL(join(ROOT, 'dist/bench/server-launcher.js')).href
const SECRET = 'a secret of the bench, long enough to be one'

export const plenumToken = (user: string): Promise<string> =>
  signToken({ secret: SECRET, user, spaces: { '**': 'write' }, ttlMs: 3_600_000, nowMs: Date.now() })

/** How a client with the extensions reaches a Plenum that is measured with stock clients. */
export const extendedAddress = async (
  server: RunningServer,
  space: string,
  user: string,
): Promise<Address> => {
  const { origin, pathname } = new URL((await server.address(space, user)).url)
  return {
    url: steadyUrl(`${origin}${pathname}`),
    protocols: [...plenumV1.protocols, `bearer.${await plenumToken(user)}`],
  }
}

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
      env: { PLENUM_SECRET: SECRET, ...options.env },
      isOnAllCores: options.isOnAllCores ?? false,
      portIn: line => {
        const port = /^Plenum listens on \S+:(\d+)/.exec(line)?.[1]
        return port === undefined ? null : Number(port)
      },
      address: async (port, space, user): Promise<Address> => {
        const token = await plenumToken(user)
        const url = `ws://127.0.0.1:${port}/sync/${spacePath(space)}`
        return dialect === stock
          ? { url: `${url}?token=${token}`, protocols: [] }
          : { url: steadyUrl(url), protocols: [...dialect.protocols, `bearer.${token}`] }
      },
    }),
})

const commandOf = (dataDir: string, { flags = [], nodeFlags = [] }: StartOptions): string[] => {
  const node = [process.execPath, '--expose-gc', '--import', LAUNCHER, ...nodeFlags, MAIN]
  return [...node, 'serve', '--port', '0', '--data', dataDir, ...flags]
}

export const plenum = plenumTarget('plenum', stock, 'reached by stock clients; every edit on disk')
export const plenumExtended = plenumTarget('plenum.v1', plenumV1, 'the same, reached by its own clients')
