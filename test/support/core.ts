/**
 * A registry in this process with its engine, a memory store and a clock that the test owns, and connections to
 * it over socket pairs: the whole core without a network, a disk or a timer.
 */
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { InlineEngine } from '../../server/space/engine/inline-engine.js'
import { DEFAULT_LIMITS, type SpaceLimits } from '../../server/space/limits.js'
import type { CountedEvent, Observer, TimedEvent } from '../../server/space/observer.js'
import type { Packing } from '../../server/space/packing.js'
import type { Access, Dialect } from '../../server/space/peer.js'
import { Registry, type RegistryOptions } from '../../server/space/registry.js'
import type { Session } from '../../server/space/session.js'
import type { MemoryDisk } from '../../server/storage/memory-store.js'
import { ERRORS, type LogLevel, PlenumError, toPlenumError } from '../../shared/errors.js'
import type { SpaceName } from '../../shared/names.js'
import {
  type ClientMessage,
  decodeServerMessage,
  encodeMessage,
  type ResumePoint,
  type Roster,
  type ServerMessage,
} from '../../shared/protocol/index.js'
import { ControlledStore } from './controlled-store.js'
import { FakeScheduler } from './fake-scheduler.js'
import { SocketPair } from './socket-pair.js'

export interface Report {
  readonly level: LogLevel
  readonly what: string
  readonly details: Readonly<Record<string, unknown>>
}

export class CountingObserver implements Observer {
  readonly counts = new Map<CountedEvent, number>()
  readonly reports: Report[] = []
  readonly timings: { readonly event: TimedEvent; readonly durationMs: number }[] = []

  count(event: CountedEvent, by = 1): void {
    this.counts.set(event, this.of(event) + by)
  }

  timed(event: TimedEvent, durationMs: number): void {
    this.timings.push({ event, durationMs })
  }

  report(level: LogLevel, what: string, details = {}): void {
    this.reports.push({ level, what, details })
  }

  of(event: CountedEvent): number {
    return this.counts.get(event) ?? 0
  }
}

export interface CoreOptions {
  readonly disk?: MemoryDisk
  readonly scheduler?: FakeScheduler
  /** Begins every id that is drawn: no two registries have one in common. */
  readonly idPrefix?: string
  readonly limits?: Partial<SpaceLimits>
  /** In place of the inline engine, which `Core.engine` stays. */
  readonly engine?: (inline: InlineEngine) => RegistryOptions['engine']
  /** In place of packing without threads. */
  readonly packing?: (prompt: Packing) => Packing
}

export interface ConnectOptions {
  readonly dialect?: Dialect
  readonly access?: Partial<Access>
  readonly authenticate?: (token: string) => Promise<Access>
  /** From where the client wants to go on. */
  readonly after?: ResumePoint | null
  /** As the door says it of a client that asks for none. By default they are needed. */
  readonly needsRenewals?: boolean
}

export const spaceName = (name: string): SpaceName => name as SpaceName
export const DEMO = spaceName('demo')

/** The step 1 and the step 2 of a client that has nothing. */
export const ASK_ALL: ClientMessage = { type: 'step1', stateVector: Uint8Array.of(0) }
export const NOTHING: ClientMessage = { type: 'step2', update: Uint8Array.of(0, 0) }

/** Without threads that nobody could wait for. */
const promptPacking: Packing = {
  pack: async bytes => deflateRawSync(bytes),
  unpack: async packed => inflateRawSync(packed),
}

export class Core {
  readonly scheduler: FakeScheduler
  readonly store: ControlledStore
  readonly engine = new InlineEngine()
  readonly observer = new CountingObserver()
  readonly registry: Registry
  #ids = 0

  constructor(options: CoreOptions = {}) {
    this.scheduler = options.scheduler ?? new FakeScheduler()
    this.store = new ControlledStore(options.disk)
    this.registry = new Registry({
      store: this.store,
      engine: options.engine?.(this.engine) ?? this.engine,
      packing: options.packing?.(promptPacking) ?? promptPacking,
      observer: this.observer,
      scheduler: this.scheduler,
      randomId: () => `${options.idPrefix ?? 'id'}${++this.#ids}`,
      limits: { ...DEFAULT_LIMITS, ...options.limits },
    })
  }

  settle(): Promise<void> {
    return this.scheduler.settle()
  }

  /** Lets time pass, with a sweep at each second. */
  async advance(byMs: number): Promise<void> {
    for (let leftMs = byMs; leftMs > 0; leftMs -= 1000) {
      await this.scheduler.advance(Math.min(leftMs, 1000))
      this.registry.sweep(this.scheduler.now())
      await this.settle()
    }
  }

  /** Stands for the door: brings the server's end of a socket into a space. */
  attach(pair: SocketPair, space: SpaceName = DEMO, options: ConnectOptions = {}): Door {
    const door = new Door(pair)
    const {
      dialect = 'plenum',
      access = {},
      authenticate = refuseToken,
      after = null,
      needsRenewals = true,
    } = options
    const peer = pair.server.asPeer()
    const whole: Access = { user: 'ann', name: null, role: 'write', expiresAtMs: null, ...access }
    const joined = this.registry.join(space, peer, {
      dialect,
      access: whole,
      authenticate,
      after,
      needsRenewals,
    })
    door.wait(joined)
    return door
  }

  /** A connection that the test speaks for, message by message. It is joined when the promise resolves. */
  async join(options: ConnectOptions & { readonly space?: SpaceName } = {}): Promise<Caller> {
    const caller = this.call(options)
    await this.settle()
    return caller
  }

  /** A client that has nothing, joined, synced and all read: its first document message was the empty step 2. */
  async live(options: ConnectOptions & { readonly space?: SpaceName } = {}): Promise<Caller> {
    const caller = await this.join(options)
    await caller.say(ASK_ALL, NOTHING)
    return caller
  }

  /** As `join`, without waiting. */
  call(options: ConnectOptions & { readonly space?: SpaceName } = {}): Caller {
    const pair = new SocketPair().accept()
    return new Caller(this, pair, this.attach(pair, options.space, options))
  }
}

const refuseToken = async (): Promise<Access> => {
  throw new PlenumError('unauthenticated')
}

/** What a door does between a socket and its session. */
export class Door {
  readonly #pair: SocketPair
  session: Session | null = null
  #waiting: Uint8Array[] = []
  #isPaused = true
  #isGone = false

  constructor(pair: SocketPair) {
    this.#pair = pair
    pair.server.onFrame = frame => this.#onFrame(frame)
    pair.server.onClose = () => {
      this.#isGone = true
      this.session?.leave()
    }
  }

  /** The session asked for a pause. */
  get isPaused(): boolean {
    return this.#isPaused
  }

  wait(joined: Promise<Session>): void {
    joined.then(
      session => {
        this.session = session
        this.#isPaused = false
        if (this.#isGone) session.leave()
        else this.#resume()
      },
      error => {
        const { code, message } = toPlenumError(error)
        this.#pair.server.close(ERRORS[code].close, message)
      },
    )
  }

  /** Frames left the buffer. */
  drained(): void {
    this.session?.drained()
  }

  #onFrame(frame: Uint8Array): void {
    this.#waiting.push(frame)
    this.#resume()
  }

  #resume(): void {
    while (!this.#isPaused && this.#waiting.length > 0) {
      const frame = this.#waiting.shift()!
      const busy = this.session?.receive(frame)
      // It was lent: a door reads the next one into its place.
      frame.fill(0xff)
      if (busy === undefined) continue
      this.#isPaused = true
      void busy.then(() => {
        this.#isPaused = false
        this.#resume()
      })
    }
  }
}

/** The client's end, played by the test. */
export class Caller {
  readonly door: Door
  readonly pair: SocketPair
  /** The close that the server sent. */
  closed: { readonly code: number; readonly reason: string } | null = null
  readonly #core: Core
  #received: Uint8Array[] = []
  #rosters: Roster[] = []

  constructor(core: Core, pair: SocketPair, door: Door) {
    this.#core = core
    this.pair = pair
    this.door = door
    pair.client.onmessage = ({ data }: { data: ArrayBuffer }) => this.#received.push(new Uint8Array(data))
    pair.client.onclose = ({ code, reason }) => {
      this.closed = { code, reason }
    }
  }

  get session(): Session {
    if (this.door.session === null) throw new Error('not joined')
    return this.door.session
  }

  /** Sends, and hands it over at once; what comes of it is not awaited. */
  send(...messages: (ClientMessage | Uint8Array)[]): void {
    for (const message of messages) {
      this.pair.client.send(message instanceof Uint8Array ? message : encodeMessage(message))
    }
    this.pair.toServer.deliver()
  }

  /** Sends, settles, and takes what has come. */
  async say(...messages: (ClientMessage | Uint8Array)[]): Promise<ServerMessage[]> {
    this.send(...messages)
    await this.#core.settle()
    return this.take()
  }

  /** Reads what has come, as messages; rosters go to `takeRosters`. */
  take(): ServerMessage[] {
    const messages = this.takeFrames().map(decodeServerMessage)
    this.#rosters.push(...messages.filter(message => message.type === 'roster'))
    return messages.filter(({ type }) => type !== 'roster')
  }

  /** The rosters among what has come. What else there was is lost. */
  takeRosters(): Roster[] {
    this.take()
    return this.#rosters.splice(0)
  }

  takeFrames(): Uint8Array[] {
    this.pair.toClient.deliver()
    this.door.drained()
    return this.#received.splice(0)
  }

  /** The client goes away. */
  hangUp(): void {
    this.pair.client.close(1000)
    this.pair.deliverAll()
  }
}
