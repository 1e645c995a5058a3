/** The servers that the bench can run beside Plenum, and how. Loads, and says what is missing, before `npm ci` too. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { node22Binary } from './node-22.js'

/**
 * @typedef {object} Peer
 * @property {string} name also of its script: `node --expose-gc <name>.js --port 0 --data DIR`
 * @property {string | null} version of the installed package; null where it is not installed
 * @property {string} script absolute path
 * @property {string} node absolute path of the binary to run it with
 * @property {'stock' | 'hocuspocus'} dialect of its wire; see README.md
 * @property {boolean} persists whether anything survives its end
 * @property {boolean} documents whether it keeps documents at all, and so answers who joins
 * @property {string} notes
 * @property {string | null} unavailable why it cannot run here; null where it can
 */

const here = import.meta.dirname

const versionOf = folder => {
  const file = join(here, 'node_modules', folder, 'package.json')
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).version : null
}

const peer = ({ name, folder, node = process.execPath, ...rest }) => {
  const version = versionOf(folder)
  const missing = version === null ? 'not installed: npm ci in bench/peers' : null
  const unavailable = missing ?? (node === null ? 'no Node 22 for this machine' : null)
  return { name, version, script: join(here, `${name}.js`), node, ...rest, unavailable }
}

const isNode22 = Number(process.versions.node.split('.')[0]) === 22

/** @type {readonly Peer[]} */
export const peers = [
  peer({
    name: 'y-websocket-server',
    folder: '@y/websocket-server',
    dialect: 'stock',
    persists: false,
    documents: true,
    notes: 'stores nothing by default, and keeps every document in memory until it ends',
  }),
  peer({
    name: 'hocuspocus-3',
    folder: 'hocuspocus-3',
    dialect: 'hocuspocus',
    persists: true,
    documents: true,
    notes: 'with its SQLite extension (sqlite3), a file',
  }),
  peer({
    name: 'hocuspocus-4',
    folder: 'hocuspocus-4',
    node: isNode22 ? process.execPath : node22Binary(),
    dialect: 'hocuspocus',
    persists: true,
    documents: true,
    notes: 'with its SQLite extension (better-sqlite3), a file, under Node 22, which it needs',
  }),
  peer({
    name: 'relay',
    folder: 'ws',
    dialect: 'stock',
    persists: false,
    documents: false,
    notes: 'not a peer but the ceiling: relays frames, decodes and keeps nothing',
  }),
]
