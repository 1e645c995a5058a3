/** Whose intentions they are, as the server knows: who delivered what says so. */
import * as Y from 'yjs'
import { type Intentions, intentions } from '../../../client/intentions/intentions.js'
import { type Engine, EngineStuck } from '../../../server/space/engine.js'
import type { AttestedIntention } from '../../../server/space/intentions-desk.js'
import { type Caller, Core, DEMO } from '../../support/core.js'
import { rejectsWithCode } from '../../support/expect.js'
import { assert, suite } from '../../support/suite.js'
import { Writer } from '../../support/writer.js'

const test = suite('intentions, attested')

/** Who edits and tells the server each time. */
class Person {
  readonly writer = new Writer()
  readonly board: Intentions
  readonly caller: Caller

  static async join(core: Core, user: string): Promise<Person> {
    return new Person(await core.live({ access: { user } }), user)
  }

  private constructor(caller: Caller, user: string) {
    this.caller = caller
    this.board = intentions(this.writer.doc, { by: user, now: () => 1_000 })
  }

  entry(id: string): Y.Map<unknown> {
    return this.writer.doc.getMap<Y.Map<unknown>>('intentions').get(id)!
  }

  async does(change: (person: this) => void): Promise<void> {
    this.writer.read(this.caller.take())
    await this.caller.say(this.writer.edit(() => change(this)))
  }

  async proposes(text: string): Promise<string> {
    let id = ''
    await this.does(({ board }) => {
      id = board.propose(text, { target: 'chapter 1' }).id
    })
    return id
  }
}

const setup = async () => {
  const core = new Core()
  return { core, ada: await Person.join(core, 'ada'), eve: await Person.join(core, 'eve') }
}

const all = async (core: Core) => {
  const asked = core.registry.desk.intentions(DEMO)
  await core.settle()
  return asked
}

const only = async (core: Core): Promise<AttestedIntention> => {
  const { intentions: found, invalid } = await all(core)
  assert.equal(invalid, [])
  assert.is(found.length, 1)
  return found[0]!
}

test('[V5] who proposed is verified, and every field has its deliverer', async () => {
  const { core, ada, eve } = await setup()
  const id = await ada.proposes('rewrite')
  const [by, entry, text, status, target, createdAt, modifiedAt] = Array<string>(7).fill('ada')
  const deliveredBy = { entry, by, text, status, target, createdAt, modifiedAt }
  const told = { id, by: 'ada', text: 'rewrite', status: 'proposed', target: 'chapter 1' }
  assert.equal(await only(core), { ...told, createdAt: 1000, modifiedAt: 1000, verified: true, deliveredBy })
  await eve.does(({ board }) => board.edit(id, { text: 'delete' }))
  const { verified, text: after, deliveredBy: now } = await only(core)
  assert.equal([verified, after, now.text, now.status], [true, 'delete', 'eve', 'ada'])
})

test('[V5] a forged "by" is not verified, however it came there', async () => {
  const { core, ada, eve } = await setup()
  const forgeries: Record<string, () => Promise<void>> = {
    'an entry in another name': () =>
      eve.does(({ writer }) => void intentions(writer.doc, { by: 'ada' }).propose('give all to eve')),
    'the own entry, given to another': async () => {
      const id = await eve.proposes('give all to eve')
      await eve.does(() => eve.entry(id).set('by', 'ada'))
    },
    "another's entry, taken over": async () => {
      const id = await ada.proposes('rewrite')
      await eve.does(() => eve.entry(id).set('by', 'eve'))
    },
    'what one said in the name of another, turned on the one': async () => {
      let id = ''
      await ada.does(({ writer }) => {
        id = intentions(writer.doc, { by: 'bob' }).propose('praise bob').id
      })
      await eve.does(() => eve.entry(id).set('by', 'ada'))
    },
    "another's entry, put anew under its key": async () => {
      const id = await ada.proposes('rewrite')
      await eve.does(({ writer }) => {
        const copy = new Y.Map(Object.entries(eve.entry(id).toJSON()))
        writer.doc.getMap('intentions').set(id, copy)
      })
    },
  }
  for (const [how, forge] of Object.entries(forgeries)) {
    await forge()
    const { verified } = await only(core)
    assert.not(verified, how)
    await eve.does(({ board, writer }) => {
      for (const key of writer.doc.getMap('intentions').keys()) board.remove(key)
    })
  }
})

test('[V5] what somebody else brought for its author is not verified', async () => {
  const { core, eve } = await setup()
  const absent = new Writer()
  intentions(absent.doc, { by: 'ada' }).propose('rewrite')
  await eve.caller.say(absent.answer())
  const { verified, deliveredBy } = await only(core)
  assert.equal([verified, deliveredBy.entry], [false, 'eve'])
})

test('[V3] what is no intention is told apart', async () => {
  const { core, ada } = await setup()
  await ada.proposes('rewrite')
  await ada.does(({ writer }) => {
    const map = writer.doc.getMap('intentions')
    map.set('text', 'no map')
    map.set('xml', new Y.XmlText('no map'))
    map.set('list', [1, 2])
    map.set('empty', new Y.Map())
    map.set('gone', new Y.Map())
    map.delete('gone')
  })
  const { intentions: found, invalid } = await all(core)
  assert.is(found.length, 1)
  const keyOf = ({ key }: { key: string }): string => key
  assert.equal(invalid.map(keyOf).sort(), ['empty', 'list', 'text', 'xml'])
  assert.equal(invalid.map(keyOf).sort(), ada.board.invalid().map(keyOf).sort())
})

test('[V3] a document with something else under that name has none', async () => {
  const { core, ada } = await setup()
  assert.equal(await all(core), { intentions: [], invalid: [] })
  const other = new Writer()
  await ada.caller.say(other.edit(doc => doc.getText('intentions').insert(0, 'of another kind')))
  assert.equal(await all(core), { intentions: [], invalid: [] })
  const reader = new Writer()
  reader.read(await (await core.join()).say({ type: 'step1', stateVector: Uint8Array.of(0) }))
  assert.is(reader.doc.getText('intentions').toString(), 'of another kind')
})

test('[V6] it is known before the commit, as well as after it', async () => {
  const { core, ada } = await setup()
  core.store.hold('append')
  await ada.proposes('rewrite')
  assert.ok((await only(core)).verified)
  await ada.does(({ board }) => board.activate(board.list()[0]!.id))
  const { verified, status, deliveredBy } = await only(core)
  assert.equal([verified, status, deliveredBy.status], [true, 'active', 'ada'])
  core.store.release('append')
  await core.advance(50)
  assert.ok((await only(core)).verified)
})

test('[V6] what comes while the history is read counts', async () => {
  const { core, ada } = await setup()
  core.store.hold('attribution')
  const asked = core.registry.desk.intentions(DEMO)
  await ada.proposes('rewrite')
  core.store.release('attribution')
  await core.settle()
  assert.ok((await asked).intentions[0]!.verified)
})

test('[V6] it is known of a space that nobody has open, after a restart and a compaction', async () => {
  const { core, ada } = await setup()
  await ada.proposes('rewrite')
  await core.advance(1000)
  await core.store.compact(DEMO)
  const next = new Core({ disk: core.store.disk, idPrefix: 'next' })
  assert.ok((await only(next)).verified)
  assert.is(next.registry.status.spaces, 1)
  await next.advance(120_000)
  assert.is(next.registry.status.spaces, 0)
})

test('[V6] one state of the document is read once, and the history once as long as somebody asks', async () => {
  let reads = 0
  const counting = (inline: Engine): Engine => {
    const counted: Engine = Object.create(inline, {
      intentions: {
        value: (...args: Parameters<Engine['intentions']>) => {
          reads++
          return inline.intentions(...args)
        },
      },
    })
    for (const name of ['fold', 'join', 'open', 'apply', 'stateVector', 'diff', 'close'] as const) {
      Object.defineProperty(counted, name, { value: (inline[name] as CallableFunction).bind(inline) })
    }
    return counted
  }
  const core = new Core({ engine: counting })
  const ada = await Person.join(core, 'ada')
  await ada.proposes('rewrite')
  const asked = [core.registry.desk.intentions(DEMO), core.registry.desk.intentions(DEMO)]
  await core.settle()
  assert.is((await Promise.all(asked))[1]!.intentions.length, 1)
  await only(core)
  assert.equal([reads, core.store.count('attribution')], [1, 1])
  await ada.proposes('rewrite more')
  await all(core)
  assert.equal([reads, core.store.count('attribution')], [2, 1])
  await core.advance(120_000)
  await all(core)
  assert.is(core.store.count('attribution'), 2)
})

test('[V6] where the history cannot be read the answer is a retryable code, and the next may succeed', async () => {
  const { core, ada } = await setup()
  await ada.proposes('rewrite')
  core.store.fail('attribution', 1)
  const failed = rejectsWithCode('load_failed', core.registry.desk.intentions(DEMO))
  await core.settle()
  await failed
  assert.ok((await only(core)).verified)
})

test('[V6] what takes the engine too long is told whoever asked, and the space goes on', async () => {
  let isStuck = true
  const core = new Core({
    engine: inline => {
      const { intentions: read } = inline
      inline.intentions = async space => {
        if (isStuck) throw new EngineStuck('no answer')
        return read.call(inline, space)
      }
      return inline
    },
  })
  const ada = await Person.join(core, 'ada')
  await ada.proposes('rewrite')
  const failed = rejectsWithCode('rate_limited', core.registry.desk.intentions(DEMO))
  await core.settle()
  await failed
  isStuck = false
  assert.ok((await only(core)).verified)
  assert.is(ada.caller.closed, null)
})

test('[V6] [R8] a drain refuses it, and a space that ends leaves nobody waiting', async () => {
  const { core, ada } = await setup()
  await ada.proposes('rewrite')
  core.store.hold('attribution')
  const asked = rejectsWithCode('draining', core.registry.desk.intentions(DEMO))
  await core.settle()
  const drained = core.registry.drain(1000)
  const refused = rejectsWithCode('draining', core.registry.desk.intentions(DEMO))
  await core.advance(2000)
  core.store.release('attribution')
  await core.settle()
  await Promise.all([drained, refused, asked])
})
