/** Each peer starts, lets two clients converge, stores what it stores at all, tells its memory and ends: `npm run check`. */
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { connect } from './light-client.js'
import { PeerProcess } from './peer-process.js'
import { peers } from './peers.js'

const { dependencies } = createRequire(import.meta.url)('./package.json')

const checkPeer = async peer => {
  const server = await new PeerProcess(peer).start()
  const join = async () => connect({ url: server.url, room: 'room', dialect: peer.dialect })
  try {
    const [one, other] = [await join(), await join()]
    if (peer.documents) await Promise.all([one.synced, other.synced])
    one.doc.getText('text').insert(0, 'hello')
    await other.until('the other has the text', () => text(other) === 'hello')
    other.doc.getText('text').insert(5, ' world')
    await one.until('both have the same', () => text(one) === 'hello world')
    if (peer.dialect === 'hocuspocus') await one.until('all is acknowledged', () => one.isAllAcknowledged)

    const { heapUsed } = await server.memory()
    assert.ok(heapUsed > 1_000_000)
    one.terminate()
    other.terminate()
    assert.equal(await server.stop(), 0, server.errors)

    await server.start()
    const late = await join()
    if (peer.documents) await late.synced
    assert.equal(text(late), peer.persists ? 'hello world' : '')
    late.terminate()
    assert.equal(await server.stop(), 0, server.errors)
  } finally {
    await server.dispose()
  }
}

const text = ({ doc }) => doc.getText('text').toString()

for (const peer of peers) {
  if (peer.unavailable !== null) throw new Error(`${peer.name}: ${peer.unavailable}`)
  const wanted = dependencies[peer.name] ?? dependencies['@y/websocket-server']
  if (peer.documents)
    assert.ok(wanted.endsWith(peer.version), `${peer.name} is ${peer.version}, wanted ${wanted}`)
  await checkPeer(peer)
  console.log(`${peer.name} ${peer.version}: fine`)
}
