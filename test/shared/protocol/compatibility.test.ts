/** Our codec against the encoders and readers of y-protocols, which every stock client uses. */
import * as decoding from 'lib0/decoding'
import * as encoding from 'lib0/encoding'
import * as authProtocol from 'y-protocols/auth'
import * as awarenessProtocol from 'y-protocols/awareness'
import * as syncProtocol from 'y-protocols/sync'
import * as Y from 'yjs'
import {
  decodeClientMessage,
  decodeServerMessage,
  EMPTY_AWARENESS_FRAME,
  encodeMessage,
  MESSAGE,
} from '../../../shared/protocol/index.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('compatibility')

const stockFrame = (type: number, write: (e: encoding.Encoder) => void): Uint8Array =>
  encoding.encode(e => {
    encoding.writeVarUint(e, type)
    write(e)
  })

const sampleDoc = (): Y.Doc => {
  const doc = new Y.Doc()
  doc.getText('content').insert(0, 'Grüße, 世界 🌍 '.repeat(40))
  doc.getText('content').delete(3, 5)
  doc.getMap('fields').set('nested', new Y.Array())
  return doc
}

const withAwareness = (use: (awareness: awarenessProtocol.Awareness) => void): void => {
  const awareness = new awarenessProtocol.Awareness(new Y.Doc())
  try {
    use(awareness)
  } finally {
    awareness.destroy()
  }
}

test('[W2] the stock step 1 is ours, in both directions', () => {
  const doc = sampleDoc()
  const stock = stockFrame(MESSAGE.sync, e => syncProtocol.writeSyncStep1(e, doc))
  const message = { type: 'step1', stateVector: Y.encodeStateVector(doc) } as const
  assert.equal(encodeMessage(message), stock)
  assert.equal(decodeClientMessage(stock), message)
  assert.equal(decodeServerMessage(stock), message)
})

test('[W2] the stock step 2 is ours, in both directions', () => {
  const doc = sampleDoc()
  const stock = stockFrame(MESSAGE.sync, e => syncProtocol.writeSyncStep2(e, doc))
  const message = { type: 'step2', update: Y.encodeStateAsUpdate(doc) } as const
  assert.equal(encodeMessage(message), stock)
  assert.equal(decodeClientMessage(stock), message)
  assert.equal(decodeServerMessage(stock), message)
})

test('[W2] the stock update is ours, in both directions', () => {
  const update = Y.encodeStateAsUpdate(sampleDoc())
  const stock = stockFrame(MESSAGE.sync, e => syncProtocol.writeUpdate(e, update))
  const message = { type: 'update', update } as const
  assert.equal(encodeMessage(message), stock)
  assert.equal(decodeClientMessage(stock), message)
  assert.equal(decodeServerMessage(stock), message)
})

test('[W2] a stock client applies our updates and answers our step 1', () => {
  const [ours, theirs] = [sampleDoc(), new Y.Doc()]
  const receive = (frame: Uint8Array): Uint8Array => {
    const d = decoding.createDecoder(frame)
    assert.is(decoding.readVarUint(d), MESSAGE.sync)
    const reply = stockFrame(MESSAGE.sync, e => syncProtocol.readSyncMessage(d, e, theirs, 'test'))
    assert.is(decoding.hasContent(d), false)
    return reply
  }
  receive(encodeMessage({ type: 'update', update: Y.encodeStateAsUpdate(ours) }))
  theirs.getText('content').insert(0, 'theirs ')
  const answer = decodeClientMessage(
    receive(encodeMessage({ type: 'step1', stateVector: Y.encodeStateVector(ours) })),
  )
  assert.ok(answer.type === 'step2')
  Y.applyUpdate(ours, answer.update)
  const text = ours.getText('content').toString()
  assert.ok(text.startsWith('theirs Grü'))
  assert.is(text, theirs.getText('content').toString())
  assert.equal(ours.getMap('fields').toJSON(), theirs.getMap('fields').toJSON())
})

test('[W2] the stock awareness message is ours, in both directions', () =>
  withAwareness(awareness => {
    awareness.setLocalState({ name: 'Ana', cursor: { anchor: 3 } })
    const entries = awarenessProtocol.encodeAwarenessUpdate(awareness, [awareness.clientID])
    const stock = stockFrame(MESSAGE.awareness, e => encoding.writeVarUint8Array(e, entries))
    const message = { type: 'awareness', entries } as const
    assert.equal(encodeMessage(message), stock)
    assert.equal(decodeClientMessage(stock), message)
    assert.equal(decodeServerMessage(stock), message)
  }))

test('[W2] a stock client takes the keepalive and is not changed by it', () =>
  withAwareness(awareness => {
    let changes = 0
    awareness.on('update', () => changes++)
    const d = decoding.createDecoder(EMPTY_AWARENESS_FRAME)
    assert.is(decoding.readVarUint(d), MESSAGE.awareness)
    awarenessProtocol.applyAwarenessUpdate(awareness, decoding.readVarUint8Array(d), 'test')
    assert.is(decoding.hasContent(d), false)
    assert.is(changes, 0)
  }))

test('[W2] the stock permission denied is ours, in both directions', () => {
  const stock = stockFrame(MESSAGE.auth, e => authProtocol.writePermissionDenied(e, 'no entry'))
  const message = { type: 'permission-denied', reason: 'no entry' } as const
  assert.equal(encodeMessage(message), stock)
  assert.equal(decodeServerMessage(stock), message)
  const d = decoding.createDecoder(encodeMessage(message))
  decoding.readVarUint(d)
  let heard = ''
  authProtocol.readAuthMessage(d, new Y.Doc(), (_doc, reason) => {
    heard = reason
  })
  assert.is(heard, 'no entry')
})

test('[W2] the stock query awareness is ours', () => {
  const stock = stockFrame(MESSAGE.queryAwareness, () => {})
  assert.equal(encodeMessage({ type: 'query-awareness' }), stock)
  assert.equal(decodeClientMessage(stock), { type: 'query-awareness' })
})
