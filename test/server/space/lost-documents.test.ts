/** Documents that are lost to others' faults, and those that are lost to their own. */
import { DocumentLost, type Engine, EngineStuck } from '../../../server/space/engine.js'
import type { ServerMessage } from '../../../shared/protocol/index.js'
import { ASK_ALL, type Caller, Core, DEMO } from '../../support/core.js'
import { assert, suite } from '../../support/suite.js'
import { textIn, Writer } from '../../support/writer.js'

const test = suite('lost documents')

const savedCount = (messages: readonly ServerMessage[]): number =>
  messages.reduce((most, message) => (message.type === 'saved' ? message.count : most), 0)

/** An engine whose next calls lose the document before they do anything, as if its thread had ended. */
class LosingEngine implements Engine {
  losses = 0
  /** What `apply` and `diff` then take too long for. */
  isStuckBy: (update: Uint8Array) => boolean = () => false
  isLoadStuck = false
  isFolding = true
  readonly #inline: Engine

  constructor(inline: Engine) {
    this.#inline = inline
  }

  async fold(...args: Parameters<Engine['fold']>): ReturnType<Engine['fold']> {
    return this.isFolding ? this.#inline.fold(...args) : null
  }

  join(...args: Parameters<Engine['join']>): ReturnType<Engine['join']> {
    return this.#inline.join(...args)
  }

  async open(...args: Parameters<Engine['open']>): Promise<void> {
    if (this.isLoadStuck) throw new EngineStuck('no answer to open within 1 ms')
    return this.#inline.open(...args)
  }

  async apply(...[space, batch]: Parameters<Engine['apply']>): ReturnType<Engine['apply']> {
    await this.#lose()
    const offender = batch.findIndex(({ update }) => this.isStuckBy(update))
    if (offender < 0) return this.#inline.apply(space, batch)
    await this.#inline.close(space)
    const cause = new EngineStuck('no answer to apply within 1 ms', offender)
    return { type: 'broken', offender, cause }
  }

  async stateVector(...args: Parameters<Engine['stateVector']>): Promise<Uint8Array> {
    await this.#lose()
    return this.#inline.stateVector(...args)
  }

  async diff(...[space, stateVector]: Parameters<Engine['diff']>): Promise<Uint8Array> {
    await this.#lose()
    if (stateVector !== null && this.isStuckBy(stateVector)) throw new EngineStuck('no answer to diff')
    return this.#inline.diff(space, stateVector)
  }

  async intentions(...args: Parameters<Engine['intentions']>): ReturnType<Engine['intentions']> {
    await this.#lose()
    return this.#inline.intentions(...args)
  }

  async json(...args: Parameters<Engine['json']>): ReturnType<Engine['json']> {
    await this.#lose()
    return this.#inline.json(...args)
  }

  close(...args: Parameters<Engine['close']>): Promise<void> {
    return this.#inline.close(...args)
  }

  async #lose(): Promise<void> {
    if (this.losses === 0) return
    this.losses--
    await this.#inline.close(DEMO)
    throw new DocumentLost()
  }
}

const setup = async (count: number) => {
  let engine: LosingEngine | null = null
  const core = new Core({
    engine: inline => {
      engine = new LosingEngine(inline)
      return engine
    },
  })
  const callers: Caller[] = []
  for (let i = 0; i < count; i++) callers.push(await core.live({ access: { user: `user ${i}` } }))
  for (const caller of callers) caller.take()
  return { core, engine: engine as unknown as LosingEngine, callers }
}

test('[Q2] whoever is in a space whose document was lost notices nothing', async () => {
  const { core, engine, callers } = await setup(3)
  const [author, other, third] = callers as [Caller, Caller, Caller]
  const doc = new Writer()
  core.store.hold('append')
  await author.say(doc.type('on its way '))
  engine.losses = 3
  await other.say(doc.type('lost '))
  engine.losses = 2
  third.send(ASK_ALL)
  await core.settle()
  assert.is(textIn(third.take().filter(({ type }) => type === 'step2')), 'on its way lost ')
  core.store.release('append')
  await core.settle()
  assert.is(savedCount(author.take()), 2)
  assert.is(savedCount(other.take()), 2)
  for (const { closed } of callers) assert.is(closed, null)
  assert.is(core.observer.of('rebuilds'), 0)
  const next = new Core({ disk: core.store.disk, idPrefix: 'next' })
  assert.is(textIn(await (await next.join()).say(ASK_ALL)), 'on its way lost ')
})

test('[Q2] [R9] a document that is lost again and again ends its space, which can be loaded anew', async () => {
  const { core, engine, callers } = await setup(2)
  const doc = new Writer()
  await callers[0]!.say(doc.type('kept'))
  engine.losses = 100
  callers[0]!.send(doc.type(' not'))
  await core.settle()
  engine.losses = 0
  for (const caller of callers) {
    caller.take()
    assert.is(caller.closed?.code, 4500)
  }
  assert.is(textIn(await (await core.join()).say(ASK_ALL)), 'kept')
})

/** Contains the capital letter. */
const has =
  (letter: string) =>
  (bytes: Uint8Array): boolean =>
    bytes.includes(letter.charCodeAt(0))

test('[Q1] whoever sent what the engine got stuck in is refused, and the rest of the batch takes effect', async () => {
  const { core, engine, callers } = await setup(3)
  const [first, offender, third] = callers as [Caller, Caller, Caller]
  engine.isStuckBy = has('X')
  first.send(new Writer().type('a'))
  offender.send(new Writer().type('X'))
  third.send(new Writer().type('b'))
  await core.settle()
  assert.ok(offender.take().some(message => message.type === 'rejected' && message.code === 'unappliable'))
  for (const caller of [first, third]) assert.is(savedCount(caller.take()), 2)
  assert.is(core.observer.of('stuck'), 1)
  assert.is(core.observer.of('suspensions'), 0)
})

test('[Q1] a question that the engine takes too long to answer closes whoever asked, alone', async () => {
  const { core, engine, callers } = await setup(2)
  engine.isStuckBy = has('X')
  callers[0]!.send({ type: 'step1', stateVector: Uint8Array.of(1, 1, 88) })
  await core.settle()
  for (const caller of callers) caller.take()
  assert.is(callers[0]?.closed?.code, 4529)
  assert.is(callers[1]?.closed, null)
})

test('[Q3] a space that keeps getting the engine stuck is read-only for a while, then asks for what was left out', async () => {
  const { core, engine, callers } = await setup(5)
  const writers = callers.map(() => new Writer())
  engine.isStuckBy = has('X')
  for (const i of [0, 1, 2]) callers[i]!.send(writers[i]!.type('X'))
  callers[3]!.send(writers[3]!.type('a'))
  await core.settle()
  assert.is(core.observer.of('suspensions'), 1)
  for (const caller of callers) {
    assert.ok(caller.take().some(message => message.type === 'notice' && message.kind === 'read-only'))
  }
  // Neither applied nor acknowledged, nor is anything tried that might hang again.
  assert.is(savedCount(await callers[4]!.say(writers[4]!.type('bX'))), 0)
  assert.is(core.observer.of('stuck'), 3)
  const late = await core.join()
  const heard = await late.say(ASK_ALL)
  assert.is(textIn(heard), '')
  // It is the same for who comes, also after everybody left.
  engine.isStuckBy = () => false
  await core.advance(599_000)
  assert.is(savedCount(await callers[3]!.say(writers[3]!.type('b'))), 0)
  await core.advance(2_000)
  const [asked] = callers[3]!.take().filter(({ type }) => type === 'step1')
  assert.ok(asked !== undefined)
  assert.is(savedCount(await callers[3]!.say(writers[3]!.answer())), 4)
  assert.is(textIn(await late.say(ASK_ALL)), 'ab')
})

test('[Q3] the suspension outlives the space', async () => {
  const { core, engine, callers } = await setup(3)
  engine.isStuckBy = has('X')
  for (const caller of callers) caller.send(new Writer().type('X'))
  await core.settle()
  for (const caller of callers) caller.hangUp()
  await core.advance(60_000)
  assert.is(core.registry.status.spaces, 0)
  const messages = (await core.join()).take()
  assert.ok(messages.some(message => message.type === 'notice' && message.kind === 'read-only'))
})

test('[Q3] a space that gets the engine stuck when it wakes is refused, and no more tried, until its term is over', async () => {
  const { core, engine, callers } = await setup(1)
  await callers[0]!.say(new Writer().type('kept'))
  callers[0]!.hangUp()
  await core.advance(60_000)
  engine.isLoadStuck = true
  for (let i = 0; i < 3; i++) {
    const caller = await core.join()
    assert.is(textIn(await caller.say(ASK_ALL)), 'kept', 'reading needs no document')
    await caller.say(new Writer().type('x'))
    assert.is(caller.closed?.code, 4500)
  }
  const refused = await core.join()
  refused.take()
  assert.is(refused.closed?.code, 4503)
  assert.is(core.observer.of('stuck'), 3)
  engine.isLoadStuck = false
  await core.advance(600_000)
  assert.is(textIn(await (await core.join()).say(ASK_ALL)), 'kept')
})

test('[Q3] so is a space whose load gets the engine stuck', async () => {
  const { core, engine, callers } = await setup(1)
  engine.isFolding = false
  await callers[0]!.say(new Writer().type('kept'))
  callers[0]!.hangUp()
  await core.advance(60_000)
  engine.isLoadStuck = true
  for (let i = 0; i < 5; i++) {
    const caller = await core.join()
    caller.take()
    assert.is(caller.closed?.code, i < 3 ? 4500 : 4503)
  }
  assert.is(core.observer.of('stuck'), 3)
  assert.is(core.observer.of('load_failures'), 3)
  engine.isLoadStuck = false
  await core.advance(600_000)
  assert.is(textIn(await (await core.join()).say(ASK_ALL)), 'kept')
})
