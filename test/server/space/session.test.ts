/** One connection in its space: what it is told, when, and what becomes of what it sends. */
import * as Y from 'yjs'
import type { Access } from '../../../server/space/peer.js'
import { PlenumError } from '../../../shared/errors.js'
import { encodeMessage, type ServerMessage } from '../../../shared/protocol/index.js'
import { ASK_ALL, Core, DEMO, NOTHING } from '../../support/core.js'
import { deletionsOf, documentOf } from '../../support/documents.js'
import { assert, suite } from '../../support/suite.js'
import { textIn, Writer } from '../../support/writer.js'

const test = suite('session')

const types = (messages: readonly ServerMessage[]): string[] => messages.map(({ type }) => type)
const only = <Type extends ServerMessage['type']>(messages: readonly ServerMessage[], type: Type) =>
  messages.filter((message): message is Extract<ServerMessage, { type: Type }> => message.type === type)
const savedCount = (messages: readonly ServerMessage[]): number | undefined =>
  only(messages, 'saved').at(-1)?.count

test('[R5] a plenum client is welcomed, then asked, then answered', async () => {
  const core = new Core()
  const caller = await core.join({ access: { role: 'admin', expiresAtMs: 1_800_000_000_000 } })
  const [welcome, question, ...rest] = caller.take()
  assert.is(welcome?.type, 'welcome')
  if (welcome?.type !== 'welcome') return
  assert.is(welcome.role, 'admin')
  assert.is(welcome.serverTimeMs, core.scheduler.now())
  assert.is(welcome.expiresAtMs, 1_800_000_000_000)
  assert.is(welcome.incarnation, `${core.store.id}.0`)
  assert.equal(question, { type: 'step1', stateVector: Uint8Array.of(0) })
  assert.equal(rest, [])
  assert.equal(types(await caller.say(ASK_ALL)), ['step2'])
})

test('[R5] a stock client is sent nothing of a type from 100, whatever happens', async () => {
  const core = new Core()
  const stock = await core.join({ dialect: 'stock', access: { expiresAtMs: core.scheduler.now() + 60_000 } })
  const reader = await core.live({ dialect: 'stock', access: { role: 'read' } })
  const writer = new Writer()
  stock.send(ASK_ALL, NOTHING, writer.type('a'))
  reader.send(new Writer().type('not allowed'), writer.answer())
  core.store.fail('append')
  await core.settle()
  stock.send(writer.type('b'))
  await core.advance(30_000)
  core.store.mend('append')
  await core.advance(10_000)
  void core.registry.drain(1000)
  await core.advance(2000)
  const frames = [...stock.takeFrames(), ...reader.takeFrames()]
  assert.ok(frames.length > 6, `${frames.length} frames`)
  assert.equal(
    frames.filter(([type]) => type === undefined || type >= 100),
    [],
  )
})

test('[S1] [S2] 101 comes when the message is on the disk, and not before', async () => {
  const core = new Core()
  const caller = await core.join()
  const writer = new Writer()
  core.store.hold('append')
  assert.is(savedCount(await caller.say(ASK_ALL, NOTHING)), 1, 'the empty step 2 needs no commit')
  assert.equal(types(await caller.say(writer.type('a'), writer.type('b'))), [])
  assert.equal(types(await caller.say(writer.type('c'))), [])
  core.store.release('append')
  await core.advance(50)
  const after = caller.take()
  assert.is(savedCount(after), 4)
  assert.is(only(after, 'saved').at(-1)?.position, 2)
})

test('[S4] a message that adds nothing waits for the position at which it was handled', async () => {
  const core = new Core()
  const [first, second] = [await core.live(), await core.live()]
  const edit = new Writer().type('a')
  core.store.hold('append')
  await first.say(edit)
  assert.equal(only(await second.say(edit), 'saved'), [], 'its content is not on the disk')
  core.store.release('append')
  await core.settle()
  assert.is(savedCount(first.take()), 2)
  assert.is(savedCount(second.take()), 2)
})

test('[S5] whoever wrote nothing is told the durable position once a second, never beyond what it was sent', async () => {
  const core = new Core()
  const writer = await core.live()
  const reader = await core.live({ access: { role: 'read' } })
  const joining = await core.join()
  joining.take()
  const doc = new Writer()
  for (let i = 0; i < 5; i++) await writer.say(doc.type('a'))
  assert.equal(only(reader.take(), 'saved'), [])
  await core.advance(1000)
  assert.equal(reader.take(), [{ type: 'saved', count: 1, position: 5 }])
  assert.equal(joining.take(), [])
  assert.equal(await joining.say(NOTHING), [{ type: 'saved', count: 1, position: 0 }])
  await core.advance(5000)
  assert.equal(reader.take(), [])
})

test('[M3] a lone author is not sent its own update, everybody else is, once', async () => {
  const core = new Core()
  const [author, other, stock] = [await core.live(), await core.live(), await core.live({ dialect: 'stock' })]
  const edit = new Writer().type('a')
  assert.equal(types(await author.say(edit)), ['saved'])
  assert.equal(other.take(), [edit])
  assert.equal(stock.take(), [edit])
})

test('[M3] authors who share a batch are sent one frame, with all of it', async () => {
  const core = new Core()
  const callers = [await core.live(), await core.live(), await core.live()]
  const writers = callers.map(() => new Writer())
  for (const [i, caller] of callers.entries()) caller.send(writers[i]!.type(`${i}`))
  await core.settle()
  const texts = callers.map((caller, i) => {
    assert.is(writers[i]!.read(caller.take()), 1, 'one frame each')
    return writers[i]!.text.toString()
  })
  assert.is(new Set(texts).size, 1)
  assert.is(texts[0]?.length, 3)
  assert.is(core.store.groups.length, 1)
})

test('[M3] a format clean-up is an event of its own, and reaches even the lone author', async () => {
  const core = new Core()
  const [author, other] = [await core.live(), await core.live()]
  const [doc, twin, late] = [new Writer(), new Writer(), new Writer()]
  // Of a type by name alone the server does not know that it is a text.
  const paragraph = ({ doc }: Writer) => doc.getXmlFragment('xml').get(0) as Y.XmlText
  const bold = (writer: Writer) => writer.edit(() => paragraph(writer).format(0, 3, { bold: true }))
  await author.say(doc.edit(() => doc.doc.getXmlFragment('xml').insert(0, [new Y.XmlText('abc')])))
  twin.read(other.take())
  const [first, second] = [bold(doc), bold(twin)]
  await author.say(first)
  const heard = await other.say(second)
  assert.is(only(heard, 'update').length, 3, 'the first formatting, its own, and the clean-up of both')
  twin.read(heard)
  doc.read(author.take())
  late.read(await (await core.join()).say(ASK_ALL))
  const stored = await core.store.load(DEMO)
  const disk = documentOf(stored.tail.flatMap(({ updates }) => updates))
  for (const { doc } of [twin, late, { doc: disk }])
    assert.ok(Y.equalDeleteSets(deletionsOf(doc), deletionsOf(late.doc)))
  assert.equal(paragraph(twin).toDelta(), [{ insert: 'abc', attributes: { bold: true } }])
})

test('[S8] a refused message is told once, and what comes later is dropped unread', async () => {
  const core = new Core()
  const reader = await core.live({ access: { role: 'read' } })
  const writer = new Writer()
  const answer = await reader.say(writer.type('a'), writer.type('b'), Uint8Array.of(0, 2, 3, 9, 9, 9))
  assert.equal(answer, [{ type: 'rejected', number: 2, code: 'read_only', reason: 'this role may not edit' }])
  assert.is(core.observer.of('rejections'), 1)
  await core.advance(5000)
  assert.equal(only(reader.take(), 'saved'), [], '101 never passes a refusal')
  assert.is(reader.closed, null)
  assert.is(textIn(await (await core.join()).say(ASK_ALL)), '')
})

test('[S8] a stock client is told of a refusal by one auth message', async () => {
  const core = new Core()
  const reader = await core.live({ dialect: 'stock', access: { role: 'read' } })
  const writer = new Writer()
  assert.equal(await reader.say(writer.type('a'), writer.type('b')), [
    { type: 'permission-denied', reason: 'read_only: this role may not edit' },
  ])
})

test('[M9] a reader who has nothing to say is not refused', async () => {
  const core = new Core()
  const author = await core.live()
  const doc = new Writer()
  await author.say(
    doc.type('abc'),
    doc.edit(() => doc.text.delete(1, 1)),
  )
  const reader = await core.join({ access: { role: 'read' } })
  const replica = new Writer()
  replica.read(await reader.say(replica.ask()))
  const answer = await reader.say(replica.answer())
  assert.equal(types(answer), ['saved'], 'its whole delete set is known here')
})

test('[M9] what a reader has more in its step 2 is left out, and it is told', async () => {
  const core = new Core()
  const reader = await core.join({ access: { role: 'read' } })
  const replica = new Writer()
  replica.type('lost by a crash')
  const answer = await reader.say(ASK_ALL, replica.answer())
  assert.equal(types(answer), ['welcome', 'step1', 'step2', 'notice', 'saved'])
  assert.is(core.observer.of('reader_extras'), 1)
  assert.is(textIn(await (await core.join()).say(ASK_ALL)), '')
})

test('[M6] a gap is answered by a step 1, once per state, and what fits stays', async () => {
  const core = new Core()
  const caller = await core.live()
  const writer = new Writer(1)
  const [first, second, third] = [writer.type('a'), writer.type('b'), writer.type('c')]
  const fits = new Writer(2).edit(doc => doc.getMap('map').set('k', 1))
  assert.equal(types(await caller.say(second)), ['step1'])
  assert.equal(types(await caller.say(third, second)), [], 'the same state, the same answer')
  assert.equal(types(await caller.say(fits)), [], 'handled, and held behind the gap')
  const asked = await caller.say(third)
  assert.equal(types(asked), [], 'an unanswered step 1 will bring it')
  const healed = await caller.say({ type: 'step2', update: writer.answer().update })
  assert.is(savedCount(healed), 7, 'all of them, once the answer is on the disk')
  assert.is(textIn(await (await core.join()).say(ASK_ALL)), 'abc')
  assert.equal(types(await caller.say(first)), ['saved'])
})

test('[M6] a gap that its reply did not fill is not asked about again while the document is the same', async () => {
  const core = new Core()
  const caller = await core.live()
  const writer = new Writer()
  writer.type('a')
  const gap = writer.type('b')
  assert.equal(types(await caller.say(gap)), ['step1'])
  await caller.say(NOTHING)
  assert.equal(types(await caller.say(gap)), [])
  assert.equal(types(await caller.say(NOTHING, gap)), [], 'nobody asked for that step 2')
  await caller.say(new Writer().type('c'))
  assert.equal(types(await caller.say(gap)), ['step1'], 'it is another state')
})

test('[M6] [S3] a reply that is not on the disk holds the acks as the gap did', async () => {
  const core = new Core()
  const caller = await core.live()
  const writer = new Writer()
  writer.type('a')
  await caller.say(writer.type('b'))
  core.store.hold('append')
  assert.equal(types(await caller.say(writer.answer())), [])
  core.store.release('append')
  await core.settle()
  assert.is(savedCount(caller.take()), 3)
})

test('[M7] the pending rest of a step 2 is its sender’s own: dropped, and acknowledged', async () => {
  const core = new Core()
  const caller = await core.join()
  const [author, replica] = [new Writer(), new Writer()]
  author.type('a')
  replica.read([author.type('b')])
  replica.edit(doc => doc.getMap('map').set('k', 1))
  const answer = await caller.say(ASK_ALL, replica.answer())
  assert.is(savedCount(answer), 1)
  assert.is(core.observer.of('pending_dropped'), 1)
  const late = new Writer()
  late.read(await (await core.join()).say(ASK_ALL))
  assert.is(late.doc.getMap('map').get('k'), 1)
  assert.is(late.doc.store.pendingStructs, null)
})

test('[W3] [M4] what is not a message closes that connection with malformed, and no other', async () => {
  const core = new Core()
  const bystander = await core.live()
  for (const frame of [
    Uint8Array.of(),
    Uint8Array.of(9),
    Uint8Array.of(101, 1, 1),
    Uint8Array.of(0, 2, 200),
    Uint8Array.of(0, 2, 2, 0, 0, 0),
    Uint8Array.of(0, 2, 1, 0),
    Uint8Array.of(0, 0, 1, 9),
    Uint8Array.of(1, 1, 9),
  ]) {
    const caller = await core.live()
    await caller.say(frame)
    assert.is(caller.closed?.code, 4400, `${frame}`)
  }
  assert.is(bystander.closed, null)
  assert.is(core.registry.status.peers, 1)
})

test('[R5] a stock client that hands in a token is malformed: it was offered nothing of the kind', async () => {
  const core = new Core()
  const stock = await core.live({ dialect: 'stock' })
  await stock.say({ type: 'authenticate', token: 't' })
  assert.is(stock.closed?.code, 4400)
})

test('[R13] a frame above the limit closes with too_large', async () => {
  const core = new Core({ limits: { maxFrameBytes: 100 } })
  const caller = await core.live()
  await caller.say(new Writer().type('x'.repeat(200)))
  assert.is(caller.closed?.code, 4413)
})

test('[R6] an expired token closes with 4501, at the sweep or at the next message', async () => {
  const core = new Core()
  const expiresAtMs = core.scheduler.now() + 2000
  const [quiet, busy] = [
    await core.live({ access: { expiresAtMs } }),
    await core.live({ dialect: 'stock', access: { expiresAtMs } }),
  ]
  await core.scheduler.advance(1999)
  await busy.say(new Writer().type('in time'))
  assert.is(busy.closed, null)
  await core.scheduler.advance(1)
  await busy.say(new Writer().type('too late'))
  assert.is(busy.closed?.code, 4501)
  await core.advance(1000)
  quiet.take()
  assert.is(quiet.closed?.code, 4501)
  assert.is(textIn(await (await core.join()).say(ASK_ALL)), 'in time')
})

test('[R6] a fresh token of the same user changes role and expiry in place', async () => {
  const core = new Core()
  const expiresAtMs = core.scheduler.now() + 5000
  const renewed: Access = { user: 'ann', name: null, role: 'write', expiresAtMs: null }
  const caller = await core.live({
    access: { role: 'read', expiresAtMs },
    authenticate: async token => {
      assert.is(token, 'fresh')
      return renewed
    },
  })
  assert.equal(await caller.say({ type: 'authenticate', token: 'fresh' }), [
    { type: 'access', role: 'write', expiresAtMs: 0 },
  ])
  await core.advance(10_000)
  assert.is(savedCount(await caller.say(new Writer().type('a'))), 2)
})

test('[R6] a token of another user closes with 4401, and a refused one with its code', async () => {
  const core = new Core()
  const other: Access = { user: 'bob', name: null, role: 'admin', expiresAtMs: null }
  const [taken, expired] = [
    await core.live({ authenticate: async () => other }),
    await core.live({
      authenticate: async () => {
        throw new PlenumError('token_expired')
      },
    }),
  ]
  await taken.say({ type: 'authenticate', token: 't' })
  await expired.say({ type: 'authenticate', token: 't' })
  assert.is(taken.closed?.code, 4401)
  assert.is(expired.closed?.code, 4501)
})

test('[D58] a frame is lent: what is kept of it is a copy', async () => {
  const core = new Core()
  const [caller, other] = [await core.live(), await core.live()]
  const writer = new Writer()
  // All in one batch: the first waits while the later ones come, each to where the one before was.
  caller.send(writer.type('mine'), ASK_ALL, writer.type(' and his'))
  await core.settle()
  const answers = caller.take()
  assert.equal([only(answers, 'rejected').length, savedCount(answers)], [0, 3])
  assert.is(textIn(other.take()), 'mine and his')
})

test('[A7] whoever was sent nothing for 20 s is sent the empty awareness frame, in either dialect', async () => {
  const core = new Core()
  const callers = [await core.live(), await core.live({ dialect: 'stock' })]
  await core.advance(1000)
  for (const caller of callers) caller.take()
  // What the clock on the wall does is of no account.
  core.scheduler.jump(-3_600_000)
  await core.advance(18_000)
  for (const caller of callers) assert.equal(caller.takeFrames(), [])
  await core.advance(4000)
  for (const caller of callers) assert.equal(caller.takeFrames(), [Uint8Array.of(1, 1, 0)])
  await core.advance(15_000)
  for (const caller of callers) assert.equal(caller.takeFrames(), [])
  await core.advance(10_000)
  for (const caller of callers) assert.equal(caller.takeFrames(), [Uint8Array.of(1, 1, 0)])
})

test('[A7] what a stock provider would not notice is nothing: whoever hears of their own edits alone is sent it, too', async () => {
  const core = new Core()
  const author = await core.live()
  const writer = new Writer()
  let empty = 0
  for (let second = 0; second < 45; second++) {
    await author.say(writer.type('a'))
    await core.advance(1000)
    empty += author.takeFrames().filter(([type]) => type === 1).length
  }
  assert.is(empty, 2)
})

test('[M11] the answer for a newcomer is built once per state, and never stale', async () => {
  const core = new Core()
  let diffs = 0
  const { engine } = core
  const diff = engine.diff.bind(engine)
  engine.diff = (...args) => {
    diffs++
    return diff(...args)
  }
  const author = await core.live()
  const doc = new Writer()
  for (let i = 1; i <= 5; i++) {
    await author.say(doc.type('a'))
    diffs = 0
    const newcomers = [await core.join(), await core.join({ dialect: 'stock' }), await core.join()]
    for (const newcomer of newcomers) assert.is(textIn(await newcomer.say(ASK_ALL)).length, i)
    assert.is(diffs, 1)
  }
})

test('[M10] at its quota a document takes deletions and refuses growth', async () => {
  const core = new Core({ limits: { maxDocumentBytes: 2000 } })
  const [author, other] = [await core.live(), await core.live()]
  const doc = new Writer()
  await author.say(doc.type('x'.repeat(2500)))
  const late = new Writer()
  assert.equal(
    only(await other.say(late.type('y')), 'rejected').map(({ code }) => code),
    ['too_large'],
  )
  const shrunk = await author.say(doc.edit(() => doc.text.delete(0, 2400)))
  assert.is(savedCount(shrunk), 3)
  await core.advance(1000)
  author.take()
  assert.is(savedCount(await author.say(doc.type('z'))), 4, 'there is room again')
})

test('[M10] a long log of a small document is not a large document', async () => {
  const core = new Core({ limits: { maxDocumentBytes: 2000 } })
  const author = await core.live()
  const doc = new Writer()
  for (let i = 0; i < 60; i++) {
    const edit = doc.edit(() => {
      doc.text.delete(0, doc.text.length)
      doc.text.insert(0, 'x'.repeat(100))
    })
    assert.is(savedCount(await author.say(edit)), i + 2)
  }
})

test('[B5] a sender above what may wait is not read from until there is room', async () => {
  const core = new Core({ limits: { maxInboxBytes: 1000 } })
  const caller = await core.live()
  const doc = new Writer()
  caller.send(doc.type('x'.repeat(900)))
  assert.not(caller.door.isPaused)
  caller.send(doc.type('x'.repeat(900)))
  assert.ok(caller.door.isPaused)
  caller.send(doc.type('x'.repeat(900)))
  await core.advance(50)
  assert.not(caller.door.isPaused)
  assert.is(savedCount(caller.take()), 4)
})

test('[B5] nothing more is applied while too much is not on the disk', async () => {
  const core = new Core({ limits: { maxInboxBytes: 100, maxUncommittedBytes: 1000 } })
  const caller = await core.live()
  const doc = new Writer()
  core.store.hold('append')
  await caller.say(doc.type('x'.repeat(1100)))
  await caller.say(doc.type('x'.repeat(1100)))
  assert.ok(caller.door.isPaused)
  assert.is(core.observer.of('flushes'), 2, 'the empty step 2 and the first edit')
  core.store.release('append')
  await core.settle()
  assert.not(caller.door.isPaused)
  assert.is(savedCount(caller.take()), 3)
})

test('[B5] what waits for the disk when storage fails is discarded, and its sender read from again', async () => {
  const core = new Core({ limits: { maxInboxBytes: 100, maxUncommittedBytes: 1000 } })
  const caller = await core.live()
  const doc = new Writer()
  core.store.hold('append')
  core.store.fail('append', 1)
  await caller.say(doc.type('x'.repeat(1100)))
  await caller.say(doc.type('x'.repeat(1100)))
  assert.ok(caller.door.isPaused)
  core.store.release('append')
  await core.settle()
  assert.not(caller.door.isPaused)
  assert.is(core.observer.of('discarded'), 1)
})

test('[D56] of what was not read when a connection goes, edits and signals count, and nobody is asked anything', async () => {
  let asked = 0
  const core = new Core()
  const other = await core.live({ access: { user: 'bea' } })
  const caller = await core.live({
    authenticate: async () => {
      asked++
      throw new PlenumError('unauthenticated')
    },
  })
  const writer = new Writer()
  const { session } = caller
  other.take()

  session.leave('closed', [
    encodeMessage({ type: 'authenticate', token: 'a.b.c' }),
    encodeMessage(ASK_ALL),
    encodeMessage(writer.type('a')),
    encodeMessage({ type: 'signal', to: null, json: '"bye"' }),
    encodeMessage(writer.type('b')),
    Uint8Array.of(255),
    encodeMessage(writer.type('after what cannot be read')),
  ])

  assert.is(session.isOpen, false)
  await core.settle()
  const told = other.take()
  assert.is(asked, 0)
  assert.is(textIn(told), 'ab')
  assert.equal(
    only(told, 'signalled').map(({ json }) => json),
    ['"bye"'],
  )
  assert.is((await core.store.load(DEMO)).position, 1)
})
