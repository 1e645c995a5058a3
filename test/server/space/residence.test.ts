/** Spaces whose document rests: what is served from bytes, what wakes it, and what it then is. */
import { setImmediate as breathe } from 'node:timers/promises'
import type { Engine } from '../../../server/space/engine.js'
import { PlenumError } from '../../../shared/errors.js'
import type { ServerMessage } from '../../../shared/protocol/index.js'
import { ASK_ALL, type Caller, Core, DEMO, NOTHING, spaceName } from '../../support/core.js'
import { documentOf } from '../../support/documents.js'
import { poisonBy } from '../../support/poison.js'
import { assert, suite } from '../../support/suite.js'
import { textIn, Writer } from '../../support/writer.js'

const test = suite('residence')

const DORMANT_AFTER_MS = 10_000

/** Every call of the engine but `fold`. */
const counting = (inline: Engine, calls: string[]): Engine => ({
  fold: (space, updates) => inline.fold(space, updates),
  join: updates => inline.join(updates),
  open: (space, updates) => {
    calls.push('open')
    return inline.open(space, updates)
  },
  apply: (space, batch) => {
    calls.push('apply')
    return inline.apply(space, batch)
  },
  stateVector: space => {
    calls.push('stateVector')
    return inline.stateVector(space)
  },
  diff: (space, stateVector) => {
    calls.push('diff')
    return inline.diff(space, stateVector)
  },
  intentions: space => inline.intentions(space),
  json: (space, roots) => inline.json(space, roots),
  close: space => inline.close(space),
})

/** A server that has just started on what `doc` wrote, and what is asked of its engine. */
const restarted = async (doc: Writer, edits: readonly string[]) => {
  const before = new Core({ limits: { maxUncommittedBytes: 10_000_000 } })
  const author = await before.live()
  for (const edit of edits) await author.say(doc.type(edit))
  await before.registry.drain(1000)
  const calls: string[] = []
  const core = new Core({
    disk: before.store.disk,
    idPrefix: 'next',
    engine: inline => counting(inline, calls),
  })
  return { core, calls }
}

/** Somebody who wrote `text`, in a space that has come to rest. */
const rested = async (text: string, options = {}) => {
  const core = new Core(options)
  const doc = new Writer()
  const author = await core.live()
  await author.say(doc.type(text))
  await core.advance(DORMANT_AFTER_MS + 2000)
  assert.is(core.engine.size, 0, 'it rests')
  assert.is(core.observer.of('rests'), 1)
  return { core, doc, author }
}

const textOf = async (core: Core): Promise<string> => textIn(await (await core.join()).say(ASK_ALL))
const savedCount = (messages: readonly ServerMessage[]): number =>
  messages.reduce((most, message) => (message.type === 'saved' ? message.count : most), 0)

test('[R14] newcomers to a cold space are served without a document, from a snapshot with a tail as well', async () => {
  for (const edits of [[], ['abc'], ['abc', 'de', 'f'], ['x'.repeat(70_000), 'tail', 'and more']]) {
    const doc = new Writer()
    const { core, calls } = await restarted(doc, edits)
    const callers: Caller[] = []
    for (const dialect of ['stock', 'plenum', 'stock'] as const) callers.push(await core.join({ dialect }))
    for (const caller of callers) {
      const messages = await caller.say(ASK_ALL, NOTHING)
      assert.is(messages.filter(({ type }) => type === 'step2').length, 1)
      assert.is(textIn(messages), edits.join(''))
    }
    assert.equal(calls, [])
    assert.is(core.engine.size, 0)
    // What they send next is taken, and relayed to the others.
    await callers[0]?.say(doc.type('!'))
    assert.is(core.engine.size, 1)
    assert.is(textIn([{ type: 'step2', update: doc.answer().update }]), `${edits.join('')}!`)
    assert.ok(callers[1]?.take().some(({ type }) => type === 'update'))
  }
})

test('[R14] [S4] who has everything is served without a document, and acknowledged', async () => {
  const doc = new Writer()
  doc.type('gone')
  const first = doc.answer().update
  const deletion = doc.edit(() => doc.text.delete(0, 2)).update
  const before = new Core()
  const author = await before.live()
  await author.say({ type: 'update', update: first }, { type: 'update', update: deletion })
  await before.registry.drain(1000)
  const calls: string[] = []
  const core = new Core({
    disk: before.store.disk,
    idPrefix: 'next',
    engine: inline => counting(inline, calls),
  })
  const back = await core.join()
  const step1 = back.take().find(message => message.type === 'step1')
  assert.ok(step1?.type === 'step1')
  const answer = await back.say(doc.ask(), doc.answer(step1.stateVector))
  assert.equal(calls, [])
  const step2 = answer.find(message => message.type === 'step2')
  assert.equal(step2, { type: 'step2', update: doc.answer(step1.stateVector).update })
  assert.is(savedCount(answer), 1)
})

test('[R14] however many need the document at a time, it is built once', async () => {
  const doc = new Writer()
  const { core, calls } = await restarted(doc, ['abc', 'def'])
  const writers = Array.from({ length: 10 }, () => new Writer())
  const callers: Caller[] = []
  for (const writer of writers) {
    const caller = await core.join()
    writer.read(await caller.say(ASK_ALL, NOTHING))
    callers.push(caller)
  }
  const old = await core.join()
  old.send({ type: 'step1', stateVector: partOf(doc) })
  for (const [i, caller] of callers.entries()) caller.send(writers[i]!.type(`${i}`))
  await core.settle()
  assert.is(calls.filter(call => call === 'open').length, 1)
  assert.is(core.observer.of('wakes'), 1)
  const text = await textOf(core)
  assert.is(text.length, 16)
  assert.is([...text].sort().join(''), '0123456789abcdef')
})

/** The state vector of a client that has the first half. */
const partOf = ({ doc }: Writer): Uint8Array => Uint8Array.of(1, ...varUint(doc.clientID), 3)

const varUint = (value: number): number[] =>
  value < 128 ? [value] : [(value % 128) + 128, ...varUint(Math.floor(value / 128))]

test('[R14] stored updates that build no document are repaired when they have to', async () => {
  const doc = new Writer()
  const { core } = await restarted(doc, ['abc'])
  let isBroken = true
  const next = new Core({
    disk: core.store.disk,
    idPrefix: 'third',
    engine: inline => ({
      ...counting(inline, []),
      open: async (space, updates) => {
        if (isBroken) throw new PlenumError('load_failed')
        return inline.open(space, updates)
      },
    }),
  })
  const caller = await next.join()
  assert.is(textIn(await caller.say(ASK_ALL, NOTHING)), 'abc')
  await caller.say(doc.type('d'))
  caller.take()
  assert.is(caller.closed?.code, 4500, 'nothing is acknowledged')
  assert.is(next.store.count('compact'), 1, 'a repair was asked for')
  isBroken = false
  const back = await next.join()
  assert.is(savedCount(await back.say(ASK_ALL, doc.answer())), 1)
  assert.is(await textOf(next), 'abcd')
})

test('[R15] a document that nobody edits comes to rest, and goes on where it was', async () => {
  const { core, doc, author } = await rested('abc')
  assert.is(await textOf(core), 'abc')
  assert.is(core.engine.size, 0, 'a newcomer does not wake it')
  assert.is(savedCount(await author.say(doc.type('d'))), 3)
  assert.is(core.engine.size, 1)
  assert.is(await textOf(core), 'abcd')
  await core.advance(DORMANT_AFTER_MS + 2000)
  assert.is(core.engine.size, 0)
  assert.is(await textOf(core), 'abcd')
  assert.is(core.observer.of('loads'), 1)
})

test('[R15] presence passes while it rests', async () => {
  const { core, author } = await rested('abc')
  const other = await core.live()
  const state = new TextEncoder().encode('{"a":1}')
  await author.say({ type: 'awareness', entries: Uint8Array.of(1, 7, 1, state.length, ...state) })
  assert.ok(other.take().some(({ type }) => type === 'awareness'))
  assert.is(core.engine.size, 0)
})

test('[R15] nothing rests while something of it is not on the disk, or a connection is behind', async () => {
  const core = new Core({ limits: { peerBudgetBytes: 200, slowPeerDeadlineMs: 600_000 } })
  const [author, slow] = [await core.live(), await core.live()]
  const doc = new Writer()
  core.store.hold('append')
  await author.say(doc.type('abc'))
  await core.advance(60_000)
  assert.is(core.engine.size, 1, 'it is not on the disk')
  author.send(doc.type('x'.repeat(300)), doc.type('y'))
  core.store.release('append')
  await core.advance(60_000)
  assert.ok(slow.session.flow.type === 'behind')
  assert.is(core.engine.size, 1, 'a connection is behind')
  slow.take()
  await core.settle()
  assert.is(slow.session.flow.type, 'live')
  await core.advance(60_000)
  assert.is(core.engine.size, 0)
})

test('[R15] what is edited while it comes to rest is neither lost nor relayed twice', async () => {
  let release = (): void => {}
  let isHeld = false
  const gate = new Promise<void>(resolve => {
    release = resolve
  })
  const core = new Core({
    engine: inline => ({
      ...counting(inline, []),
      intentions: space => inline.intentions(space),
      json: (space, roots) => inline.json(space, roots),
      close: async space => {
        if (isHeld) await gate
        await inline.close(space)
      },
    }),
  })
  const [author, reader] = [await core.live(), await core.live()]
  const doc = new Writer()
  await author.say(doc.type('abc'))
  reader.take()
  isHeld = true
  await core.advance(DORMANT_AFTER_MS + 2000)
  author.send(doc.type('def'))
  await breathe()
  release()
  await core.advance(1000)
  assert.is(reader.take().filter(({ type }) => type === 'update').length, 1)
  assert.is(await textOf(core), 'abcdef')
})

test('[R15] a kill while it rests loses nothing', async () => {
  const { core } = await rested('abc')
  const next = new Core({ disk: core.store.disk, idPrefix: 'next' })
  assert.is(await textOf(next), 'abc')
})

test('[R14] [R15] a document that is not what its encoding gives is built from what was relayed', async () => {
  const { entry, sting } = poisonBy(42)
  const core = new Core()
  const author = await core.live()
  await author.say({ type: 'update', update: entry })
  await author.say({ type: 'update', update: sting })
  const before = await core.engine.diff(DEMO, null)
  await core.advance(DORMANT_AFTER_MS + 2000)
  assert.is(core.engine.size, 0)
  await author.say(new Writer().type('a'))
  assert.ok(core.observer.reports.some(({ what }) => what.startsWith('a resting document')))
  assert.is(author.closed, null)
  const after = documentOf([await core.engine.diff(DEMO, null)])
  assert.is(after.getText('text').toString(), 'a')
  assert.not.equal(before, await core.engine.diff(DEMO, null))
  const { tail } = await core.store.load(DEMO)
  assert.is(tail.length, 3)
})

test('[R15] large bytes that nobody asks for are packed, and are what they were', async () => {
  const packed: number[] = []
  let unpacked = 0
  const core = new Core({
    packing: prompt => ({
      pack: async bytes => {
        const smaller = await prompt.pack(bytes)
        packed.push(smaller.length / bytes.length)
        return smaller
      },
      unpack: (bytes, length) => {
        unpacked++
        return prompt.unpack(bytes, length)
      },
    }),
  })
  const doc = new Writer()
  const text = 'a text of some length '.repeat(500)
  const author = await core.live()
  await author.say(doc.type(text))
  await core.advance(DORMANT_AFTER_MS + 10_000)
  assert.is(packed.length, 1)
  assert.ok(packed[0]! < 0.2)
  assert.is(await textOf(core), text)
  assert.is(await textOf(core), text)
  assert.is(unpacked, 1)
  await core.advance(10_000)
  assert.is(packed.length, 1, 'it was packed already')
  await author.say(doc.type('!'))
  assert.is(unpacked, 2)
  assert.is(core.observer.of('loads'), 1)
  assert.is(await textOf(core), `${text}!`)
  assert.equal(core.observer.reports, [])
})

test('[R15] a cold space that nobody asks for is packed with its tail', async () => {
  const doc = new Writer()
  const edits = ['x'.repeat(70_000), 'tail', 'and more']
  const { core } = await restarted(doc, edits)
  await core.live()
  await core.advance(10_000)
  const caller = await core.join()
  assert.is(textIn(await caller.say(ASK_ALL, NOTHING)), edits.join(''))
  await caller.say(doc.type('!'))
  assert.is(await textOf(core), `${edits.join('')}!`)
  assert.equal(core.observer.reports, [])
})

test('[R15] packed bytes that are spoiled cost nothing but time', async () => {
  const core = new Core({
    packing: prompt => ({ ...prompt, unpack: () => Promise.reject(new Error('not what was packed')) }),
  })
  const doc = new Writer()
  const author = await core.live()
  await author.say(doc.type('x'.repeat(5000)))
  await core.advance(DORMANT_AFTER_MS + 10_000)
  assert.is(savedCount(await author.say(doc.type('!'))), 3)
  assert.is((await textOf(core)).length, 5001)
})

test('[M11] who joins while others type costs no encoding of its own, and is sent everything as one step 2', async () => {
  const calls: string[] = []
  const core = new Core({ engine: inline => counting(inline, calls) })
  const doc = new Writer()
  const author = await core.live()
  await author.say(doc.type('a text of some length '.repeat(200)))
  for (let i = 0; i < 20; i++) {
    const newcomer = await core.join({ dialect: 'stock' })
    const messages = await newcomer.say(ASK_ALL, NOTHING)
    assert.equal(
      messages.filter(({ type }) => type === 'step2' || type === 'update').map(({ type }) => type),
      ['step2'],
    )
    assert.is(textIn(messages), doc.text.toString())
    await author.say(doc.edit(() => (i % 3 === 0 ? doc.text.delete(0, 2) : doc.text.insert(i, 'ü😀'))))
  }
  const encodings = (): number => calls.filter(call => call === 'diff').length
  assert.is(encodings(), 1)
  // What was typed since is a good part of it by now.
  await author.say(doc.type('x'.repeat(2000)))
  assert.is(await textOf(core), doc.text.toString())
  assert.is(encodings(), 2)
})

test('[R15] spaces that have been quiet for as long come to rest one after the other', async () => {
  let [encoding, most] = [0, 0]
  const core = new Core({
    engine: inline => ({
      ...counting(inline, []),
      diff: async (space, stateVector) => {
        most = Math.max(most, ++encoding)
        await breathe()
        encoding--
        return inline.diff(space, stateVector)
      },
    }),
  })
  for (let i = 0; i < 20; i++) {
    const author = await core.live({ space: spaceName(`quiet-${i}`) })
    await author.say(new Writer().type('x'))
  }
  most = 0
  await core.advance(DORMANT_AFTER_MS + 2000)
  for (let i = 0; i < 20; i++) await core.settle()

  assert.is(core.observer.of('rests'), 20)
  assert.is(most, 1)
})
