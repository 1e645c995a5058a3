/** Spaces of one process: opened, evicted, and nobody else's trouble. */
import { MIN_TAIL_UPDATES } from '../../../server/space/compaction-policy.js'
import type { Engine } from '../../../server/space/engine.js'
import { PlenumError } from '../../../shared/errors.js'
import { ASK_ALL, Core, DEMO, NOTHING, spaceName } from '../../support/core.js'
import { rejectsWithCode } from '../../support/expect.js'
import { isGone } from '../../support/gone.js'
import { SocketPair } from '../../support/socket-pair.js'
import { assert, suite } from '../../support/suite.js'
import { textIn, Writer } from '../../support/writer.js'

const test = suite('registry')

/** The text that a newcomer finds. */
const textOf = async (core: Core, space = DEMO): Promise<string> =>
  textIn(await (await core.join({ space })).say(ASK_ALL))

/** A space that has this text, saved and evicted. */
const written = async (text: string, options = {}): Promise<Core> => {
  const core = new Core(options)
  const author = await core.live()
  await author.say(new Writer().type(text))
  author.hangUp()
  await core.advance(40_000)
  isGone(core)
  return core
}

test('[R1] however many join at once, the space is loaded once', async () => {
  const core = await written('abc')
  const loads = core.store.count('load')
  core.store.hold('load')
  const callers = Array.from({ length: 20 }, () => core.call())
  const other = core.call({ space: spaceName('other') })
  await core.settle()
  core.store.release('load')
  await core.settle()
  assert.is(core.store.count('load') - loads, 2)
  assert.is(core.registry.status.peers, 21)
  for (const caller of callers) assert.is(textIn(await caller.say(ASK_ALL)), 'abc')
  assert.is(textIn(await other.say(ASK_ALL)), '')
})

test('[R2] a failed load refuses all who asked, leaves nothing, and the next is served', async () => {
  const core = await written('abc')
  core.store.hold('load')
  core.store.fail('load', 2)
  const callers = [core.call(), core.call({ dialect: 'stock' }), core.call()]
  await core.settle()
  core.store.release('load')
  await core.settle()
  for (const caller of callers) {
    assert.equal(caller.take(), [])
    assert.is(caller.closed?.code, 4500)
  }
  isGone(core)
  assert.is(core.observer.of('load_failures'), 1)
  core.store.mend('load')
  assert.is(await textOf(core), 'abc')
})

test('[R2] so does an engine that cannot build the document', async () => {
  let isBroken = true
  const core = new Core({
    engine: inline => ({
      fold: async () => null,
      join: async () => null,
      open: async (space, updates) => {
        if (isBroken) throw new PlenumError('load_failed')
        return inline.open(space, updates)
      },
      apply: (space, batch) => inline.apply(space, batch),
      stateVector: space => inline.stateVector(space),
      diff: (space, stateVector) => inline.diff(space, stateVector),
      intentions: space => inline.intentions(space),
      json: (space, roots) => inline.json(space, roots),
      close: space => inline.close(space),
    }),
  })
  const caller = await core.join()
  caller.take()
  assert.is(caller.closed?.code, 4500)
  isGone(core)
  isBroken = false
  assert.is(await textOf(core), '')
})

test('[R16] a store that never answers refuses who waits for it, and what it says later is nobody’s', async () => {
  for (const call of ['load', 'catalogue'] as const) {
    const core = new Core({ limits: { storeTimeoutMs: 5_000 } })
    core.store.hold(call)
    const callers = [core.call(), core.call({ dialect: 'stock' })]
    const asked = core.registry.desk.snapshot(DEMO).catch(error => error.code)
    await core.advance(4_000)
    for (const caller of callers) assert.is(caller.closed, null, call)
    await core.advance(2_000)
    for (const caller of callers) {
      assert.equal(caller.take(), [])
      assert.is(caller.closed?.code, 4500, call)
    }
    core.store.release(call)
    await core.settle()
    if (call === 'load') assert.is(await asked, 'load_failed')
    else await asked
    assert.is(core.store.count('compact'), 0, 'nothing is wrong with what is stored')
    const writer = new Writer()
    await (await core.live()).say(writer.type('a'))
    assert.is(await textOf(core), 'a')
    assert.is(core.scheduler.pending, 0)
  }
})

test('[R2] a client that goes away while the space is loading leaves nobody behind', async () => {
  const core = await written('abc')
  core.store.hold('load')
  const caller = core.call()
  caller.hangUp()
  core.store.release('load')
  await core.settle()
  assert.is(core.registry.status.peers, 0)
  await core.advance(40_000)
  isGone(core)
})

test('[R3] an empty space leaves memory after its grace, and what was typed is found again', async () => {
  const core = new Core({ limits: { evictAfterMs: 5000 } })
  const author = await core.live()
  await author.say(new Writer().type('abc'))
  await core.advance(20_000)
  assert.is(core.registry.status.spaces, 1, 'somebody is there')
  author.hangUp()
  await core.advance(4000)
  assert.is(core.registry.status.spaces, 1, 'the grace')
  await core.advance(2000)
  isGone(core)
  assert.is(await textOf(core), 'abc')
})

test('[R3] nothing is evicted while anything of it is not on the disk', async () => {
  const core = new Core()
  const author = await core.live()
  core.store.hold('append')
  await author.say(new Writer().type('abc'))
  author.hangUp()
  await core.advance(120_000)
  assert.is(core.engine.size, 1)
  assert.is(await textOf(core), 'abc')
  core.store.release('append')
  await core.settle()
  assert.is(core.registry.status.uncommittedBytes, 0)
})

test('[R3] who joins during the eviction waits and finds everything', async () => {
  let release = (): void => {}
  const core = await (async () => {
    const gate = new Promise<void>(resolve => {
      release = resolve
    })
    return new Core({
      engine: inline => slowClose(inline, gate),
      limits: STAYS_AWAKE,
    })
  })()
  const author = await core.live()
  await author.say(new Writer().type('abc'))
  author.hangUp()
  await core.advance(40_000)
  const caller = core.call()
  await core.settle()
  assert.equal(caller.take(), [], 'the eviction is not over')
  release()
  await core.settle()
  assert.is(textIn(await caller.say(ASK_ALL)), 'abc')
  assert.is(core.registry.status.spaces, 1)
})

/** Documents are freed by evictions only. */
const STAYS_AWAKE = { dormantAfterMs: 600_000 }

const slowClose = (inline: Engine, gate: Promise<void>): Engine => ({
  fold: (space, updates) => inline.fold(space, updates),
  join: updates => inline.join(updates),
  open: (space, updates) => inline.open(space, updates),
  apply: (space, batch) => inline.apply(space, batch),
  stateVector: space => inline.stateVector(space),
  diff: (space, stateVector) => inline.diff(space, stateVector),
  intentions: space => inline.intentions(space),
  json: (space, roots) => inline.json(space, roots),
  close: async space => {
    await gate
    await inline.close(space)
  },
})

test('[R3] an engine that cannot close a space hurts nobody', async () => {
  const gate = Promise.reject(new Error('the worker is gone'))
  gate.catch(() => {})
  const core = new Core({ engine: inline => slowClose(inline, gate), limits: STAYS_AWAKE })
  const author = await core.live()
  await author.say(new Writer().type('abc'))
  author.hangUp()
  await core.advance(40_000)
  assert.is(core.registry.status.spaces, 0)
  assert.equal(
    core.observer.reports.map(({ what }) => what),
    ['closing a space failed'],
  )
  assert.is(await textOf(core), 'abc')
})

test('[R4] what is committed while the space is loading is neither lost nor acknowledged too early', async () => {
  for (const isCommitFirst of [true, false]) {
    const failing = { isBroken: false }
    const core = new Core({ engine: inline => brokenWhen(inline, failing) })
    const author = await core.live()
    const doc = new Writer()
    core.store.hold('append')
    await author.say(doc.type('abc'))
    // The space ends with an edit on its way to the disk, and is loaded again.
    failing.isBroken = true
    await author.say(doc.ask())
    author.take()
    assert.is(author.closed?.code, 4500)
    failing.isBroken = false
    core.store.hold('load')
    const back = core.call()
    await core.settle()
    if (isCommitFirst) core.store.release('append')
    await core.settle()
    core.store.release('load')
    await core.settle()
    const answer = await back.say(ASK_ALL, doc.answer())
    assert.is(textIn(answer), 'abc')
    const isTold = answer.some(({ type }) => type === 'saved')
    assert.is(isTold, isCommitFirst, 'the step 2 adds nothing, and its content is not on the disk')
    core.store.release('append')
    await core.settle()
    await core.advance(1000)
    const saved = [...answer, ...back.take()].filter(({ type }) => type === 'saved')
    assert.equal(saved.at(-1), { type: 'saved', count: 1, position: 1 })
    await back.say(doc.type('d'))
    assert.is(core.registry.status.uncommittedBytes, 0)
    assert.not(core.registry.status.isDegraded)
  }
})

const brokenWhen = (inline: Engine, failing: { isBroken: boolean }): Engine => ({
  fold: (space, updates) => inline.fold(space, updates),
  join: updates => inline.join(updates),
  open: (space, updates) => inline.open(space, updates),
  apply: (space, batch) => inline.apply(space, batch),
  stateVector: space => inline.stateVector(space),
  diff: async (space, stateVector) => {
    if (failing.isBroken && space === DEMO) throw new Error('an engine that fails')
    return inline.diff(space, stateVector)
  },
  intentions: space => inline.intentions(space),
  json: (space, roots) => inline.json(space, roots),
  close: space => inline.close(space),
})

test('[S10] a load that read a flush on its way, which the store then refused, opens no space with it', async () => {
  const failing = { isBroken: false }
  const core = new Core({ engine: inline => brokenWhen(inline, failing) })
  const author = await core.live()
  const doc = new Writer()
  core.store.hold('append')
  core.store.fail('append', 2, 'internal')
  await author.say(doc.type('never stored'))
  failing.isBroken = true
  await author.say(doc.ask())
  failing.isBroken = false
  core.store.hold('load')
  const early = core.call()
  await core.settle()
  core.store.release('append')
  await core.settle()
  core.store.release('load')
  await core.settle()
  assert.equal(early.take(), [])
  assert.is(early.closed?.code, 4500)
  assert.equal([core.registry.status.spaces, core.engine.size], [0, 0])
  const back = await core.live()
  await back.say(doc.answer())
  assert.is(await textOf(core), 'never stored')
  assert.is((await core.store.load(DEMO)).position, 1)
})

test('[R4] what is on the disk and not confirmed is not told as durable', async () => {
  const failing = { isBroken: false }
  const core = new Core({ engine: inline => brokenWhen(inline, failing) })
  const author = await core.live()
  const doc = new Writer()
  core.store.isNextAnswerLost = true
  core.store.hold('reopen')
  await author.say(doc.type('abc'))
  failing.isBroken = true
  await author.say(doc.ask())
  failing.isBroken = false
  const back = await core.live()
  await core.advance(5000)
  assert.equal(
    back.take().filter(({ type }) => type === 'saved'),
    [],
  )
  core.store.release('reopen')
  await core.advance(5000)
  const positions = back.take().flatMap(message => (message.type === 'saved' ? [message.position] : []))
  assert.equal(positions, [1])
})

test('[R9] whoever joins in the turn in which the space fails is let into the next one or refused', async () => {
  for (let microtasks = 0; microtasks < 20; microtasks++) {
    let fail = (_error: Error): void => {}
    const failing = new Promise<Uint8Array>((_resolve, reject) => {
      fail = reject
    })
    failing.catch(() => {})
    let isHeld = false
    const core = new Core({
      engine: inline => ({
        ...brokenWhen(inline, { isBroken: false }),
        diff: (space, stateVector) => (isHeld ? failing : inline.diff(space, stateVector)),
      }),
    })
    const first = await core.live()
    isHeld = true
    await first.say({ type: 'step1', stateVector: Uint8Array.of(1, 1, 1) })
    isHeld = false
    fail(new Error('an engine that fails'))
    for (let i = 0; i < microtasks; i++) await null
    const second = core.call()
    await core.settle()
    const messages = await second.say(ASK_ALL)
    const isServed = messages.some(({ type }) => type === 'step2')
    assert.ok(isServed || second.closed?.code === 4500, `after ${microtasks} microtasks`)
  }
})

test('[R7] one connection more than the space takes is refused, and may come back later', async () => {
  const core = new Core({ limits: { maxPeersPerSpace: 2 } })
  const [first] = [await core.live(), await core.live()]
  const refused = core.registry.join(DEMO, new SocketPair().server.asPeer(), {
    dialect: 'stock',
    access: { user: 'ann', name: null, role: 'write', expiresAtMs: null },
    authenticate: () => Promise.reject(new Error('never')),
  })
  await rejectsWithCode('rate_limited', refused)
  first.hangUp()
  await core.live()
  assert.is(core.registry.status.peers, 2)
})

test('[R9] a space whose engine fails closes its own connections, and is loaded anew', async () => {
  const failing = { isBroken: false }
  const core = new Core({ engine: inline => brokenWhen(inline, failing) })
  const [victim, writer] = [await core.live(), await core.live()]
  const bystander = await core.live({ space: spaceName('other') })
  await writer.say(new Writer().type('abc'))
  failing.isBroken = true
  await victim.say({ type: 'step1', stateVector: Uint8Array.of(0) })
  for (const caller of [victim, writer]) {
    caller.take()
    assert.is(caller.closed?.code, 4500)
  }
  failing.isBroken = false
  assert.is(bystander.closed, null)
  await bystander.say(new Writer().type('d'))
  assert.is(await textOf(core), 'abc')
  assert.is(core.registry.status.spaces, 2)
})

test('[R10] a log that has outgrown its snapshot is compacted, and the space goes on', async () => {
  const core = new Core()
  const author = await core.live()
  const doc = new Writer()
  await author.say(doc.type('x'.repeat(70_000)))
  await core.settle()
  assert.is(core.store.count('compact'), 1)
  for (let i = 0; i < MIN_TAIL_UPDATES; i++) author.send(doc.type('y'))
  await core.settle()
  await author.say(doc.type('z'))
  assert.ok(core.store.count('compact') <= 2)
  assert.is(await textOf(core), doc.text.toString())
  assert.is((await core.store.load(DEMO)).snapshot?.position, 1)
})

test('[R10] a compaction that fails is reported, and tried again when the log has grown as much again', async () => {
  const core = new Core()
  const author = await core.live()
  const doc = new Writer()
  core.store.fail('compact', 1)
  await author.say(doc.type('x'.repeat(70_000)))
  for (let i = 0; i < 5; i++) await author.say(doc.type('y'))
  assert.is(core.store.count('compact'), 1)
  assert.equal(
    core.observer.reports.map(({ what }) => what),
    ['compaction failed'],
  )
  await author.say(doc.type('x'.repeat(70_000)))
  assert.is(core.store.count('compact'), 2)
  assert.is(author.closed, null)
})

const repaired = { type: 'repaired', position: 1, bytes: 10, dropped: [] } as const

test('[R10] [R11] after a repair everybody comes back, and nothing that was under way is logged', async () => {
  const core = new Core()
  const author = await core.live()
  const doc = new Writer()
  core.store.hold('compact')
  core.store.compactions.push(repaired)
  await author.say(doc.type('x'.repeat(70_000)))
  author.send(doc.type('under way'))
  core.store.release('compact')
  await core.settle()
  author.take()
  assert.is(author.closed?.code, 4500)
  const back = await core.join()
  await back.say(ASK_ALL, doc.answer())
  await core.settle()
  assert.not(core.registry.status.isDegraded)
  assert.equal(
    core.observer.reports.filter(({ level }) => level === 'error'),
    [],
  )
  assert.is(await textOf(core), doc.text.toString())
})

test('[R11] a turn that outlives its space brings nothing, and the next opening waits for it', async () => {
  let isHeld = false
  let release = (): void => {}
  const gate = new Promise<void>(resolve => {
    release = resolve
  })
  const core = new Core({
    engine: inline => ({
      ...brokenWhen(inline, { isBroken: false }),
      apply: async (space, batch) => {
        const result = await inline.apply(space, batch)
        if (isHeld) await gate
        return result
      },
    }),
  })
  const author = await core.live()
  const doc = new Writer()
  core.store.hold('compact')
  core.store.compactions.push(repaired)
  await author.say(doc.type('x'.repeat(70_000)))
  isHeld = true
  await author.say(doc.type('under way'))
  core.store.release('compact')
  await core.settle()
  const loads = core.store.count('load')
  const next = core.call()
  await core.settle()
  assert.is(core.store.count('load'), loads, 'the turn is not over')
  isHeld = false
  release()
  await core.settle()
  assert.is(textIn(await next.say(ASK_ALL)).length, 70_000)
  assert.is((await core.store.load(DEMO)).position, 1)
  assert.is(core.registry.status.uncommittedBytes, 0)
})

test('[R10] a space that was loading while it was repaired is loaded again', async () => {
  const core = new Core()
  const author = await core.live()
  core.store.hold('compact')
  core.store.compactions.push(repaired)
  await author.say(new Writer().type('x'.repeat(70_000)))
  author.hangUp()
  await core.advance(40_000)
  assert.is(core.registry.status.spaces, 0)
  core.store.hold('load')
  const caller = core.call()
  await core.settle()
  core.store.release('compact')
  await core.settle()
  core.store.release('load')
  await core.settle()
  caller.take()
  assert.is(caller.closed?.code, 4500)
  assert.is(core.registry.status.spaces, 0)
})

test('[R10] a space that is written to all the time is closed for its repair; who comes back waits', async () => {
  const core = new Core()
  const author = await core.live()
  const doc = new Writer()
  core.store.compactions.push({ type: 'skipped', why: 'written-meanwhile' }, repaired)
  core.store.hold('compact')
  await author.say(doc.type('x'.repeat(70_000)))
  core.store.hold('append')
  await author.say(doc.type('y'))
  core.store.release('compact')
  await core.settle()
  author.take()
  assert.is(author.closed?.code, 4500)
  const back = core.call()
  await core.settle()
  assert.equal(back.take(), [])
  assert.is(core.store.count('compact'), 1, 'what is on its way comes first')
  core.store.release('append')
  await core.settle()
  assert.ok(core.store.count('compact') >= 2)
  assert.is(textIn(await back.say(ASK_ALL)), doc.text.toString())
})

test('[R10] a quarantined space is read, and nothing in it is written or acknowledged', async () => {
  const core = new Core()
  const author = await core.live()
  const doc = new Writer()
  core.store.compactions.push({ type: 'quarantined', reason: 'as the test wants it' })
  const told = await author.say(doc.type('x'.repeat(70_000)))
  assert.ok(told.some(message => message.type === 'notice' && message.kind === 'read-only'))
  const appends = core.store.count('append')
  assert.equal(await author.say(doc.type('y')), [])
  assert.is(core.store.count('append'), appends)
  const newcomer = await core.join()
  const greeting = await newcomer.say(ASK_ALL)
  assert.ok(greeting.some(message => message.type === 'notice' && message.kind === 'read-only'))
  assert.is(textIn(greeting).length, 70_000)
})

test('[R10] a state that does not load is repaired once, and only then refused', async () => {
  const core = await written('abc')
  core.store.fail('load', 1)
  core.store.compactions.push(repaired)
  assert.is(await textOf(core), 'abc')
  assert.is(core.store.count('compact'), 1)
})

test('[R12] an idle space flushes at once, a busy one collects', async () => {
  const core = new Core({ limits: { flushWindowMaxMs: 5_000 } })
  const author = await core.live()
  const doc = new Writer()
  core.scheduler.costMs = 20
  for (let i = 0; i < 3; i++) await author.say(doc.type('a'))
  // From here on the clock stands.
  core.scheduler.costMs = 0
  const before = core.observer.of('flushes')
  for (let i = 0; i < 10; i++) await author.say(doc.type('a'))
  const flushes = core.observer.of('flushes') - before
  assert.ok(flushes <= 1, `${flushes} flushes of 10 messages`)
  await core.advance(5_000)
  assert.is(await textOf(core), doc.text.toString())
  await author.say(NOTHING)
  assert.is(core.observer.of('document_messages'), 15)
})
