/** What load clients send and make of what they receive, without a server. */

import * as encoding from 'lib0/encoding'
import * as awarenessProtocol from 'y-protocols/awareness'
import * as Y from 'yjs'
import { awarenessMessage, readAwareness } from '../../bench/load/messages.js'
import { Payloads } from '../../bench/load/payloads.js'
import { AwarenessFrames, PresenceEcho } from '../../bench/load/presence-echo.js'
import { TEXT_NAME, Typist } from '../../bench/load/typist.js'
import { assert, suite } from '../support/suite.js'

const test = suite('bench: load')

test('[Y2] a typist sends byte for byte what a document would', () => {
  const doc = new Y.Doc()
  doc.clientID = 3_000_000_001
  const updates: Uint8Array[] = []
  doc.on('update', update => updates.push(update))
  const typist = new Typist(doc.clientID)
  const text = doc.getText(TEXT_NAME)
  for (let clock = 0; clock < 300; clock++) {
    const update = typist.type()
    const copy = new Y.Doc()
    Y.applyUpdate(copy, Y.encodeStateAsUpdate(doc))
    Y.applyUpdate(copy, update)
    text.insert(clock, copy.getText(TEXT_NAME).toString()[clock]!)
    assert.equal(update, updates[clock])
  }
})

/** What a stock client sends back, by the library that it uses. */
class StockPresence {
  readonly awareness: awarenessProtocol.Awareness
  sent: Uint8Array | null = null

  constructor(clientId: number, state: object) {
    const doc = new Y.Doc()
    doc.clientID = clientId
    this.awareness = new awarenessProtocol.Awareness(doc)
    this.awareness.setLocalState(state)
    this.awareness.on('update', ({ added, updated, removed }: Record<string, number[]>) => {
      const encoder = encoding.createEncoder()
      encoding.writeVarUint(encoder, 1)
      const changed = [...added!, ...updated!, ...removed!]
      encoding.writeVarUint8Array(encoder, awarenessProtocol.encodeAwarenessUpdate(this.awareness, changed))
      this.sent = encoding.toUint8Array(encoder)
    })
  }

  hear(message: Uint8Array): Uint8Array | null {
    this.sent = null
    const entries = readAwareness(message)
    const body = awarenessMessage(entries).subarray(2)
    awarenessProtocol.applyAwarenessUpdate(this.awareness, body, 'server')
    return this.sent
  }
}

/** Who came is told before who changed, which means nothing. */
const sorted = (message: Uint8Array | null) =>
  message === null ? null : readAwareness(message).sort((a, b) => a.clientId - b.clientId)

test('[Y2] a load client sends back the awareness entries that a stock client sends back', () => {
  const ids = [11, 22, 33]
  const own = { name: 'self' }
  const stock = new StockPresence(11, own)
  const echo = new PresenceEcho(0, ids.length)
  const frames = new AwarenessFrames(new Map(ids.map((id, member) => [id, member])))
  // Both begin with one state of their own.
  echo.advance()
  assert.is(echo.own, stock.awareness.meta.get(11)!.clock)
  const heard = [
    [{ clientId: 22, clock: 0, state: '{}' }],
    [{ clientId: 22, clock: 1, state: '{"at":1}' }],
    [{ clientId: 22, clock: 1, state: '{"at":1}' }],
    [
      { clientId: 22, clock: 2, state: '{"at":2}' },
      { clientId: 33, clock: 5, state: '{}' },
    ],
    [
      { clientId: 22, clock: 2, state: '{"at":2}' },
      { clientId: 33, clock: 6, state: '{"at":3}' },
    ],
    [{ clientId: 22, clock: 2, state: 'null' }],
    [{ clientId: 33, clock: 4, state: '{}' }],
    [{ clientId: 33, clock: 9, state: 'null' }],
    [{ clientId: 33, clock: 9, state: '{"at":4}' }],
    [{ clientId: 33, clock: 10, state: '{"at":4}' }],
  ]
  for (const entries of heard) {
    const message = awarenessMessage(entries)
    const [ours, theirs] = [echo.hear(frames.read(message), JSON.stringify(own)), stock.hear(message)]
    assert.equal(sorted(ours), sorted(theirs), JSON.stringify(entries))
  }
  assert.is(echo.others, 1)
  stock.awareness.destroy()
})

test('[Y2] a load client of whom others say that it left answers with a higher clock', () => {
  const frames = new AwarenessFrames(new Map([[11, 0]]))
  const echo = new PresenceEcho(0, 1)
  assert.is(echo.own, 0)
  const answer = echo.hear(
    frames.read(awarenessMessage([{ clientId: 11, clock: 4, state: 'null' }])),
    '{"a":1}',
  )
  assert.equal(readAwareness(answer!), [{ clientId: 11, clock: 5, state: '{"a":1}' }])
  echo.advance()
  assert.is(echo.own, 6)
})

test('[Y2] the same bytes are kept and read once, whoever received them', () => {
  const payloads = new Payloads()
  const typist = new Typist(77)
  const [first, second] = [typist.type(), typist.type()]
  const a = payloads.after(payloads.start, first)
  const b = payloads.after(payloads.start, Uint8Array.from(first))
  assert.is(a, b)
  assert.equal(a.ranges, [{ clientId: 77, from: 0, to: 1 }])
  assert.is(payloads.after(a, second), payloads.after(b, second))
  assert.equal(payloads.at(1).bytes, second)
  assert.equal(payloads.at(1).ranges, [{ clientId: 77, from: 1, to: 2 }])
})
