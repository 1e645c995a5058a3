/** The client as one file, as a page without a bundler loads it. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { WebSocket } from 'ws'
import type * as Standalone from '../../client/standalone.js'
import { type ServerProcess, startServer } from '../support/server-process.js'
import { root } from '../support/sources.js'
import { assert, suite } from '../support/suite.js'

const test = suite('standalone')
const file = pathToFileURL(join(root, 'dist/plenum-client.js'))

let server: ServerProcess
test.before(async () => {
  server = await startServer()
})
test.after(() => server.dispose())

test('[U23] it imports nothing', () => {
  const source = readFileSync(file, 'utf8')
  assert.not.match(source, /\b(?:from|import)\s*["'`]/)
  assert.not.match(source, /\bimport\s*\(/)
})

test('[U23] what it exports syncs', async () => {
  const { SpaceProvider, Y } = (await import(file.href)) as typeof Standalone
  const open = async () => {
    const token = await server.token('ann')
    return new SpaceProvider(server.syncUrl, 'demo', new Y.Doc(), {
      token,
      WebSocketPolyfill: WebSocket,
      disableBc: true,
    })
  }
  const [one, two] = [await open(), await open()]
  const arrived = new Promise<void>(resolve => two.doc.getText('text').observe(() => resolve()))

  one.doc.getText('text').insert(0, 'hello')
  await one.whenSaved()
  await arrived

  assert.is(two.doc.getText('text').toString(), 'hello')
  one.destroy()
  two.destroy()
})
