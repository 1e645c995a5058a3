/** What programs read of a space: one cut, whether it is open or not, and everybody's trouble is their own. */
import * as Y from 'yjs'
import { intentions } from '../../../client/intentions/intentions.js'
import { awarenessMessage, encodeEntry } from '../../../server/space/awareness-codec.js'
import { EngineStuck } from '../../../server/space/engine.js'
import { MAX_WAITING_READINGS } from '../../../server/space/readings.js'
import { Core, DEMO, spaceName } from '../../support/core.js'
import { documentOf } from '../../support/documents.js'
import { rejectsWithCode } from '../../support/expect.js'
import { assert, suite } from '../../support/suite.js'
import { told } from '../../support/told.js'
import { Writer } from '../../support/writer.js'

const test = suite('reading without a connection')

/** A client says who it is and what it does. */
const announcement = (clientId: number, state: object): Uint8Array =>
  awarenessMessage(1, [encodeEntry(clientId, 1, new TextEncoder().encode(JSON.stringify(state)))])

const textIn = (update: Uint8Array): string => documentOf([update]).getText('text').toString()

test('[X3] a snapshot is one cut: position, state vector, presence, members and intentions agree', async () => {
  const core = new Core()
  const ada = await core.live({ access: { user: 'ada', name: 'Ada' } })
  const writer = new Writer(7)
  await ada.say(announcement(7, { cursor: 1 }), writer.type('a'))
  const board = intentions(writer.doc, { by: 'ada', now: () => 1_000 })
  await ada.say(writer.edit(() => void board.propose('rewrite')))
  const { desk } = core.registry
  const asked = desk.snapshot(DEMO)
  // Comes with the same turn: it is in all of it, or in nothing of it.
  ada.send(writer.edit(() => void board.propose('more')))
  const snapshot = await told(core, asked)
  assert.is(snapshot.position, 3)
  assert.equal(snapshot.stateVector, Y.encodeStateVector(writer.doc))
  const found = snapshot.intentions.intentions.map(({ text, verified }) => `${text} ${verified}`).sort()
  assert.equal(found, ['more true', 'rewrite true'])
  assert.equal(
    snapshot.members.map(({ user, name, connections }) => [user, name, connections]),
    [['ada', 'Ada', 1]],
  )
  const [present] = snapshot.presence
  assert.equal([present?.clientId, present?.user, present?.state.cursor], [7, 'ada', 1])
  assert.match(JSON.stringify(present?.state.plenum), '"user":"ada"')
  assert.ok(snapshot.incarnation.startsWith(core.store.id) && snapshot.epoch.length > 0)
  // Its position is one from which a client goes on.
  await ada.say(writer.type('b'))
  const { epoch, position } = snapshot
  const back = await core.join({ after: { epoch, position } })
  const got = await back.say({ type: 'step1', stateVector: snapshot.stateVector })
  const lacking = got.filter(message => message.type === 'step2')
  assert.is(lacking.length, 1)
  assert.is(core.observer.of('resumes'), 1)
})

test('[X3] whoever left before the cut is not present in it, and is among the members', async () => {
  const core = new Core()
  const ada = await core.live({ access: { user: 'ada' } })
  await ada.say(announcement(7, { cursor: 1 }))
  ada.hangUp()
  const { presence, members } = await told(core, core.registry.desk.snapshot(DEMO))
  assert.equal(presence, [])
  assert.equal(
    members.map(({ user, left }) => [user, left?.reason]),
    [['ada', 'closed']],
  )
})

test('[X4] a space that nobody has open is read, and leaves memory again', async () => {
  const core = new Core()
  const ada = await core.live()
  const writer = new Writer()
  await ada.say(writer.type('kept'))
  ada.hangUp()
  await core.advance(40_000)
  const { desk } = core.registry
  assert.is(core.registry.status.spaces, 0)
  const { update, position } = await told(core, desk.update(DEMO, null))
  assert.equal([textIn(update), position], ['kept', 1])
  assert.equal(await told(core, desk.json(DEMO, null)), { text: 'kept' })
  assert.equal((await told(core, desk.snapshot(DEMO))).presence, [])
  const empty = await told(core, desk.snapshot(spaceName('unwritten')))
  assert.equal([empty.position, empty.stateVector], [0, Uint8Array.of(0)])
  assert.equal(await told(core, desk.json(spaceName('unwritten'), null)), {})
  await core.advance(120_000)
  assert.equal([core.registry.status.spaces, core.engine.size, core.scheduler.pending], [0, 0, 0])
})

test('[X4] where bytes tell it, no document is built for it', async () => {
  const core = new Core()
  const ada = await core.live()
  const writer = new Writer()
  await ada.say(writer.type('kept'))
  await core.advance(20_000)
  assert.is(core.engine.size, 0)
  const wakes = core.observer.of('wakes')
  const { desk } = core.registry
  assert.is(textIn((await told(core, desk.update(DEMO, null))).update), 'kept')
  const known = await told(core, desk.update(DEMO, Y.encodeStateVector(writer.doc)))
  assert.equal(known.update, Uint8Array.of(0, 0))
  assert.is(core.engine.size, 0)
  assert.is(core.observer.of('wakes'), wakes)
})

test('[X5] whoever names a state vector is sent what they lack, and nothing harms the others', async () => {
  const core = new Core()
  const ada = await core.live()
  const writer = new Writer()
  await ada.say(writer.type('one'))
  const before = Y.encodeStateVector(writer.doc)
  await ada.say(writer.type(' two'))
  const { desk } = core.registry
  const { update, position } = await told(core, desk.update(DEMO, before))
  const replica = new Writer()
  Y.applyUpdate(replica.doc, (await told(core, desk.update(DEMO, null))).update)
  assert.is(replica.text.toString(), 'one two')
  assert.is(position, 2)
  assert.ok(update.length < Y.encodeStateAsUpdate(writer.doc).length)
  const many = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x0f)
  await rejectsWithCode('malformed', told(core, desk.update(DEMO, many)))
  await rejectsWithCode('malformed', told(core, desk.update(DEMO, Uint8Array.of(9))))
  await rejectsWithCode('malformed', told(core, desk.update(DEMO, new Uint8Array(2 ** 21 + 1))))
  await rejectsWithCode('bad_request', told(core, desk.json(DEMO, [{ name: 'text', type: 'map' }])))
  await ada.say(writer.type(' three'))
  assert.is(ada.closed, null)
  assert.is(textIn((await told(core, desk.update(DEMO, null))).update), 'one two three')
})

test('[X2] [X5] what takes the engine too long or fails it is told whoever asked; too many questions are refused', async () => {
  let isStuck = true
  const core = new Core({
    engine: inline => {
      const { json } = inline
      inline.json = async (space, roots) => {
        if (isStuck) throw new EngineStuck('no answer')
        return json.call(inline, space, roots)
      }
      return inline
    },
  })
  const ada = await core.live()
  await ada.say(new Writer().type('a'))
  const { desk } = core.registry
  await rejectsWithCode('rate_limited', told(core, desk.json(DEMO, null)))
  isStuck = false
  const asked = Array.from({ length: MAX_WAITING_READINGS }, () => desk.json(DEMO, null))
  const oneMore = desk.json(DEMO, null)
  await rejectsWithCode('rate_limited', told(core, oneMore))
  for (const found of await Promise.all(asked)) assert.equal(found, { text: 'a' })
  assert.is(ada.closed, null)
})

test('[X11] a load that fails while many wait refuses all of them, leaves nothing, and the next is served', async () => {
  const core = new Core()
  const { desk } = core.registry
  const ada = await core.live()
  await ada.say(new Writer().type('kept'))
  ada.hangUp()
  await core.advance(40_000)
  core.store.hold('load')
  core.store.fail('load', 2)
  const joiners = Array.from({ length: 10 }, () => core.call())
  const access = { user: 'ann', name: null, role: 'write', expiresAtMs: null } as const
  const { update } = new Writer().type('never')
  const asked: Promise<unknown>[] = [
    desk.snapshot(DEMO),
    desk.update(DEMO, null),
    desk.json(DEMO, null),
    desk.intentions(DEMO),
    desk.edit(DEMO, update, access),
    desk.edit(DEMO, update, access),
  ]
  const refused = asked.map(each => rejectsWithCode('load_failed', each))
  await core.settle()
  core.store.release('load')
  await core.settle()
  await Promise.all(refused)
  for (const joiner of joiners) {
    joiner.take()
    assert.is(joiner.closed?.code, 4500)
  }
  assert.equal([core.registry.status.spaces, core.engine.size, core.scheduler.pending], [0, 0, 0])
  core.store.mend('load')
  assert.equal(await told(core, desk.json(DEMO, null)), { text: 'kept' })
})

test('[X4] a drain refuses whoever asks, and a space that fails leaves nobody waiting', async () => {
  let isFailing = true
  const core = new Core({
    engine: inline => {
      const { json } = inline
      inline.json = async (space, roots) => {
        if (isFailing) throw new Error('an engine that fails')
        return json.call(inline, space, roots)
      }
      return inline
    },
  })
  const { desk } = core.registry
  const [first, second] = [desk.json(DEMO, null), desk.update(DEMO, null)]
  first.catch(() => {})
  second.catch(() => {})
  await core.settle()
  for (const asked of [first, second]) await rejectsWithCode('internal', asked)
  isFailing = false
  assert.equal(await told(core, desk.json(DEMO, null)), {})
  const drained = core.registry.drain(1000)
  await rejectsWithCode('draining', told(core, desk.snapshot(DEMO)))
  await core.advance(2000)
  await drained
})
