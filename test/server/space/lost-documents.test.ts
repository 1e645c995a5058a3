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
  readonly #inline: Engine

  constructor(inline: Engine) {
    this.#inline = inline
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
