/** Edits without a connection: the same way as any client's, and an answer for whoever waits. */
import * as Y from 'yjs'
import { awarenessMessage, encodeEntry } from '../../../server/space/awareness-codec.js'
import { MAX_WAITING_EDITS } from '../../../server/space/edit-desk.js'
import { EngineStuck } from '../../../server/space/engine.js'
import type { Access } from '../../../server/space/peer.js'
import { GapError } from '../../../server/space/space-desk.js'
import type { Role } from '../../../shared/roles.js'
import { ASK_ALL, Core, type CoreOptions, DEMO } from '../../support/core.js'
import { rejectsWithCode } from '../../support/expect.js'
import { assert, suite } from '../../support/suite.js'
import { GROUND, THROWING } from '../../support/throwing-update.js'
import { told } from '../../support/told.js'
import { textIn, Writer } from '../../support/writer.js'

const test = suite('edits without a connection')

const as = (user: string, role: Role = 'write'): Access => ({ user, name: null, role, expiresAtMs: null })

const edit = (core: Core, update: Uint8Array, access = as('ann')) =>
  core.registry.desk.edit(DEMO, update, access)

const textOf = async (core: Core): Promise<string> =>
  String((await told(core, core.registry.desk.json(DEMO, [{ name: 'text', type: 'text' }]))).text)

/** Whether it has an answer by now. */
const isAnswered = async (asked: Promise<unknown>): Promise<boolean> => {
  let isSettled = false
  const settled = (): void => {
    isSettled = true
  }
  asked.then(settled, settled)
  await new Promise<void>(resolve => setImmediate(resolve))
  return isSettled
}

test('[X6] an edit is acknowledged when it is on the disk, and not before, with its position', async () => {
  const core = new Core()
  core.store.hold('append')
  const writer = new Writer()
  const first = edit(core, writer.type('a').update)
  const again = edit(core, writer.answer().update)
  await core.settle()
  const reader = await core.live()
  assert.is(await isAnswered(first), false)
  assert.is(await isAnswered(again), false)
  core.store.release('append')
  assert.equal(await told(core, Promise.all([first, again])), [{ position: 1 }, { position: 1 }])
  assert.is((await core.store.load(DEMO)).position, 1)
  assert.equal(await told(core, edit(core, writer.type('b').update)), { position: 2 })
  assert.is(textIn(await reader.say(ASK_ALL)), 'ab')
})

test('[X6] what is known already is acknowledged at the position that is durable', async () => {
  const core = new Core()
  const writer = new Writer()
  const caller = await core.live()
  await caller.say(writer.type('a'), writer.type('b'))
  const { update } = writer.answer()
  const { position } = await told(core, edit(core, update))
  assert.is(position, (await core.store.load(DEMO)).position)
  assert.equal(await told(core, edit(core, Uint8Array.of(0, 0))), { position })
  await core.advance(20_000)
  assert.is(core.engine.size, 0)
  assert.equal(await told(core, edit(core, update)), { position })
})

test('[X7] an edit reaches everybody, is attributed to its user, and puts nobody on the roster', async () => {
  const core = new Core()
  const reader = await core.live({ access: { user: 'bob' } })
  const writer = new Writer(7)
  await told(core, edit(core, writer.type('hello').update))
  assert.is(textIn(reader.take()), 'hello')
  assert.equal(await core.store.attribution(DEMO), [{ user: 'ann', client: 7, clock: 0, length: 5 }])
  assert.equal(
    (await core.registry.members(DEMO)).map(({ user }) => user),
    ['bob'],
  )
  // Who is there as well, and edits this way, was active.
  await core.live({ access: { user: 'ann' } })
  await core.advance(5000)
  const seenBefore = (await core.registry.members(DEMO)).find(({ user }) => user === 'ann')!.lastSeenMs
  await told(core, edit(core, writer.type('!').update))
  assert.ok((await core.registry.members(DEMO)).find(({ user }) => user === 'ann')!.lastSeenMs > seenBefore)
  assert.is(core.registry.status.peers, 2)
})

test('[X7] a reader is judged by content', async () => {
  const core = new Core()
  const writer = new Writer()
  await told(core, edit(core, writer.type('abc').update))
  const reader = as('rea', 'read')
  assert.equal(await told(core, edit(core, writer.answer().update, reader)), { position: 1 })
  await rejectsWithCode('read_only', told(core, edit(core, writer.type('d').update, reader)))
  const deletion = new Writer()
  Y.applyUpdate(deletion.doc, writer.answer().update)
  const { update } = deletion.edit(() => deletion.text.delete(0, 1))
  await rejectsWithCode('read_only', told(core, edit(core, update, reader)))
  assert.is(await textOf(core), 'abc')
  // A refusal is about one edit: the user's next may be fine.
  assert.equal(await told(core, edit(core, Uint8Array.of(0, 0), reader)), { position: 1 })
})

test('[X7] what cannot be read, is too large or cannot be integrated is refused, and nothing of it stays', async () => {
  const core = new Core({ limits: { maxFrameBytes: 10_000, maxDocumentBytes: 20_000 } })
  await rejectsWithCode('malformed', told(core, edit(core, Uint8Array.of(1, 2, 3))))
  await rejectsWithCode('malformed', told(core, edit(core, new Uint8Array())))
  await rejectsWithCode('too_large', told(core, edit(core, new Writer().type('x'.repeat(10_001)).update)))
  for (let i = 0; i < 3; i++) {
    await told(core, edit(core, new Writer().edit(doc => doc.getArray('a').push(['x'.repeat(8_000)])).update))
  }
  await rejectsWithCode('too_large', told(core, edit(core, new Writer().type('y').update)))
  const other = new Core()
  await told(other, edit(other, GROUND))
  const before = await told(other, other.registry.desk.update(DEMO, null))
  const { update } = new Writer().type('fine')
  const [poison, fine] = [edit(other, THROWING, as('eve')), edit(other, update)]
  await rejectsWithCode('unappliable', told(other, poison))
  assert.equal(await told(other, fine), { position: before.position + 1 })
  assert.is(await textOf(other), 'fine')
})

test('[X8] a gap is told with what is here, and nothing waits for what is missing', async () => {
  const core = new Core()
  const writer = new Writer()
  const first = writer.type('a')
  const second = writer.type('b')
  const third = writer.type('c')
  await told(core, edit(core, first.update))
  const here = (await told(core, core.registry.desk.snapshot(DEMO))).stateVector
  const gap = await rejectsWithCode('gap', told(core, edit(core, third.update)))
  assert.ok(gap instanceof GapError)
  assert.equal((gap as GapError).stateVector, here)
  assert.is(core.observer.of('gaps'), 1)
  // Had it been kept, this would bring it in.
  await told(core, edit(core, second.update))
  assert.is(await textOf(core), 'ab')
  const { update } = writer.answer((gap as GapError).stateVector)
  await told(core, edit(core, update))
  assert.is(await textOf(core), 'abc')
  await core.advance(120_000)
  assert.equal([core.registry.status.spaces, core.engine.size, core.scheduler.pending], [0, 0, 0])
})

test('[X8] the state vector of a gap is that of the turn in which it was found', async () => {
  const core = new Core()
  const writer = new Writer()
  const [first, , third] = [writer.type('a'), writer.type('b'), writer.type('c')]
  const [fits, gap] = [edit(core, first.update), edit(core, third.update, as('bob'))]
  const caller = core.call()
  const { stateVector } = (await rejectsWithCode('gap', told(core, gap))) as GapError
  await fits
  assert.equal([...Y.decodeStateVector(stateVector).values()], [1])
  assert.is(caller.closed, null)
})

test('[X7] nobody brings the next edits of a client that is here as another user', async () => {
  const core = new Core()
  const ada = await core.live({ access: { user: 'ada' } })
  const writer = new Writer(7)
  await ada.say(awarenessMessage(1, [encodeEntry(7, 1, new TextEncoder().encode('{}'))]))
  const squat = new Writer(7).type('squat')
  await rejectsWithCode('forbidden', told(core, edit(core, squat.update, as('eve'))))
  await ada.say(writer.type('mine'))
  assert.is(await textOf(core), 'mine')
  assert.equal(await told(core, edit(core, writer.type('!').update, as('ada'))), { position: 2 })
})

/** What may become of a space while an edit waits for its disk, and what its sender is told. */
const ENDS: Readonly<
  Record<
    string,
    readonly [code: 'degraded' | 'draining' | 'space_deleted' | 'internal', (core: Core) => Promise<unknown>]
  >
> = {
  'the disk fails': ['degraded', async core => core.store.fail('append')],
  'the store refuses it for good': ['internal', async core => core.store.fail('append', 5, 'internal')],
  'the space is deleted': ['space_deleted', core => core.registry.desk.delete(DEMO)],
}

for (const [what, [code, end]] of Object.entries(ENDS)) {
  test(`[X9] an edit that waits for the disk ends with a code where ${what}`, async () => {
    const core = new Core()
    core.store.hold('append')
    const waiting = [
      edit(core, new Writer().type('a').update),
      edit(core, new Writer().type('b').update, as('bob')),
    ]
    const refused = waiting.map(each => rejectsWithCode(code, each))
    await core.settle()
    void end(core).catch(() => {})
    await core.settle()
    core.store.release('append')
    await core.advance(5000)
    await Promise.all(refused)
  })
}

test('[X9] a drain saves what was received and acknowledges it, and refuses what comes', async () => {
  const core = new Core()
  core.store.hold('append')
  const waiting = edit(core, new Writer().type('a').update)
  await core.settle()
  const drained = core.registry.drain(10_000)
  await rejectsWithCode('draining', told(core, edit(core, new Writer().type('b').update)))
  core.store.release('append')
  await core.advance(2000)
  assert.equal(await waiting, { position: 1 })
  assert.is((await drained).unsavedBytes, 0)
})

test('[X9] a drain that ends before the disk answers leaves nobody waiting', async () => {
  const core = new Core()
  core.store.hold('append')
  const refused = rejectsWithCode('draining', edit(core, new Writer().type('a').update))
  await core.settle()
  const drained = core.registry.drain(1000)
  await core.advance(3000)
  assert.ok((await drained).unsavedBytes > 0)
  await refused
})

test('[X9] while storage is degraded edits are refused, and what was applied may be sent again', async () => {
  const core = new Core()
  core.store.fail('append')
  const writer = new Writer()
  const first = writer.type('a')
  await rejectsWithCode('degraded', told(core, edit(core, first.update)))
  await rejectsWithCode('degraded', told(core, edit(core, writer.type('b').update)))
  core.store.mend('append')
  await core.advance(5000)
  assert.equal(await told(core, edit(core, first.update)), { position: 1 })
  await told(core, edit(core, writer.answer().update))
  assert.is(await textOf(core), 'ab')
})

test('[X9] a quarantined space takes no edit', async () => {
  const core = new Core()
  await told(core, edit(core, new Writer().type('a').update))
  core.store.compactions.push({ type: 'quarantined', reason: 'as the test wants it' })
  await core.registry.compact(DEMO)
  await rejectsWithCode('quarantined', told(core, edit(core, new Writer().type('b').update)))
  assert.is(await textOf(core), 'a')
})

test('[X9] a space is not evicted while somebody waits, and is afterwards', async () => {
  const core = new Core()
  core.store.hold('append')
  const waiting = edit(core, new Writer().type('a').update)
  await core.advance(120_000)
  assert.is(core.registry.status.spaces, 1)
  core.store.release('append')
  await told(core, waiting)
  await core.advance(120_000)
  assert.equal([core.registry.status.spaces, core.engine.size, core.scheduler.pending], [0, 0, 0])
})

/** Every edit costs this much engine time. */
const costing = (costMs: number): CoreOptions => ({
  limits: { engineBurstMs: 100, engineSharePercent: 50 },
  engine: inline => {
    const { apply } = inline
    inline.apply = async (space, batch) => ({ ...(await apply.call(inline, space, batch)), costMs }) as never
    return inline
  },
})

test('[X10] one user’s edits wait for their share of engine time, and nobody else’s do', async () => {
  const core = new Core(costing(150))
  const writer = new Writer()
  await told(core, edit(core, writer.type('a').update))
  const [second, third] = [edit(core, writer.type('b').update), edit(core, writer.type('c').update)]
  await core.settle()
  // As with a connection, it is what comes next that is not taken.
  assert.equal([await isAnswered(second), await isAnswered(third)], [true, false])
  await told(core, edit(core, new Writer().type('!').update, as('bob')))
  for (let i = 0; i < 5; i++) await core.advance(1000)
  assert.equal([await isAnswered(second), await isAnswered(third)], [true, true])
  assert.ok((await second).position < (await third).position)
})

test('[X10] whoever’s edit cost too much is refused for a while, and then served', async () => {
  const core = new Core(costing(5000))
  await rejectsWithCode('rate_limited', told(core, edit(core, new Writer().type('a').update)))
  const { update } = new Writer().type('b')
  await rejectsWithCode('rate_limited', told(core, edit(core, update)))
  await core.advance(31_000)
  const again = edit(core, update)
  await rejectsWithCode('rate_limited', told(core, again))
  assert.ok((await textOf(core)).includes('b'))
})

test('[X10] too many edits that wait are refused', async () => {
  const core = new Core({ limits: { maxInboxBytes: 5_000 } })
  core.store.hold('append')
  const waiting = Array.from({ length: MAX_WAITING_EDITS }, (_, i) =>
    edit(core, new Writer(i + 1).type('a').update),
  )
  await rejectsWithCode('rate_limited', told(core, edit(core, new Writer().type('b').update)))
  const large = edit(core, new Writer().type('c'.repeat(4_900)).update, as('bob'))
  await rejectsWithCode('rate_limited', told(core, large))
  core.store.release('append')
  assert.is((await told(core, Promise.all(waiting))).length, MAX_WAITING_EDITS)
  assert.equal([core.observer.of('turned_away'), core.observer.of('desk_edits')], [2, MAX_WAITING_EDITS])
})

test('[X7] an edit that gets the engine stuck is refused, and the space goes on', async () => {
  const stuck = new Writer().type('stuck')
  const core = new Core({
    engine: inline => {
      const { apply } = inline
      inline.apply = async (space, batch) => {
        const offender = batch.findIndex(({ update }) => Buffer.compare(update, stuck.update) === 0)
        if (offender < 0) return apply.call(inline, space, batch)
        await inline.close(space)
        return { type: 'broken', offender, cause: new EngineStuck('no answer', offender) }
      }
      return inline
    },
  })
  const [poison, fine] = [edit(core, stuck.update), edit(core, new Writer().type('fine').update, as('bob'))]
  await rejectsWithCode('unappliable', told(core, poison))
  await fine
  assert.is(await textOf(core), 'fine')
})
