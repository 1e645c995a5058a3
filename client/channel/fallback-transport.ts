/**
 * The transport that gets through: a WebSocket where one opens and answers, else an event stream, else polls, and
 * back again. It runs what the choice of doors says; one inner transport at a time, and no timer outlives the end.
 */
import { assertNever, PlenumError } from '../../shared/errors.js'
import { type Clock, systemClock } from './clock.js'
import type { Close } from './connection-closed.js'
import {
  type Circumstances,
  DOORS,
  type Door,
  type DoorMemory,
  NO_MEMORY,
  nextPassage,
  OUTSIDE,
  type Passage,
  type PassageEffect,
  type PassageEvent,
} from './door-choice.js'
import { eventStreamTransport } from './event-stream/transport.js'
import { isPageHidden, type WatchHints, watchPage } from './hints.js'
import { patiently } from './patience.js'
import { probeStream, probeWebSocket } from './probe.js'
import type { SocketClass } from './socket.js'
import type { OpenTransport, Transport, TransportEvents, TransportTarget } from './transport.js'
import { webSocketTransport } from './websocket-transport.js'

export interface FallbackOptions {
  /** By default the global class of the moment of connecting. */
  readonly WebSocket?: SocketClass | undefined
  /** Those that may be used; by default all. */
  readonly doors?: readonly Door[] | undefined
  readonly clock?: Clock | undefined
  readonly hints?: WatchHints | undefined
  /** How long a server may take to answer, all doors together; by default 15 s. */
  readonly openTimeoutMs?: number | undefined
  readonly fetch?: typeof fetch | undefined
  /** What is known about the ways, by server; by default the page's own. */
  readonly memory?: Map<string, DoorMemory> | undefined
}

const HEALTH_MS = 4_500
const UNSENT_RETRY_MS = 250
const LOST = 1006

const pageMemory = new Map<string, DoorMemory>()

export const fallbackTransport =
  (options: FallbackOptions = {}): OpenTransport =>
  (target, events) => {
    const Socket = options.WebSocket ?? (globalThis.WebSocket as SocketClass | undefined)
    const { doors: wanted = DOORS } = options
    const doors = DOORS.filter(
      door => wanted.includes(door) && (door !== 'websocket' || Socket !== undefined),
    )
    if (doors.length === 0) throw new PlenumError('bad_request', 'there is no WebSocket class here')
    const passage = new FallbackTransport(options, Socket, doors, target, events)
    passage.begin()
    return passage
  }

/** One server under one base path, and the doors that may be used there. */
const serverOf = (url: string, doors: readonly Door[]): string => {
  const { host, pathname } = new URL(url)
  return `${host}${pathname.split('/sync/', 1)[0]} ${doors.join()}`
}

class FallbackTransport implements Transport {
  readonly #options: FallbackOptions
  readonly #Socket: SocketClass | undefined
  readonly #clock: Clock
  readonly #doors: readonly Door[]
  readonly #target: TransportTarget
  readonly #events: TransportEvents
  readonly #memory: Map<string, DoorMemory>
  readonly #server: string
  #passage: Passage = OUTSIDE
  #inner: Transport | null = null
  /** A better door is known, and what is under way goes out first. */
  #isMoving = false
  #isReleased = false
  #isOver = false
  /** Ends the wait for a sign of life, for the next look, or for the end of a look. */
  #cancelWait = (): void => {}

  constructor(
    options: FallbackOptions,
    Socket: SocketClass | undefined,
    doors: readonly Door[],
    target: TransportTarget,
    events: TransportEvents,
  ) {
    this.#options = options
    this.#Socket = Socket
    this.#doors = doors
    this.#target = target
    this.#events = events
    this.#clock = options.clock ?? systemClock
    this.#memory = options.memory ?? pageMemory
    this.#server = serverOf(target.url, doors)
  }

  get protocol(): string {
    return this.#inner?.protocol ?? ''
  }

  get door(): Door | undefined {
    return this.#inner?.door
  }

  get bufferedBytes(): number {
    return this.#inner?.bufferedBytes ?? 0
  }

  /** @throws what is wrong with the target */
  begin(): void {
    this.#step({ type: 'begin' })
  }

  send(frame: Uint8Array<ArrayBuffer>): void {
    this.#inner?.send(frame)
  }

  close(code: number, reason: string): void {
    if (this.#isReleased || this.#isOver) return
    this.#isReleased = true
    this.#step({ type: 'released' })
    this.#cancelWait()
    this.#inner?.close(code, reason)
  }

  #step(event: PassageEvent): void {
    const known = this.#memory.get(this.#server) ?? NO_MEMORY
    const at: Circumstances = { nowMs: this.#clock.now(), doors: this.#doors }
    const { passage, memory, effect } = nextPassage(this.#passage, known, event, at)
    this.#passage = passage
    if (memory !== known) this.#memory.set(this.#server, memory)
    this.#run(effect)
  }

  #run(effect: PassageEffect): void {
    switch (effect.type) {
      case 'none':
        return
      case 'open':
        this.#open(effect.door)
        return
      case 'wait':
        this.#wait(effect.delayMs)
        return
      case 'look':
        this.#look(effect.door)
        return
      case 'move':
        this.#isMoving = true
        this.#move()
        return
      case 'end':
        this.#end(() => this.#events.closed(effect.close))
        return
      default:
        assertNever(effect)
    }
  }

  #open(door: Door): void {
    this.#cancelWait()
    const left = this.#inner
    let inner: Transport | null = null
    let isAlive = false
    // Of one that was left for another, nothing is heard any more.
    const isCurrent = (): boolean => !this.#isOver && (inner === null || this.#inner === inner)
    const live = (): void => {
      if (isAlive || this.#isReleased) return
      isAlive = true
      this.#cancelWait()
      this.#step({ type: 'alive' })
    }
    inner = this.#opener(door)(this.#target, {
      opened: () => {
        if (!isCurrent()) return
        // A stream opens by its first event; a WebSocket that opens may still never answer.
        if (door !== 'websocket') live()
        this.#events.opened()
      },
      frame: data => {
        if (!isCurrent()) return
        live()
        this.#events.frame(data)
      },
      closed: close => {
        if (isCurrent()) this.#onClosed(close, inner?.isStalled ?? false)
      },
      moved: () => {},
    })
    this.#inner = inner
    left?.close(1000, '')
    if (this.#doors.length > 1) {
      // Each door has its turn before whoever waits for all of them gives up.
      const { openTimeoutMs = Number.POSITIVE_INFINITY } = this.#options
      const healthMs = Math.min(HEALTH_MS, openTimeoutMs / (this.#doors.length + 1))
      this.#cancelWait = patiently(this.#clock, healthMs, () => this.#goOn({ type: 'silent' }))
    }
  }

  #opener(door: Door): OpenTransport {
    const { fetch } = this.#options
    if (door === 'websocket') return webSocketTransport(this.#Socket)
    const delivery = door === 'event-stream' ? 'stream' : 'poll'
    return eventStreamTransport({ delivery, clock: this.#clock, fetch })
  }

  #onClosed(close: Close, isStalled: boolean): void {
    this.#cancelWait()
    if (this.#isReleased) this.#end(() => this.#events.closed(close))
    else if (this.#isMoving) this.#end(() => this.#events.moved())
    else this.#goOn({ type: 'closed', close, isStalled })
  }

  /** The next door may be one that cannot be used with this target. */
  #goOn(event: PassageEvent): void {
    try {
      this.#step(event)
    } catch (error) {
      const reason = error instanceof Error ? error.message : ''
      this.#end(() => this.#events.closed({ code: LOST, reason }))
    }
  }

  /** In a page that nobody looks at, for the hint that somebody does again. */
  #wait(delayMs: number): void {
    this.#cancelWait()
    const { hints = watchPage } = this.#options
    const cancelHints = hints(() => this.#step({ type: 'hint' }))
    const cancelTimer = this.#clock.after(delayMs, () => {
      if (!isPageHidden()) this.#step({ type: 'due' })
    })
    this.#cancelWait = () => {
      cancelHints()
      cancelTimer()
    }
  }

  #look(door: Door): void {
    this.#cancelWait()
    const { fetch } = this.#options
    const probe =
      door === 'websocket' && this.#Socket !== undefined
        ? probeWebSocket(this.#Socket, this.#clock)
        : probeStream(this.#clock, fetch)
    this.#cancelWait = probe(this.#target, isGood => this.#step({ type: 'looked', isGood }))
  }

  #move(): void {
    this.#cancelWait()
    if (this.bufferedBytes > 0) {
      this.#cancelWait = this.#clock.after(UNSENT_RETRY_MS, () => this.#move())
      return
    }
    this.#end(() => this.#events.moved())
  }

  #end(tell: () => void): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#cancelWait()
    tell()
    // One that was given up for its silence would wait on, or open unheard.
    this.#inner?.close(1000, '')
  }
}
