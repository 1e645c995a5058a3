/** How the spaces of a process end: what was received gets to the disk, and nothing new begins. */
import { ASK_ALL, type Caller, Core, DEMO, spaceName } from '../../support/core.js'
import { isGone } from '../../support/gone.js'
import { assert, suite } from '../../support/suite.js'
import { textIn, Writer } from '../../support/writer.js'

const test = suite('drain')

/** What a drain did, with the clock moved until it ended. */
const drain = async (core: Core, deadlineMs: number) => {
  const report = core.registry.drain(deadlineMs)
  await core.advance(deadlineMs + 1000)
  return report
}

test('[R8] a drain saves and acknowledges what was received, and closes everybody with 4503', async () => {
  const core = new Core()
  const callers: Caller[] = []
  for (let i = 0; i < 250; i++) callers.push(await core.live({ space: spaceName(`space${i % 3}`) }))
  const stock = await core.live({ dialect: 'stock' })
  for (const caller of callers) caller.send(new Writer().type('a'))
  const report = await drain(core, 10_000)
  assert.equal(report, { unsavedSpaces: [], unsavedBytes: 0 })
  for (const caller of callers) {
    const messages = caller.take()
    assert.ok(messages.some(({ type }) => type === 'notice'))
    assert.ok(messages.some(message => message.type === 'saved' && message.count === 2))
    assert.is(caller.closed?.code, 4503)
  }
  stock.take()
  assert.is(stock.closed?.code, 4503)
  isGone(core)
  const late = await core.join()
  late.take()
  assert.is(late.closed?.code, 4503)
})

test('[R8] a drain that cannot save ends at its deadline and says what is not on the disk', async () => {
  const core = new Core()
  const [author, other] = [await core.live(), await core.live({ space: spaceName('other') })]
  await other.say(new Writer().type('saved'))
  core.store.fail('append')
  await author.say(new Writer().type('not saved'))
  const report = await drain(core, 3000)
  assert.equal(report.unsavedSpaces, [DEMO])
  assert.ok(report.unsavedBytes > 9)
  const messages = author.take()
  assert.not(messages.some(message => message.type === 'saved' && message.count > 1))
  isGone(core)
})

test('[R8] neither a hanging disk, nor a load, nor a compaction holds a drain beyond its deadline', async () => {
  const core = new Core()
  const author = await core.live()
  core.store.hold('compact')
  await author.say(new Writer().type('x'.repeat(70_000)))
  core.store.hold('append')
  author.send(new Writer().type('not saved'))
  core.store.hold('load')
  const joining = core.call({ space: spaceName('other') })
  await core.settle()
  const report = await drain(core, 3000)
  assert.equal(report.unsavedSpaces, [DEMO])
  core.store.release('load')
  core.store.release('compact')
  core.store.release('append')
  await core.settle()
  joining.take()
  assert.is(joining.closed?.code, 4503)
  isGone(core)
})

test('[R8] what was received and not applied at the deadline is reported, too', async () => {
  const core = new Core({ limits: { maxUncommittedBytes: 100 } })
  const author = await core.live()
  const doc = new Writer()
  core.store.hold('append')
  await author.say(doc.type('x'.repeat(200)))
  await author.say(doc.type('y'.repeat(1000)))
  const report = await drain(core, 3000)
  assert.equal(report.unsavedSpaces, [DEMO])
  assert.ok(report.unsavedBytes > 1200, `${report.unsavedBytes}`)
})

test('[R8] a graceful restart loses nothing, and says so', async () => {
  const core = new Core()
  const author = await core.live()
  const doc = new Writer()
  for (let i = 0; i < 50; i++) author.send(doc.type('a'))
  assert.equal(await drain(core, 5000), { unsavedSpaces: [], unsavedBytes: 0 })
  const next = new Core({ disk: core.store.disk, idPrefix: 'next' })
  assert.is(textIn(await (await next.join()).say(ASK_ALL)).length, 50)
})

test('[R8] while it goes on nobody is let in, and those inside wait for what they sent', async () => {
  const core = new Core()
  const author = await core.live()
  core.store.hold('append')
  author.send(new Writer().type('a'))
  const drained = core.registry.drain(10_000)
  const late = [await core.join(), await core.join({ space: spaceName('other') })]
  for (const caller of late) {
    caller.take()
    assert.is(caller.closed?.code, 4503)
  }
  author.take()
  assert.is(author.closed, null)
  core.store.release('append')
  await core.settle()
  assert.ok(author.take().some(message => message.type === 'saved' && message.count === 2))
  assert.is(author.closed?.code, 4503)
  await drained
  isGone(core)
})

test('[R8] what arrives until the last connection is closed is saved, too', async () => {
  const core = new Core()
  const callers: Caller[] = []
  for (let i = 0; i < 101; i++) callers.push(await core.live())
  const drained = core.registry.drain(10_000)
  await core.settle()
  const last = callers.at(-1)!
  last.take()
  assert.is(last.closed, null)
  core.store.hold('append')
  last.send(new Writer().type('a'))
  await core.scheduler.advance(1_000)
  last.take()
  assert.is(last.closed?.code, 4503)
  core.store.release('append')
  await core.settle()
  assert.equal(await drained, { unsavedSpaces: [], unsavedBytes: 0 })
})

test('[R8] [A15] that everybody has left is on the disk when it ends', async () => {
  const core = new Core()
  await core.live()
  const drained = core.registry.drain(10_000)
  await core.settle()
  await drained
  const change = core.store.memberSaves.flat().at(-1)
  assert.equal([change?.user, change?.member?.left?.reason], ['ann', 'closed'])
})

test('[R8] no compaction begins', async () => {
  const core = new Core()
  const author = await core.live()
  author.send(new Writer().type('x'.repeat(70_000)))
  await drain(core, 3000)
  assert.is(core.store.count('append'), 1)
  assert.is(core.store.count('compact'), 0)
})

test('[R8] a connection that throws when it is told or closed keeps nobody from their end', async () => {
  const core = new Core()
  const isBroken = breakLater()
  await joinBroken(core, isBroken)
  const [author, other] = [await core.live(), await core.live({ space: spaceName('other') })]
  isBroken.now = true
  author.send(new Writer().type('a'))
  assert.equal(await drain(core, 5_000), { unsavedSpaces: [], unsavedBytes: 0 })
  for (const caller of [author, other]) {
    caller.take()
    assert.is(caller.closed?.code, 4503)
  }
  assert.is((await core.store.load(DEMO)).position, 1)
  isGone(core)
})

test('[R9] a space that fails in its sweep ends alone, and the others have theirs', async () => {
  const core = new Core()
  const isBroken = breakLater()
  await joinBroken(core, isBroken)
  const [author, other] = [await core.live(), await core.live({ space: spaceName('other') })]
  author.take()
  other.take()
  isBroken.now = true
  await core.advance(21_000)
  author.take()
  assert.is(author.closed?.code, 4500)
  assert.equal(
    other.take().map(({ type }) => type),
    ['awareness'],
  )
  assert.is(other.closed, null)
})

const breakLater = () => ({ now: false })

/** Somebody whose socket throws at everything from some moment on. */
const joinBroken = async (core: Core, isBroken: { now: boolean }): Promise<void> => {
  const throwing = (): void => {
    if (isBroken.now) throw new Error('a socket that throws')
  }
  await core.registry.join(
    DEMO,
    { bufferedBytes: 0, send: throwing, close: throwing },
    {
      dialect: 'stock',
      access: { user: 'eve', name: null, role: 'write', expiresAtMs: null },
      authenticate: async () => Promise.reject(new Error('not asked')),
    },
  )
  await core.settle()
}
