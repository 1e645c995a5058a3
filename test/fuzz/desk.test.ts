/** Edits without a connection, live clients, a disk that fails and administrators who change their minds, at random. */
import * as Y from 'yjs'
import type { Access } from '../../server/space/peer.js'
import { MemoryDisk } from '../../server/storage/memory-store.js'
import { type ErrorCode, type PlenumError, toPlenumError } from '../../shared/errors.js'
import { type Caller, Core, DEMO } from '../support/core.js'
import { documentOf } from '../support/documents.js'
import { chance, createRng, int, pick, type Rng, seedFrom } from '../support/rng.js'
import { assert, isLongRun, note, suite } from '../support/suite.js'
import { told } from '../support/told.js'
import { Writer } from '../support/writer.js'

const test = suite('edits, clients and administrators')

const SEEDS = isLongRun ? 2_000 : 60
const STEPS = 120
const EXPECTED: ReadonlySet<ErrorCode> = new Set([
  'gap',
  'degraded',
  'space_deleted',
  'load_failed',
  'internal',
  'rate_limited',
])
const USERS = ['ann', 'bob', 'eve']

class Turmoil {
  readonly #rng: Rng
  readonly #disk = new MemoryDisk()
  #core: Core
  /** Whoever edits without a connection, and what each has written in its life. */
  #writers = new Map(USERS.map(user => [user, new Writer()]))
  /** Whoever is connected, with a document of their own. */
  #clients: { readonly caller: Caller; readonly writer: Writer }[] = []
  /** Words that are on the disk for good, of this life of the space. */
  #acknowledged = new Set<string>()
  #generation = 0
  #isDeleted = false
  #words = 0
  #lives = 0
  acknowledgements = 0
  readonly #asked = new Set<Promise<unknown>>()

  constructor(seed: number) {
    this.#rng = createRng(seed)
    this.#core = this.#start()
  }

  async run(): Promise<void> {
    for (let step = 0; step < STEPS; step++) await this.#step()
    await this.#check()
  }

  #start(): Core {
    return new Core({
      disk: this.#disk,
      idPrefix: `life${this.#lives++}-`,
      limits: { dormantAfterMs: 2_000, evictAfterMs: 3_000 },
    })
  }

  async #step(): Promise<void> {
    const rng = this.#rng
    const n = int(rng, 0, 99)
    if (n < 40) this.#edit(pick(rng, USERS))
    else if (n < 55) await this.#typeAsClient()
    else if (n < 62) await this.#connect()
    else if (n < 66) this.#clients.pop()?.caller.hangUp()
    else if (n < 78) await this.#core.settle()
    else if (n < 84) await this.#core.advance(int(rng, 1, 6) * 1000)
    else if (n < 90) this.#disturb()
    else if (n < 96) await this.#decide()
    else if (n < 98) await this.#compact()
    else await this.#crash()
  }

  #edit(user: string): void {
    const writer = this.#writers.get(user)!
    const words = [...new Set(writer.doc.getArray<string>('words').toArray()), `${user}${this.#words++}`]
    const word = words.at(-1)!
    const { update: only } = writer.edit(doc => doc.getArray('words').push([word]))
    // Now and then what was sent before is sent again, or what is missing is.
    const update = chance(this.#rng, 0.3) ? writer.answer().update : only
    const isWhole = update !== only
    const generation = this.#generation
    const access: Access = { user, name: null, role: 'write', expiresAtMs: null }
    const core = this.#core
    const asked = core.registry.desk.edit(DEMO, update, access).then(
      () => {
        this.acknowledgements++
        if (core === this.#core && generation === this.#generation)
          for (const each of isWhole ? words : [word]) this.#acknowledged.add(each)
      },
      (error: PlenumError) => assert.ok(EXPECTED.has(toPlenumError(error).code), `${error.code}`),
    )
    this.#asked.add(asked)
    asked.then(
      () => this.#asked.delete(asked),
      () => {},
    )
  }

  async #typeAsClient(): Promise<void> {
    if (this.#clients.length === 0) return
    const { caller, writer } = pick(this.#rng, this.#clients)
    writer.read(await caller.say(writer.edit(doc => doc.getArray('words').push([`client${this.#words++}`]))))
  }

  async #connect(): Promise<void> {
    const caller = this.#core.call({ access: { user: `client${this.#words++}` } })
    const writer = new Writer()
    this.#clients.push({ caller, writer })
    await this.#core.settle()
    writer.read(await caller.say(writer.ask(), writer.answer()))
  }

  #disturb(): void {
    const { store } = this.#core
    const what = int(this.#rng, 0, 5)
    if (what === 0) store.fail('append', int(this.#rng, 1, 3))
    else if (what === 1) store.hold('append')
    else if (what === 2) store.hold('load')
    else if (what === 3) store.fail('load', 1)
    else this.#mend()
  }

  #mend(): void {
    const { store } = this.#core
    store.mend('append', 'load')
    store.release('append')
    store.release('load')
  }

  async #decide(): Promise<void> {
    const { desk } = this.#core.registry
    this.#mend()
    // Until then no space is created in place of another.
    while (this.#core.registry.status.isDegraded) await this.#core.advance(1000)
    const what = int(this.#rng, 0, 4)
    if (what < 2) {
      await this.#until(desk.delete(DEMO))
      this.#isDeleted = true
    } else if (what === 2) {
      await this.#until(desk.restore(DEMO))
      this.#isDeleted = false
    } else if (what === 3) {
      const { isNew } = await this.#until(desk.create(DEMO))
      if (this.#isDeleted) {
        assert.ok(isNew)
        this.#generation++
        this.#acknowledged = new Set()
        this.#writers = new Map(USERS.map(user => [user, new Writer()]))
      }
      this.#isDeleted = false
    } else {
      await desk.disconnect(DEMO, pick(this.#rng, USERS))
    }
  }

  async #compact(): Promise<void> {
    const { type } = await this.#core.store.compact(DEMO)
    assert.ok(type === 'compacted' || type === 'skipped')
  }

  /** The process ends here and now; what was acknowledged is on the disk. */
  async #crash(): Promise<void> {
    this.#clients = []
    this.#asked.clear()
    this.#core = this.#start()
    await this.#checkDisk()
  }

  /** Time goes on until it is answered: a disk that failed is tried again, and so on. */
  async #until<Answer>(asked: Promise<Answer>): Promise<Answer> {
    let isAnswered = false
    asked.then(
      () => {
        isAnswered = true
      },
      () => {
        isAnswered = true
      },
    )
    for (let i = 0; i < 20 && !isAnswered; i++) await this.#core.advance(1000)
    assert.ok(isAnswered, 'it is never answered')
    return asked
  }

  async #check(): Promise<void> {
    this.#mend()
    await this.#until(Promise.all(this.#asked))
    const { desk } = this.#core.registry
    if (this.#isDeleted) {
      const code = await told(
        this.#core,
        desk.update(DEMO, null).catch(error => error.code),
      )
      assert.is(code, 'space_deleted')
      await told(this.#core, desk.restore(DEMO))
    }
    await this.#checkDisk()
    const { update } = await told(this.#core, desk.update(DEMO, null))
    const whole = documentOf([update])
    // Whoever stayed has the same.
    for (const { caller, writer } of this.#clients) {
      writer.read(caller.take())
      if (caller.closed !== null) continue
      writer.read(await caller.say(writer.answer(Y.encodeStateVector(whole)), writer.ask()))
    }
    const now = documentOf([(await told(this.#core, desk.update(DEMO, null))).update])
    for (const { caller, writer } of this.#clients) {
      writer.read(caller.take())
      if (caller.closed === null) assert.equal(Y.encodeStateVector(writer.doc), Y.encodeStateVector(now))
    }
    for (const { caller } of this.#clients) caller.hangUp()
    await this.#core.advance(60_000)
    const { registry, engine, scheduler } = this.#core
    assert.equal([registry.status.spaces, engine.size, scheduler.pending], [0, 0, 0])
  }

  async #checkDisk(): Promise<void> {
    if (this.#isDeleted) return
    const { snapshot, tail } = await this.#core.store.load(DEMO)
    const doc = documentOf([
      ...(snapshot ? [snapshot.update] : []),
      ...tail.flatMap(({ updates }) => updates),
    ])
    const there = new Set(doc.getArray<string>('words').toArray())
    for (const word of this.#acknowledged) assert.ok(there.has(word), `${word} was acknowledged and is lost`)
  }
}

const runSeed = async (seed: number): Promise<number> => {
  const turmoil = new Turmoil(seed)
  try {
    await turmoil.run()
    return turmoil.acknowledgements
  } catch (error) {
    throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error })
  }
}

test('[X19] nothing acknowledged is lost, everybody has the same, and it ends as administrators decided', {
  timeoutMs: 1_800_000,
}, async () => {
  let acknowledgements = 0
  const seed = seedFrom()
  for (let i = 0; i < SEEDS; i++) acknowledgements += await runSeed(i < SEEDS / 2 ? i + 1 : (seed + i) >>> 0)
  assert.ok(acknowledgements > SEEDS)
  note(`${acknowledgements} edits acknowledged`)
})
