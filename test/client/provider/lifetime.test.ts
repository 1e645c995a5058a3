/** Presence through reconnects, and what is left of a provider at its end. */
import * as awarenessProtocol from 'y-protocols/awareness'
import * as Y from 'yjs'
import type { ServerMessage } from '../../../shared/protocol/index.js'
import { nextUncaught } from '../../support/next-uncaught.js'
import {
  destroyProviders,
  open,
  reconnect,
  rejectionOf,
  saved,
  step1,
  synced,
  text,
  types,
} from '../../support/scripted-provider.js'
import { WELCOME } from '../../support/scripted-server.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('provider, lifetime')

test.after.each(destroyProviders)

const entriesOf = (awareness: awarenessProtocol.Awareness, states?: Map<number, object>): ServerMessage => ({
  type: 'awareness',
  entries: awarenessProtocol.encodeAwarenessUpdate(awareness, [awareness.clientID], states as never),
})

test('[P18] announces its own awareness only, and hears of others again after a reconnect at once', async () => {
  const setUp = await synced()
  const { provider, server } = setUp
  const peer = new awarenessProtocol.Awareness(new Y.Doc())
  peer.setLocalState({ name: 'peer' })
  assert.equal(server.say(entriesOf(peer)), [])
  provider.awareness.setLocalState({ name: 'me' })
  const [announced] = server.take()
  assert.is(announced?.type, 'awareness')
  await reconnect(setUp)
  assert.equal([...provider.awareness.getStates().keys()], [provider.doc.clientID])
  server.say(WELCOME, entriesOf(peer))
  assert.equal(provider.awareness.getStates().get(peer.clientID), { name: 'peer' })
  const nudge = entriesOf(provider.awareness, new Map())
  assert.equal(types(server.say(nudge)), ['awareness'])
  peer.destroy()
})

const listenedTo = (doc: Y.Doc): string[] => [
  ...(doc as unknown as { _observers: Map<string, unknown> })._observers.keys(),
]

test('[P19] destroy leaves no timer, no listener and no connection, and settles every promise', async () => {
  const { provider, server, doc, clock } = await synced()
  const whenSaved = provider.whenSaved()
  provider.destroy()
  provider.destroy()
  server.take()
  assert.is(server.close?.code, 1000)
  assert.is(clock.pending, 0)
  assert.is((await rejectionOf(whenSaved)).close.code, 1000)
  provider.connect()
  text(doc).insert(0, 'after')
  assert.equal(server.take(), [])
  // Awareness never takes off its own.
  assert.equal(listenedTo(doc), [...listenedTo(new Y.Doc()), 'destroy'])
})

test('[P19] awareness that the app brought stays the app’s', async () => {
  const doc = new Y.Doc()
  const awareness = new awarenessProtocol.Awareness(doc)
  awareness.setLocalState({ name: 'me' })
  const { provider } = await synced({ awareness }, doc)
  provider.destroy()
  assert.equal(awareness.getLocalState(), { name: 'me' })
  awareness.destroy()
})

test('[P19] a listener that throws harms neither the provider nor the other listeners', async () => {
  const { provider, server } = await open()
  const uncaught = nextUncaught()
  const bug = new Error('a bug of the app')
  provider.once('saveState', () => {
    throw bug
  })
  server.say(WELCOME, step1, saved(1))
  assert.is(provider.saveState, 'saved')
  assert.is(await uncaught, bug)
})
