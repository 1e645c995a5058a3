/** Plenum and its peers under one face: start, join, kill. The built project has to lie in `dist/`. */
import { readFileSync } from 'node:fs'
import { startServer } from '../../dist/test/support/server-process.js'
import { connect } from './light-client.js'
import { PeerProcess } from './peer-process.js'
import { peers } from './peers.js'

const packageJson = new URL('../../package.json', import.meta.url)

/**
 * @typedef {object} Subject
 * @property {string} name
 * @property {string} version
 * @property {string} node the version that runs it
 * @property {'stock' | 'hocuspocus'} dialect
 * @property {() => Promise<Running>} start
 *
 * @typedef {object} Running
 * @property {(room: string, options?: {user?: string, token?: string, doc?: import('yjs').Doc,
 *   awareness?: object}) => Promise<object>} join
 *   as a client that is told what is saved, where the server tells it; see light-client.js
 * @property {(room: string) => {url: string, room: string, params: object}} stock for y-websocket's provider
 * @property {() => number} rssBytes
 * @property {() => Promise<void>} stop by SIGTERM
 * @property {() => Promise<void>} kill9
 * @property {() => Promise<void>} restart after either
 * @property {() => Promise<void>} dispose
 */

/** @type {Subject} */
const plenum = {
  name: 'Plenum',
  version: JSON.parse(readFileSync(packageJson, 'utf8')).version,
  node: process.versions.node,
  dialect: 'stock',
  start: async () => {
    const server = await startServer()
    return {
      join: async (room, { user = 'ada', token, doc, awareness } = {}) => {
        const bearer = token ?? (await server.token(user))
        const protocols = bearer === '' ? ['plenum.v1'] : ['plenum.v1', `bearer.${bearer}`]
        return connect({ url: server.syncUrl, room, dialect: 'stock', doc, awareness, protocols })
      },
      stock: async room => ({ url: server.syncUrl, room, params: { token: await server.token('ada') } }),
      rssBytes: () => server.usage().rssBytes,
      stop: () => server.stop(),
      kill9: () => server.kill9(),
      restart: () => server.start(),
      dispose: () => server.dispose(),
    }
  },
}

const subjectOf = peer => ({
  name: peer.name,
  version: peer.version,
  node: peer.node === process.execPath ? process.versions.node : '22',
  dialect: peer.dialect,
  start: async () => {
    const server = await new PeerProcess(peer).start()
    return {
      join: (room, { token = '', doc, awareness } = {}) =>
        connect({ url: server.url, room, dialect: peer.dialect, doc, awareness, token }),
      stock: async room => ({ url: server.url, room, params: {} }),
      rssBytes: () =>
        Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))[1]) * 1024,
      stop: () => server.stop(),
      kill9: () => server.kill9(),
      restart: () => server.start(),
      dispose: () => server.dispose(),
    }
  },
})

/** Plenum, and the peers that keep documents. @throws where one cannot run here */
export const subjects = () => {
  const rivals = peers.filter(({ documents }) => documents)
  for (const { name, unavailable } of rivals)
    if (unavailable !== null) throw new Error(`${name}: ${unavailable}`)
  return [plenum, ...rivals.map(subjectOf)]
}
