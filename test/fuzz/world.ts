/**
 * One seeded run: a server, its disk, and a few clients between whom everything that may happen does. At the end
 * all come back, and all must be one document; what was acknowledged before a crash must be on the disk.
 */
import * as Y from 'yjs'
import { DEFAULT_LIMITS, type SpaceLimits } from '../../server/space/limits.js'
import { STORE_IS_LATE } from '../../server/space/timely-reads.js'
import { MemoryDisk } from '../../server/storage/memory-store.js'
import { PlenumError } from '../../shared/errors.js'
import { parseResumePoint, RESUME_PARAMETER } from '../../shared/protocol/index.js'
import { WANTED_FAILURE } from '../support/controlled-store.js'
import { ASK_ALL, Core, DEMO, type Door } from '../support/core.js'
import {
  contentOf,
  deletionsOf,
  documentOf,
  isPending,
  missingOf,
  stateVectorOf,
} from '../support/documents.js'
import { chance, createRng, int, pick, type Rng } from '../support/rng.js'
import type { SocketPair } from '../support/socket-pair.js'
import { assert } from '../support/suite.js'
import { PlenumReplica, type Replica, ResumingReplica, StockReplica } from './replicas.js'

interface Link {
  readonly replica: Replica
  readonly pair: SocketPair
  readonly door: Door
}

/** Close codes that a client may see here without a fault: gone, too slow, failed load, draining. */
const EXPECTED_CLOSES = new Set([1000, 1005, 1006, 4508, 4500, 4503])

export interface WorldOptions {
  /** Whether some clients are providers, which come back with a position. */
  readonly isWithResuming?: boolean
  /** Whether writers also exchange what they have past the server. */
  readonly isWithWhispers?: boolean
  /** Documents stay in memory. */
  readonly isSleepless?: boolean
}

export class World {
  /** How often a connection was sent only what it had missed. */
  resumes = 0
  /** How often something was left out of a message because it was another's to bring. */
  held = 0
  readonly #rng: Rng
  /** Of its own, so that seeds mean the same with and without sleep. */
  readonly #sleepRng: Rng | null
  readonly #whisperRng: Rng | null
  readonly #disk = new MemoryDisk()
  readonly #replicas: Replica[]
  #core: Core
  #links: Link[] = []
  #crashes = 0
  #loadsMayFail = false
  /** What happened, for the one who looks into a failing seed. */
  readonly journal: string[] = []

  constructor(
    seed: number,
    { isWithResuming = false, isWithWhispers = false, isSleepless = false }: WorldOptions = {},
  ) {
    this.#rng = createRng(seed)
    this.#sleepRng = isSleepless ? null : createRng(~seed >>> 0)
    this.#whisperRng = isWithWhispers ? createRng((seed ^ 0x5bd1e995) >>> 0) : null
    this.#replicas = this.#makeReplicas(isWithResuming)
    this.#core = this.#start()
  }

  async run(steps: number): Promise<void> {
    for (let step = 0; step < steps; step++) {
      await this.#step(step)
      if (this.#whisperRng !== null && chance(this.#whisperRng, 0.2)) this.#whisper(this.#whisperRng)
      if (this.#sleepRng !== null && chance(this.#sleepRng, 0.02)) await this.#sleep(this.#sleepRng)
    }
    await this.#end()
  }

  close(): void {
    for (const replica of this.#replicas) replica.destroy()
  }

  #makeReplicas(isWithResuming: boolean): Replica[] {
    const rng = this.#rng
    const replicas: Replica[] = [
      new PlenumReplica('plenum0', 'write', int(rng, 1, 2 ** 32 - 1)),
      new StockReplica('stock0', 'write', int(rng, 1, 2 ** 32 - 1)),
    ]
    for (let more = int(rng, 1, 3); more > 0; more--) {
      const Kind = chance(rng, 0.5) ? PlenumReplica : StockReplica
      const role = chance(rng, 0.25) ? 'read' : 'write'
      replicas.push(new Kind(`${Kind.name}${more}${role}`, role, int(rng, 1, 2 ** 32 - 1)))
    }
    if (isWithResuming) {
      replicas.push(new ResumingReplica('resuming0', 'write', int(rng, 1, 2 ** 32 - 1)))
      const role = chance(rng, 0.4) ? 'read' : 'write'
      replicas.push(new ResumingReplica(`resuming1${role}`, role, int(rng, 1, 2 ** 32 - 1)))
    }
    return replicas
  }

  /** How soon documents rest and empty spaces go: often between two steps. */
  #chooseSleep(): Partial<SpaceLimits> {
    const rng = this.#sleepRng
    if (rng === null) return { dormantAfterMs: 600_000 }
    return {
      dormantAfterMs: chance(rng, 0.8) ? int(rng, 0, 5000) : 600_000,
      evictAfterMs: int(rng, 0, 30_000),
    }
  }

  #start(): Core {
    const rng = this.#rng
    const isTight = chance(rng, 0.5)
    const limits = { ...DEFAULT_LIMITS, ...this.#chooseSleep() }
    const core = new Core({
      disk: this.#disk,
      idPrefix: `life${this.#crashes}-`,
      limits: isTight
        ? { ...limits, peerBudgetBytes: int(rng, 200, 2000), maxInboxBytes: 500, maxUncommittedBytes: 2000 }
        : limits,
    })
    core.scheduler.costMs = chance(rng, 0.5) ? 0.05 : 0
    return core
  }

  async #step(step: number): Promise<void> {
    const rng = this.#rng
    const blinking = this.#replicas.filter(replica => replica instanceof ResumingReplica)
    if (blinking.length > 0 && chance(rng, 0.15)) return this.#blink(pick(rng, blinking))
    const n = int(rng, 0, 99)
    const links = this.#links
    if (n < 22) this.#edit(pick(rng, this.#replicas))
    else if (n < 25) pick(rng, this.#replicas).announce(step)
    else if (n < 44 && links.length > 0) this.#deliverUp(pick(rng, links), int(rng, 1, 6))
    else if (n < 60 && links.length > 0) this.#deliverDown(pick(rng, links), int(rng, 1, 6))
    else if (n < 72) await this.#breathe()
    else if (n < 77) await this.#settle()
    else if (n < 85) await this.#connectOne()
    else if (n < 88 && links.length > 0) this.#cut(pick(rng, links))
    else if (n < 90) this.#hangUp(pick(rng, this.#replicas))
    else if (n < 93) await this.#advance(int(rng, 1, 3) * 1000)
    else if (n < 94) await this.#advance(int(rng, 20, 40) * 1000)
    else if (n < 97) this.#disturbStore()
    else if (n < 98) await this.#compact()
    else if (n < 99) await (chance(rng, 0.8) ? this.#crash() : this.#restart())
    else if (chance(rng, 0.8)) this.#deliverAll()
    else this.#paste(pick(rng, this.#replicas))
  }

  #edit(replica: Replica): void {
    if (replica.role === 'read') return
    this.journal.push(`${replica.name} edits`)
    replica.edit(this.#rng)
  }

  /** What two writers have of each other comes to the server from either, in whatever order. */
  #whisper(rng: Rng): void {
    const writers = this.#replicas.filter(({ role }) => role !== 'read')
    const [from, to] = [pick(rng, writers), pick(rng, writers)]
    if (from === to) return
    this.journal.push(`${from.name} whispers to ${to.name}`)
    Y.applyUpdate(to.doc, Y.encodeStateAsUpdate(from.doc, Y.encodeStateVector(to.doc)), 'whisper')
  }

  /** So much that the log has to be folded. */
  #paste(replica: Replica): void {
    if (replica.role === 'read') return
    this.journal.push(`${replica.name} pastes`)
    replica.doc.getText('text').insert(0, 'paste '.repeat(12_000))
  }

  #deliverUp({ replica, pair }: Link, count: number): void {
    this.journal.push(`${replica.name} up ${pair.toServer.deliver(count)}`)
  }

  #deliverDown({ replica, pair, door }: Link, count: number): void {
    this.journal.push(`${replica.name} down ${pair.toClient.deliver(count)}`)
    door.drained()
    this.#check(replica)
  }

  /** One round of the server's event loop. */
  async #breathe(): Promise<void> {
    this.journal.push('breathe')
    this.#core.scheduler.runDue()
    await new Promise<void>(resolve => setImmediate(resolve))
  }

  async #settle(): Promise<void> {
    this.journal.push('settle')
    await this.#core.settle()
  }

  /** A while in which nothing happens; or everybody leaves, and the space goes when its grace is over. */
  async #sleep(rng: Rng): Promise<void> {
    if (chance(rng, 0.5)) for (const link of this.#links) this.#cut(link)
    await this.#advance(int(rng, 1, 40) * 1000)
  }

  async #advance(byMs: number): Promise<void> {
    this.journal.push(`advance ${byMs}`)
    await this.#core.advance(byMs)
  }

  async #connectOne(): Promise<void> {
    const away = this.#replicas.filter(({ pair }) => pair === null)
    if (away.length > 0) await this.#connect(pick(this.#rng, away))
  }

  async #connect(replica: Replica): Promise<void> {
    this.journal.push(`${replica.name} connects`)
    const pair = await replica.connect()
    const { dialect, role } = replica
    const after = parseResumePoint(new URL(pair.url).searchParams.get(RESUME_PARAMETER))
    const door = this.#core.attach(pair, DEMO, { dialect, access: { user: replica.name, role }, after })
    pair.accept()
    this.#links.push({ replica, pair, door })
  }

  /** A short absence: what came down before is read, or lost with the connection. */
  async #blink(replica: Replica): Promise<void> {
    const link = this.#links.find(({ pair }) => pair === replica.pair)
    if (link === undefined) {
      if (replica.pair === null) await this.#connect(replica)
      this.#deliverAll()
      await this.#settle()
      this.#deliverAll()
      return
    }
    if (chance(this.#rng, 0.5)) this.#deliverDown(link, int(this.#rng, 1, 20))
    if (chance(this.#rng, 0.5)) this.#cut(link)
    else this.#hangUp(replica)
  }

  #cut(link: Link): void {
    this.journal.push(`${link.replica.name} is cut`)
    link.pair.cut()
    this.#links = this.#links.filter(other => other !== link)
  }

  /** The client goes; what it sent before may still arrive. */
  #hangUp(replica: Replica): void {
    this.journal.push(`${replica.name} hangs up`)
    replica.disconnect()
  }

  #disturbStore(): void {
    const { store } = this.#core
    const what = int(this.#rng, 0, 7)
    this.journal.push(`store ${what}`)
    switch (what) {
      case 0:
        store.fail('append', int(this.#rng, 1, 3))
        return
      case 1:
        store.fail('append')
        return
      case 2:
        store.fail('reopen', 2)
        return
      case 3:
        store.isNextAnswerLost = true
        return
      case 4:
        store.hold('append')
        return
      case 5:
        store.hold('load')
        // It may be held longer than a store may take.
        this.#loadsMayFail = true
        return
      case 6:
        store.fail('load', 1)
        this.#loadsMayFail = true
        return
      default:
        this.#mendStore()
    }
  }

  #mendStore(): void {
    const { store } = this.#core
    store.mend('append', 'reopen', 'load')
    store.isNextAnswerLost = false
    store.release('append')
    store.release('load')
  }

  async #compact(): Promise<void> {
    this.journal.push('compact')
    const outcome = await this.#core.store.compact(DEMO)
    assert.ok(outcome.type === 'compacted' || outcome.type === 'skipped', JSON.stringify(outcome))
  }

  async #crash(): Promise<void> {
    this.journal.push('crash')
    this.#crashes++
    for (const { pair } of this.#links) pair.cut()
    this.#links = []
    this.#checkServer()
    this.resumes += this.#core.observer.of('resumes')
    this.held += this.#core.observer.of('held')
    this.#core = this.#start()
    await this.#checkAcknowledged()
  }

  /** A shutdown in good order: what arrived is on the disk, unless the disk does not let it. */
  async #restart(): Promise<void> {
    this.journal.push('restart')
    this.#mendStore()
    const draining = this.#core.registry.drain(10_000)
    await this.#core.advance(11_000)
    assert.equal(await draining, { unsavedSpaces: [], unsavedBytes: 0 })
    assert.is(this.#core.engine.size, 0, 'documents after a drain')
    await this.#crash()
  }

  #deliverAll(): void {
    for (const link of this.#links) {
      this.#deliverUp(link, Number.POSITIVE_INFINITY)
      this.#deliverDown(link, Number.POSITIVE_INFINITY)
    }
  }

  async #end(): Promise<void> {
    this.journal.push('end')
    this.#mendStore()
    await this.#untilQuiet()
    // Clients renew their presence every 15 seconds; whoever came back knows the others' clocks from before.
    for (const replica of this.#replicas) replica.announce(-1)
    await this.#untilQuiet()
    await this.#checkConverged()
    this.resumes += this.#core.observer.of('resumes')
    this.held += this.#core.observer.of('held')
    this.#checkServer()
    await this.#checkAcknowledged()
  }

  async #untilQuiet(): Promise<void> {
    for (let quiet = 0, round = 0; quiet < 4; round++) {
      assert.ok(round < 500, 'it never becomes quiet')
      for (const replica of this.#replicas) if (replica.pair === null) await this.#connect(replica)
      let moved = 0
      for (const { pair, door, replica } of this.#links) {
        moved += pair.toServer.deliver()
        await this.#core.settle()
        // A quiet connection is kept alive, and told of what became durable.
        moved += pair.toClient.frames.filter(
          ([type, length]) => type !== 101 && (type !== 1 || length !== 1),
        ).length
        pair.toClient.deliver()
        door.drained()
        this.#check(replica)
      }
      await this.#core.advance(1000)
      quiet = moved === 0 ? quiet + 1 : 0
    }
  }

  #check(replica: Replica): void {
    assert.not(isPending(replica.doc), `${replica.name} was sent a stream with holes`)
    const { closeCode } = replica
    const isExpected = closeCode === null || EXPECTED_CLOSES.has(closeCode)
    assert.ok(isExpected, `${replica.name} was closed with ${closeCode}`)
    if (closeCode === 4500) assert.ok(this.#loadsMayFail, `${replica.name} was closed with 4500`)
  }

  #checkServer(): void {
    const { observer } = this.#core
    for (const event of ['repairs', 'quarantines', 'rebuilds', 'rejections'] as const) {
      assert.is(observer.of(event), 0, event)
    }
    const faults = observer.reports.filter(
      ({ level, what, details }) =>
        level === 'error' &&
        !EXPECTED_REPORTS.has(what) &&
        !(
          what === 'space failed' &&
          (isWanted(details.error) || (this.#loadsMayFail && isLate(details.error)))
        ),
    )
    assert.equal(faults, [])
  }

  async #checkAcknowledged(): Promise<void> {
    const { snapshot, tail } = await this.#core.store.load(DEMO)
    const doc = documentOf([
      ...(snapshot ? [snapshot.update] : []),
      ...tail.flatMap(({ updates }) => updates),
    ])
    assert.not(isPending(doc), 'what is on the disk has a hole')
    for (const replica of this.#replicas) {
      for (const update of replica.acknowledged) {
        assert.is(missingOf(doc, update), null, `${replica.name}: acknowledged and lost`)
      }
    }
    doc.destroy()
  }

  async #whatNewcomersGet(): Promise<Uint8Array> {
    const newcomer = await this.#core.join({ dialect: 'stock' })
    const step2 = (await newcomer.say(ASK_ALL)).find(message => message.type === 'step2')
    newcomer.hangUp()
    assert.ok(step2?.type === 'step2')
    return step2.update
  }

  async #checkConverged(): Promise<void> {
    const everybody = this.#replicas.map(({ doc }) => doc.clientID).sort((a, b) => a - b)
    const server = documentOf([await this.#whatNewcomersGet()])
    for (const { name, doc, role, dialect, pair, seen, saveState } of this.#replicas) {
      assert.equal(seen, everybody, `${name}: presence`)
      assert.ok(pair !== null, `${name} is connected`)
      assert.not(isPending(doc), `${name} is pending`)
      assert.is(stateVectorOf(doc), stateVectorOf(server), `${name}: state vector`)
      const isSame = Y.equalDeleteSets(deletionsOf(doc), deletionsOf(server))
      // A stock reader cleans up formats, and keeps that to itself; one of them may matter later.
      const isOnItsOwn = role === 'read' && dialect === 'stock'
      if (!isOnItsOwn) assert.ok(isSame, `${name}: delete set`)
      if (!isOnItsOwn || isSame) assert.is(contentOf(doc), contentOf(server), `${name}: content`)
      if (saveState !== null) assert.is(saveState, 'saved', `${name}: save state`)
    }
    server.destroy()
  }
}

/** A resting document is loaded again by whoever needs it: that fails where a load was told to. */
const isWanted = (error: unknown): boolean => error instanceof PlenumError && error.message === WANTED_FAILURE

/** So it does where a load was held for longer than a store may take. */
const isLate = (error: unknown): boolean =>
  error instanceof PlenumError && error.cause instanceof PlenumError && error.cause.message === STORE_IS_LATE

const EXPECTED_REPORTS = new Set(['storage degraded', 'space could not be loaded'])
