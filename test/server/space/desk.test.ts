/** What administrators decide: which spaces there are and who may enter, also while others come, edit and go. */
import type { Access } from '../../../server/space/peer.js'
import type { ErrorCode } from '../../../shared/errors.js'
import type { Role } from '../../../shared/roles.js'
import { ASK_ALL, type Caller, Core, DEMO, spaceName } from '../../support/core.js'
import { rejectsWithCode } from '../../support/expect.js'
import { assert, suite } from '../../support/suite.js'
import { told } from '../../support/told.js'
import { textIn, Writer } from '../../support/writer.js'

const test = suite('the desk')

const as = (user: string, role: Role = 'write'): Access => ({ user, name: null, role, expiresAtMs: null })

/** Everything that may be asked of a space without a connection. */
const everything = ({ registry: { desk } }: Core, space = DEMO, user = 'ann'): Promise<unknown>[] => [
  desk.snapshot(space),
  desk.update(space, null),
  desk.json(space, null),
  desk.members(space),
  desk.intentions(space),
  desk.edit(space, new Writer().type('x').update, as(user)),
]

const isRefused = async (core: Core, code: ErrorCode, asked: readonly Promise<unknown>[]): Promise<void> => {
  const refused = asked.map(each => rejectsWithCode(code, each))
  await core.settle()
  await Promise.all(refused)
}

const closeOf = (caller: Caller): number | undefined => {
  caller.take()
  return caller.closed?.code
}

const type = async (core: Core, text: string, space = DEMO): Promise<Writer> => {
  const writer = new Writer()
  await told(core, core.registry.desk.edit(space, writer.type(text).update, as('ann')))
  return writer
}

const textOf = async (core: Core, space = DEMO): Promise<unknown> => {
  const roots = [{ name: 'text', type: 'text' }] as const
  return (await told(core, core.registry.desk.json(space, roots))).text
}

test('[X13] a deleted space puts everybody out and refuses everybody, until it is restored as it was', async () => {
  const core = new Core()
  const { desk } = core.registry
  await type(core, 'kept')
  const before = await told(core, desk.snapshot(DEMO))
  const inside = [await core.live(), await core.live({ dialect: 'stock' })]
  const elsewhere = await core.live({ space: spaceName('other') })
  await told(core, desk.delete(DEMO))
  assert.equal(inside.map(closeOf), [4404, 4404])
  assert.is(closeOf(elsewhere), undefined)
  for (let round = 0; round < 2; round++) {
    await isRefused(core, 'space_deleted', everything(core))
    assert.is(closeOf(await core.join()), 4404)
    assert.is(core.observer.of('load_failures'), 0)
    await told(core, desk.delete(DEMO))
    await core.advance(60_000)
  }
  assert.is((await told(core, desk.stats(DEMO))).isOpen, false)
  assert.equal(await told(core, desk.restore(DEMO)), { incarnation: before.incarnation })
  assert.equal(await told(core, desk.restore(DEMO)), { incarnation: before.incarnation })
  assert.is(await textOf(core), 'kept')
  const after = await told(core, desk.snapshot(DEMO))
  assert.equal([after.incarnation, after.position], [before.incarnation, before.position])
  const back = await core.join()
  assert.is(textIn(await back.say(ASK_ALL)), 'kept')
})

test('[X13] what was acknowledged or on its way to the disk when a space was deleted comes back with it', async () => {
  const core = new Core()
  const { desk } = core.registry
  const writer = await type(core, 'a')
  core.store.hold('append')
  const caller = await core.live()
  await caller.say(writer.type('b'))
  const waiting = rejectsWithCode('space_deleted', desk.edit(DEMO, writer.type('c').update, as('ann')))
  await core.settle()
  await told(core, desk.delete(DEMO))
  await waiting
  core.store.release('append')
  await core.advance(2000)
  await told(core, desk.restore(DEMO))
  assert.is(await textOf(core), 'abc')
})

test('[X13] a deletion that does not reach the disk changes nothing', async () => {
  const core = new Core()
  const { desk } = core.registry
  await type(core, 'kept')
  const caller = await core.live()
  core.store.fail('catalogue', 1)
  await rejectsWithCode('degraded', told(core, desk.delete(DEMO)))
  assert.is(closeOf(caller), undefined)
  assert.is(await textOf(core), 'kept')
  await told(core, desk.delete(DEMO))
  assert.is(closeOf(caller), 4404)
})

test('[X13] whoever waits for a space to load while it is deleted is put out, and nothing of it stays open', async () => {
  const core = new Core()
  const { desk } = core.registry
  await type(core, 'kept')
  await core.advance(60_000)
  core.store.hold('load')
  const joiner = core.call()
  const asked = desk.json(DEMO, null).catch(error => error.code)
  const edited = desk.edit(DEMO, new Writer().type('x').update, as('ann')).catch(error => error.code)
  await core.settle()
  const deleted = desk.delete(DEMO)
  await core.settle()
  core.store.release('load')
  await told(core, deleted)
  assert.is(closeOf(joiner), 4404)
  assert.equal([await asked, await edited], ['space_deleted', 'space_deleted'])
  assert.equal([core.registry.status.spaces, core.engine.size], [0, 0])
})

test('[X14] a space that is created anew has nothing of the old one, and who kept that is told', async () => {
  const core = new Core()
  const { desk } = core.registry
  const writer = await type(core, 'old words')
  const member = await core.live({ access: { user: 'ada' } })
  await core.advance(2000)
  const before = await told(core, desk.snapshot(DEMO))
  const there = await told(core, desk.create(DEMO))
  assert.equal(there, { incarnation: before.incarnation, isNew: false })
  await told(core, desk.delete(DEMO))
  assert.is(closeOf(member), 4404)
  const { incarnation, isNew } = await told(core, desk.create(DEMO))
  assert.ok(isNew && incarnation !== before.incarnation)
  assert.equal(await told(core, desk.create(DEMO)), { incarnation, isNew: false })
  const after = await told(core, desk.snapshot(DEMO))
  assert.equal([after.incarnation, after.position, after.members], [incarnation, 0, []])
  assert.ok(after.epoch !== before.epoch)
  const asks = { epoch: before.epoch, position: before.position }
  const back = await core.join({ after: asks })
  const welcome = back.take().find(message => message.type === 'welcome')
  assert.is(welcome?.incarnation, incarnation)
  assert.is(textIn(await back.say(ASK_ALL)), '')
  assert.is(core.observer.of('resumes'), 0)
  // Who merges all the same brings it back whole.
  await told(core, desk.edit(DEMO, writer.answer().update, as('ann')))
  assert.equal([await textOf(core), (await core.store.load(DEMO)).position], ['old words', 1])
  const fresh = await told(core, desk.create(spaceName('fresh')))
  assert.ok(fresh.isNew)
})

test('[X14] creating waits until nothing of the old space is on its way to the disk', async () => {
  const core = new Core()
  const { desk } = core.registry
  await type(core, 'old')
  core.store.hold('append')
  void desk.edit(DEMO, new Writer().type('late').update, as('ann')).catch(() => {})
  await core.settle()
  const decisions = Promise.all([desk.delete(DEMO), desk.create(DEMO)])
  await core.settle()
  const joiner = core.call()
  await core.settle()
  core.store.release('append')
  const [, { isNew }] = await told(core, decisions)
  assert.ok(isNew)
  // Who came between the two was refused, or came to the new one: never to the old.
  if (closeOf(joiner) === undefined) assert.is(textIn(await joiner.say(ASK_ALL)), '')
  assert.is(await textOf(core), '')
  await type(core, 'new')
  assert.equal([await textOf(core), (await core.store.load(DEMO)).position], ['new', 1])
  assert.equal(
    core.observer.reports.filter(({ level }) => level === 'error'),
    [],
  )
})

test('[X14] [X15] while the disk takes nothing of the old space none is created, and nobody waits for it', async () => {
  const core = new Core()
  const { desk } = core.registry
  core.store.fail('append')
  const { update } = new Writer().type('old')
  await rejectsWithCode('degraded', told(core, desk.edit(DEMO, update, as('ann'))))
  await told(core, desk.delete(DEMO))
  await rejectsWithCode('degraded', told(core, desk.create(DEMO)))
  core.store.mend('append')
  await core.advance(5000)
  assert.ok((await told(core, desk.create(DEMO))).isNew)
  assert.is(await textOf(core), '')
})

test('[X14] what a compaction found in the old space is not held against the new one', async () => {
  const core = new Core()
  const { desk } = core.registry
  await type(core, 'old')
  core.store.compactions.push({ type: 'quarantined', reason: 'as the test wants it' })
  core.store.hold('compact')
  const compacted = core.registry.compact(DEMO)
  await core.settle()
  await told(core, desk.delete(DEMO))
  const created = desk.create(DEMO)
  await core.settle()
  const joiner = await core.join()
  assert.is(closeOf(joiner), 4404)
  core.store.release('compact')
  await told(core, Promise.all([compacted, created]))
  await core.live()
  await type(core, 'new')
  assert.is(await textOf(core), 'new')
})

test('[X16] who is disconnected may come back; whoever comes meanwhile is let in', async () => {
  const core = new Core()
  const { desk } = core.registry
  const tabs = [await core.live({ access: { user: 'eve' } }), await core.live({ access: { user: 'eve' } })]
  const other = await core.live({ access: { user: 'ada' } })
  assert.is(await told(core, desk.disconnect(DEMO, 'eve')), 2)
  assert.equal(tabs.map(closeOf), [4500, 4500])
  assert.is(closeOf(other), undefined)
  assert.is(await told(core, desk.disconnect(DEMO, 'eve')), 0)
  assert.is(await told(core, desk.disconnect(spaceName('nowhere'), 'eve')), 0)
  const members = await core.registry.members(DEMO)
  assert.is(members.find(({ user }) => user === 'eve')?.left?.reason, 'evicted')
  await core.advance(60_000)
  other.hangUp()
  await core.advance(60_000)
  core.store.hold('load')
  const joining = core.call({ access: { user: 'eve' } })
  await core.settle()
  assert.is(await desk.disconnect(DEMO, 'eve'), 0)
  core.store.release('load')
  await core.settle()
  assert.is(closeOf(joining), undefined)
  assert.is(core.registry.status.peers, 1)
})

test('[X17] a revoked user is put out of the space and kept out of it, until reinstated', async () => {
  const core = new Core()
  const { desk } = core.registry
  const other = spaceName('other')
  const eves = [
    await core.live({ access: { user: 'eve' } }),
    await core.live({ access: { user: 'eve' }, dialect: 'stock' }),
  ]
  const stay = [
    await core.live({ access: { user: 'ada' } }),
    await core.live({ access: { user: 'eve' }, space: other }),
  ]
  await told(core, desk.revoke(DEMO, 'eve'))
  assert.equal(eves.map(closeOf), [4403, 4403])
  assert.equal(stay.map(closeOf), [undefined, undefined])
  assert.is(closeOf(await core.join({ access: { user: 'eve', role: 'admin' } })), 4403)
  const edit = (space = DEMO) => desk.edit(space, new Writer().type('x').update, as('eve'))
  await rejectsWithCode('revoked', told(core, edit()))
  await rejectsWithCode('revoked', told(core, desk.expectWelcome(DEMO, 'eve')))
  await told(
    core,
    Promise.all([desk.expectWelcome(other, 'eve'), desk.expectWelcome(DEMO, 'ada'), edit(other)]),
  )
  const [row] = await desk.revocations(DEMO)
  assert.equal([row?.space, row?.user, await desk.revocations(other)], [DEMO, 'eve', []])
  await told(core, desk.reinstate(DEMO, 'eve'))
  assert.equal(await desk.revocations(DEMO), [])
  assert.is(closeOf(await core.join({ access: { user: 'eve' } })), undefined)
  await told(core, edit())
})

test('[X17] who is revoked everywhere is put out of every space, whatever holds for one', async () => {
  const core = new Core()
  const { desk } = core.registry
  const spaces = [DEMO, spaceName('a'), spaceName('b/c')]
  const callers = await Promise.all(spaces.map(space => core.live({ space, access: { user: 'eve' } })))
  await told(core, desk.revoke(null, 'eve'))
  assert.equal(callers.map(closeOf), [4403, 4403, 4403])
  await told(core, desk.reinstate(DEMO, 'eve'))
  assert.is(closeOf(await core.join({ access: { user: 'eve' } })), 4403)
  assert.is((await desk.revocations(null)).length, 1)
  await told(core, desk.revoke(DEMO, 'eve'))
  await told(core, desk.reinstate(null, 'eve'))
  assert.is(closeOf(await core.join({ access: { user: 'eve' } })), 4403)
  assert.is(closeOf(await core.join({ space: spaces[1]!, access: { user: 'eve' } })), undefined)
})

test('[X17] nobody slips in: who waits for the load, or has an edit under way, is refused as well', async () => {
  const core = new Core()
  const { desk } = core.registry
  await type(core, 'kept')
  await core.advance(60_000)
  core.store.hold('load')
  const joining = core.call({ access: { user: 'eve' } })
  const edit = desk.edit(DEMO, new Writer().type('x').update, as('eve'))
  await core.settle()
  await told(core, desk.revoke(DEMO, 'eve'))
  core.store.release('load')
  await rejectsWithCode('revoked', told(core, edit))
  assert.is(closeOf(joining), 4403)
  core.store.hold('append')
  const late = rejectsWithCode('revoked', desk.edit(DEMO, new Writer().type('x').update, as('mallory')))
  await core.settle()
  await told(core, desk.revoke(DEMO, 'mallory'))
  await late
  core.store.release('append')
  await core.advance(2000)
})

test('[X17] a revocation that does not reach the disk changes nothing, and nobody enters while it is not known', async () => {
  const core = new Core()
  const { desk } = core.registry
  core.store.fail('catalogue', 1)
  assert.is(closeOf(await core.join({ access: { user: 'ada' } })), 4503)
  const eve = await core.live({ access: { user: 'eve' } })
  core.store.fail('catalogue', 1)
  await rejectsWithCode('degraded', told(core, desk.revoke(DEMO, 'eve')))
  assert.is(closeOf(eve), undefined)
  assert.equal(await desk.revocations(DEMO), [])
  await told(core, desk.revoke(DEMO, 'eve'))
  assert.is(closeOf(eve), 4403)
})

test('[X12] spaces are told with what is on the disk and who is there', async () => {
  const core = new Core()
  const { desk } = core.registry
  const names = ['a', 'b/one', 'b/two', 'c'].map(spaceName)
  for (const name of names) await type(core, 'text', name)
  await told(core, desk.delete(spaceName('c')))
  const ada = await core.live({ space: spaceName('b/one'), access: { user: 'ada' } })
  const bob = await core.live({ space: spaceName('b/one'), access: { user: 'bob' } })
  bob.hangUp()
  const page = await told(core, desk.list({ limit: 3 }))
  assert.equal([page.spaces.map(({ name }) => name), page.next], [['a', 'b/one', 'b/two'], 'b/two'])
  const rest = await told(core, desk.list({ limit: 3, after: page.next! }))
  assert.equal([rest.spaces.map(({ name }) => name), rest.next], [['c'], null])
  assert.ok(rest.spaces[0]!.deletedAtMs !== null && page.spaces[0]!.deletedAtMs === null)
  const some = await told(core, desk.list({ prefix: 'b/', limit: 1000 }))
  assert.equal(
    some.spaces.map(({ isOpen, peers }) => [isOpen, peers]),
    [
      [true, 1],
      [true, 0],
    ],
  )
  const stats = await told(core, desk.stats(spaceName('b/one')))
  const { position, durablePosition, membersHere, membersLeft, quarantine, logBytes, snapshotBytes } = stats
  assert.equal([position, durablePosition, membersHere, membersLeft, quarantine], [1, 1, 1, 1, null])
  assert.ok(logBytes > 0 && snapshotBytes === 0)
  ada.hangUp()
  await core.advance(60_000)
  const closed = await told(core, desk.stats(spaceName('b/one')))
  assert.equal([closed.isOpen, closed.peers, closed.position, closed.membersLeft], [false, 0, 1, 2])
  await rejectsWithCode('not_found', told(core, desk.stats(DEMO)))
  for (const limit of [0, 1001, 1.5]) await rejectsWithCode('bad_request', told(core, desk.list({ limit })))
})
