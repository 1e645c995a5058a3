/**
 * One owner's connections to one space, one after the other: runs what the state machine of the attempts says,
 * with the app's token, a transport and a clock. At most one attempt at a time; no timer or listener outlives
 * the attempt that it was for.
 */
import { assertNever, ERRORS, PlenumError, toPlenumError } from '../../shared/errors.js'
import {
  EMPTY_AWARENESS_FRAME,
  encodeMessage,
  type ServerMessage,
  SUBPROTOCOL_PLENUM,
} from '../../shared/protocol/index.js'
import {
  type AttemptEvent,
  type AttemptState,
  type Effect,
  IDLE,
  isPermanentClose,
  nextAttempt,
  reportedClose,
} from './attempt-state.js'
import { DEFAULT_PACE, type Pace } from './backoff.js'
import { type Clock, MAX_TIMER_MS, systemClock } from './clock.js'
import type { Close } from './connection-closed.js'
import { type ConnectionState, connectionState } from './connection-state.js'
import { Conversation, type ConversationOptions } from './conversation.js'
import type { Door } from './door-choice.js'
import { type WatchHints, watchPage, watchThaw } from './hints.js'
import { patiently, watchSilence } from './patience.js'
import { resumeUrl, steadyUrl, subprotocols } from './space-url.js'
import { fetchToken, renewalDelayMs, type TokenSource } from './token-source.js'
import type { OpenTransport, Transport } from './transport.js'

/** One attempt as its dialer sees it. */
export interface Attempt {
  readonly url: string
  /** Offered beside `plenum.v1` and the token. */
  readonly protocols: readonly string[]
  /** Whether somebody still waits for what becomes of it. */
  readonly isHeld: boolean
  opened(protocol: string): void
  frame(data: ArrayBuffer): void
  /** The attempt failed, or its connection ended; not told to an attempt that was released. */
  ended(close: Close, cause: unknown): void
  /** The transport of a released attempt is gone. */
  gone(close: Close): void
}

export interface DialerOptions extends Omit<ConversationOptions, 'onSaveState' | 'clock'> {
  /** Without it, whatever the URL carries must do. */
  readonly token?: TokenSource | undefined
  readonly transport: OpenTransport
  readonly clock?: Clock | undefined
  readonly hints?: WatchHints | undefined
  readonly pace?: Pace | undefined
  /** How long a server may take until its welcome. */
  readonly openTimeoutMs?: number | undefined
  /** How long the app's token function may take. */
  readonly tokenTimeoutMs?: number | undefined
  /**
   * Whether the owner's document holds all that it was sent, and the owner answers for it. Without it each
   * connection syncs by state vectors: that of a stock provider, which swallows what cannot be applied.
   */
  readonly mayResume?: (() => boolean) | undefined
  /** Whether the owner shows others until it is told that they left. A stock provider does not: it counts the seconds. */
  readonly isSteady?: boolean | undefined
  readonly isPermanent?: ((close: Close) => boolean) | undefined
  readonly onConnection?: ((state: ConnectionState) => void) | undefined
  readonly onSaveState?: ConversationOptions['onSaveState'] | undefined
  /** Messages of types from 100; the welcome once it has passed the guard, before the attempt opens. */
  readonly onMessage?: ((message: ServerMessage) => void) | undefined
}

interface Running {
  readonly attempt: Attempt
  /** Null: there is none to offer. */
  token: string | null
  /** Where that token is from. */
  source: TokenSource | undefined
  transport: Transport | null
  /** What went wrong, where it was here. */
  cause: unknown
}

const OPEN_TIMEOUT_MS = 15_000
/** Somebody may have to log in meanwhile. */
const TOKEN_TIMEOUT_MS = 60_000
/** A server that lives says something every 20 s. */
const SILENCE_MS = 30_000
const LOST = 1006

export class Dialer {
  readonly conversation: Conversation
  readonly #options: DialerOptions
  readonly #clock: Clock
  #token: TokenSource | undefined
  #state: AttemptState = IDLE
  #told: ConnectionState = connectionState(IDLE, 0)
  #running: Running | null = null
  #last: Attempt | null = null
  /** How often a token was asked for: only the last answer counts. */
  #asked = 0
  /** Ends the wait for the next attempt, or that for a welcome. */
  #cancelWait = (): void => {}
  #cancelRenewal = (): void => {}
  #cancelWatch = (): void => {}

  constructor(options: DialerOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#token = options.token
    const { ledger, isEmptyDocument, onSaveState = () => {} } = options
    this.conversation = new Conversation({ ledger, clock: this.#clock, isEmptyDocument, onSaveState })
  }

  get connection(): ConnectionState {
    return connectionState(this.#state, this.#clock.now())
  }

  get token(): TokenSource | undefined {
    return this.#token
  }

  get isBusy(): boolean {
    return this.#running !== null
  }

  get isStopped(): boolean {
    return this.#state.phase === 'stopped' || this.#state.phase === 'parked'
  }

  /** Which way the open connection goes; null without one. */
  get door(): Door | null {
    return this.#state.phase === 'open' ? (this.#running?.transport?.door ?? null) : null
  }

  get bufferedBytes(): number {
    return this.#running?.transport?.bufferedBytes ?? 0
  }

  /** Starts an attempt, now or when its time has come; nothing is told about it before this returns. */
  begin(attempt: Attempt): void {
    if (this.#running !== null) throw new PlenumError('internal', 'one attempt at a time')
    this.#running = { attempt, token: null, source: undefined, transport: null, cause: undefined }
    this.#step({ type: 'wanted', isDeliberate: this.#last?.isHeld === false })
  }

  /** Sends a frame of the open attempt. */
  send(frame: Uint8Array<ArrayBuffer>): void {
    try {
      this.conversation.send(frame, passed => this.#running?.transport?.send(passed))
    } catch (error) {
      this.fail(error)
    }
  }

  /** Ends an attempt without a word about its end. @returns whether `gone` will follow */
  release(attempt: Attempt, { code, reason }: Close): boolean {
    if (this.#running?.attempt !== attempt) return false
    const { transport } = this.#running
    this.#finish()
    this.#step({ type: 'released' })
    transport?.close(code, reason)
    return transport !== null
  }

  /** Ends the connection for an error met on it; the error's code decides whether there is another. */
  fail(error: unknown): void {
    this.conversation.doubt()
    if (this.#running === null) return
    const { code, message } = toPlenumError(error)
    this.#running.cause = error
    const { transport } = this.#running
    this.#lose({ code: ERRORS[code].close, reason: message })
    transport?.close(ERRORS[code].close, message)
  }

  /** Nobody comes back. */
  leave(): void {
    if (this.#state.phase === 'moving') this.#step({ type: 'released' })
  }

  /** Forgets why it stopped: an attempt that waits goes on at once. */
  resume(): void {
    this.#step({ type: 'resume' })
  }

  /** From now on with this token; an open connection hands it in, and an attempt that waits for one goes on with it. */
  authenticate(token: TokenSource): void {
    this.#token = token
    if (this.#running === null) return
    if (this.#state.phase === 'open') void this.#renew(this.#running)
    if (this.#state.phase === 'authorizing') void this.#authorize(this.#running)
  }

  #step(event: AttemptEvent): void {
    const { state, effect } = nextAttempt(this.#state, event, {
      nowMs: this.#clock.now(),
      random: this.#clock.random(),
      pace: this.#options.pace ?? DEFAULT_PACE,
    })
    this.#state = state
    this.#run(effect)
    this.#tell()
  }

  #run(effect: Effect): void {
    const running = this.#running
    if (effect.type === 'none' || effect.type === 'hang-up' || running === null) return
    this.#cancelWait()
    switch (effect.type) {
      case 'wait':
        this.#wait(effect.delayMs)
        break
      case 'authorize':
        void this.#authorize(running)
        break
      case 'dial':
        this.#dial(running)
        break
      case 'open':
        this.#watch(running)
        running.attempt.opened(running.transport?.protocol ?? '')
        if (running.source !== this.#token) void this.#renew(running)
        break
      case 'end':
        this.#finish()
        running.attempt.ended(effect.close, running.cause)
        break
      default:
        assertNever(effect)
    }
  }

  #wait(delayMs: number): void {
    const { hints = watchPage } = this.#options
    const cancelTimer = this.#clock.after(Math.min(delayMs, MAX_TIMER_MS), () => this.#step({ type: 'due' }))
    const cancelHints = hints(() => this.#step({ type: 'hint' }))
    this.#cancelWait = () => {
      cancelTimer()
      cancelHints()
    }
  }

  async #authorize(running: Running): Promise<void> {
    const asked = ++this.#asked
    const isCurrent = (): boolean => this.#running === running && this.#asked === asked
    let event: AttemptEvent = { type: 'token' }
    this.#cancelWait()
    const { tokenTimeoutMs = TOKEN_TIMEOUT_MS } = this.#options
    this.#cancelWait = patiently(this.#clock, tokenTimeoutMs, () => this.#giveUpToken(running))
    try {
      running.source = this.#token
      const token = running.source === undefined ? await undefined : await fetchToken(running.source)
      if (!isCurrent()) return
      if (token === null) event = { type: 'no-token' }
      running.token = token ?? null
    } catch (error) {
      if (!isCurrent()) return
      running.cause = error
      event = { type: 'token-failed' }
    }
    this.#step(event)
  }

  #giveUpToken(running: Running): void {
    // What it answers now is too late.
    this.#asked++
    running.cause = new PlenumError('internal', 'the token function did not answer in time')
    this.#step({ type: 'token-failed' })
  }

  #dial(running: Running): void {
    const { transport, mayResume, isSteady = false, openTimeoutMs = OPEN_TIMEOUT_MS } = this.#options
    const { protocols } = running.attempt
    const point = mayResume?.() ? this.conversation.resumePoint : null
    const asked = isSteady ? steadyUrl(running.attempt.url) : running.attempt.url
    const url = resumeUrl(asked, point)
    this.conversation.opening()
    this.#cancelWait = patiently(this.#clock, openTimeoutMs, () => this.#giveUp(running))
    const isCurrent = (): boolean => this.#running === running
    const target = { url, protocols: [...subprotocols(running.token), ...protocols] }
    try {
      running.transport = transport(target, {
        opened: () => isCurrent() && this.#checkProtocol(running),
        frame: data => isCurrent() && this.#receive(running, data),
        closed: close => (isCurrent() ? this.#lose(close) : running.attempt.gone(close)),
        moved: () => isCurrent() && this.#step({ type: 'moved' }),
      })
    } catch (cause) {
      this.fail(
        cause instanceof PlenumError
          ? cause
          : new PlenumError('bad_request', 'the URL or the token cannot be used', { cause }),
      )
    }
  }

  /** On a clock that never jumps: that of the stock provider, which watches as well, is the date. */
  #watch(running: Running): void {
    const cancelSilence = watchSilence({
      clock: this.#clock,
      limitMs: SILENCE_MS,
      silentMs: () => this.conversation.serverClock.silentMs,
      onSilent: () => this.#giveUp(running),
    })
    // What came while the page was frozen is read after its timers: they are not to take it for silence.
    const cancelThaw = watchThaw(() =>
      running.attempt.frame(EMPTY_AWARENESS_FRAME.slice().buffer as ArrayBuffer),
    )
    this.#cancelWatch = () => {
      cancelSilence()
      cancelThaw()
    }
  }

  #giveUp({ transport }: Running): void {
    this.#lose({ code: LOST, reason: 'no answer' })
    transport?.close(1000, '')
  }

  #checkProtocol({ transport }: Running): void {
    if (transport?.protocol === SUBPROTOCOL_PLENUM) return
    this.fail(new PlenumError('protocol_version', `the server does not speak ${SUBPROTOCOL_PLENUM}`))
  }

  #receive(running: Running, data: unknown): void {
    try {
      this.#handle(running, this.conversation.receive(data), data as ArrayBuffer)
    } catch (error) {
      this.fail(error)
    }
  }

  #handle(running: Running, message: ServerMessage, data: ArrayBuffer): void {
    switch (message.type) {
      case 'step1':
      case 'step2':
      case 'update':
      case 'awareness':
        running.attempt.frame(data)
        if (message.type === 'step2' && this.#running === running) this.#step({ type: 'synced' })
        return
      case 'welcome':
        this.#scheduleRenewal(running, message.expiresAtMs)
        this.#options.onMessage?.(message)
        if (this.#running === running) this.#step({ type: 'welcomed' })
        return
      case 'access':
        this.#scheduleRenewal(running, message.expiresAtMs)
        break
      case 'notice':
        if (message.kind === 'draining') this.#step({ type: 'draining', delayMs: message.retryAfterMs })
        break
    }
    this.#options.onMessage?.(message)
  }

  /** @param expiresAtMs by the server's clock; 0 where the token does not end */
  #scheduleRenewal(running: Running, expiresAtMs: number): void {
    this.#cancelRenewal()
    if (expiresAtMs === 0 || typeof this.#token !== 'function') return
    const serverNowMs = this.conversation.serverClock.now()
    const delayMs = serverNowMs === null ? null : renewalDelayMs(expiresAtMs - serverNowMs)
    if (delayMs === null) return
    this.#cancelRenewal = this.#clock.after(Math.min(delayMs, MAX_TIMER_MS), () => void this.#renew(running))
  }

  /** In place. Where it fails, the server's close for the expired token will ask again. */
  async #renew(running: Running): Promise<void> {
    const asked = ++this.#asked
    const token = await fetchToken(this.#token ?? '').catch(() => null)
    if (token === null || this.#asked !== asked) return
    if (this.#running !== running || this.#state.phase !== 'open') return
    running.transport?.send(encodeMessage({ type: 'authenticate', token }) as Uint8Array<ArrayBuffer>)
  }

  #lose(close: Close): void {
    const reported = reportedClose(close)
    // The token that was refused is not the one that there is now.
    const isOutdated = this.#running !== null && this.#running.source !== this.#token
    if (isOutdated && this.#state.phase === 'dialing' && close.code === ERRORS.unauthenticated.close) {
      this.#step({ type: 'moved' })
      return
    }
    const { isPermanent = isPermanentClose } = this.#options
    this.#step({ type: 'lost', close: reported, isPermanent: isPermanent(reported) })
  }

  /** No attempt runs from here on. */
  #finish(): void {
    this.#cancelWait()
    this.#cancelRenewal()
    this.#cancelWatch()
    this.#last = this.#running?.attempt ?? null
    this.#running = null
    this.conversation.ended()
  }

  #tell(): void {
    const now = this.connection
    const before = this.#told
    if (isSame(before, now)) return
    this.#told = now
    this.#options.onConnection?.(now)
  }
}

/** The time until a retry passes by itself. */
const isSame = (a: ConnectionState, b: ConnectionState): boolean => {
  if (a.state !== b.state) return false
  if (a.state === 'offline' && b.state === 'offline') return (a.retryInMs === null) === (b.retryInMs === null)
  return JSON.stringify(a) === JSON.stringify(b)
}
