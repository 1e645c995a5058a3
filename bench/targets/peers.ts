/** The servers to compare with: what `bench/peers/peers.js` lists, run by their own scripts. */
import { spawnSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { temporaryFolder } from '../../test/support/temporary-folder.js'
import type { Dialect } from '../dialects/dialect.js'
import { hocuspocus3, hocuspocus4 } from '../dialects/hocuspocus.js'
import { relay } from '../dialects/relay.js'
import { stock } from '../dialects/stock.js'
import { EMPTY_UPDATE, step2 } from '../load/messages.js'
import { startServerChild } from './server-child.js'
import type { StartOptions, Target } from './target.js'

export const PEERS_FOLDER = resolve(import.meta.dirname, '../../../bench/peers')

/** As `bench/peers/peers.js` describes one. */
interface Peer {
  readonly name: string
  readonly version: string | null
  readonly script: string
  readonly node: string
  readonly persists: boolean
  readonly documents: boolean
  readonly notes: string
  readonly unavailable: string | null
}

const DIALECTS: Readonly<Record<string, Dialect>> = {
  'y-websocket-server': stock,
  'hocuspocus-3': hocuspocus3,
  'hocuspocus-4': hocuspocus4,
  relay,
}

/** Installs the peers where they are not. @param progress one line for whoever waits */
export const installPeers = (progress: (line: string) => void): void => {
  if (existsSync(join(PEERS_FOLDER, 'node_modules'))) return
  progress('installing the peers to compare with: npm ci in bench/peers (once, a minute or two)')
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], {
    cwd: PEERS_FOLDER,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  if (status !== 0) progress('npm ci in bench/peers failed: peers that lack something are left out')
}

/** What the list says is read when it is loaded: before and after an install it says different things. */
let asked = 0

export const loadPeers = async (): Promise<Target[]> => {
  const list = join(PEERS_FOLDER, 'peers.js')
  if (!existsSync(list)) return []
  const { peers } = (await import(`${pathToFileURL(list).href}?${++asked}`)) as {
    readonly peers: readonly Peer[]
  }
  return peers.map(targetOf)
}

const targetOf = (peer: Peer): Target => {
  const dialect = DIALECTS[peer.name]
  if (dialect === undefined) throw new Error(`no dialect for the peer ${peer.name}`)
  return {
    name: peer.name,
    version: peer.version ?? 'not installed',
    role: peer.documents ? 'peer' : 'ceiling',
    isPersistent: peer.persists,
    hasDocuments: peer.documents,
    isMeasured: true,
    unavailable: peer.unavailable,
    notes: peer.notes,
    start: options => startPeer(peer, dialect, options ?? {}),
  }
}

const startPeer = (peer: Peer, dialect: Dialect, { greeting, nodeFlags = [] }: StartOptions) =>
  startServerChild({
    dialect,
    command: dataDir => {
      const command = [peer.node, '--expose-gc', ...nodeFlags, peer.script, '--port', '0', '--data', dataDir]
      return peer.documents ? command : [...command, '--greeting', greetingFile(greeting)]
    },
    portIn: line => {
      const port = /^listening (\d+)/.exec(line)?.[1]
      return port === undefined ? null : Number(port)
    },
    address: async (port, space) => ({
      url: `ws://127.0.0.1:${port}/${encodeURIComponent(space)}`,
      protocols: [],
    }),
  })

/** What the relay sends to whoever joins; an empty answer without a greeting. */
const greetingFile = (greeting: Uint8Array = step2(EMPTY_UPDATE)): string => {
  const file = join(temporaryFolder('greeting'), 'greeting')
  writeFileSync(file, greeting)
  return file
}
