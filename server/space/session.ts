/**
 * One connection to one space: decodes what it sends, judges it by role and state, and hands it to the space.
 * It keeps what is known of the connection (acks, position, backpressure) and never touches the document.
 */
import { type ErrorCode, PlenumError, toPlenumError } from '../../shared/errors.js'
import type { SpaceName } from '../../shared/names.js'
import {
  type ClientMessage,
  decodeClientMessage,
  EMPTY_AWARENESS_FRAME,
  encodeMessage,
  type LeaveReason,
  MESSAGE,
  type NoticeKind,
  type ServerMessage,
  type Signal,
} from '../../shared/protocol/index.js'
import { mayDo } from '../../shared/roles.js'
import { AckLedger } from './ack-ledger.js'
import { copyOf } from './byte-strings.js'
import type { EngineOutcome } from './engine.js'
import { leaveReasonOf } from './leave-reason.js'
import { KEEPALIVE_AFTER_MS } from './limits.js'
import type { Access, Dialect, Peer } from './peer.js'
import type { Scheduler } from './scheduler.js'

/** A document message on its way to the engine. */
export interface Inbound {
  readonly session: Session
  readonly number: number
  /** For a step 2: which step 1 of ours it answers; 0 for an update. */
  readonly reply: number
  /** How many step 1 of ours this connection had answered by then, this one included. */
  readonly replies: number
  readonly kind: 'step2' | 'update'
  readonly update: Uint8Array
  readonly mayEdit: boolean
  readonly user: string
  /** Told what comes of it, in place of the connection, where there is none. */
  readonly receipt?: Receipt
}

/** Whoever waits for what comes of one message. After the first call, others are without effect. */
export interface Receipt {
  settle(outcome: EngineOutcome): void
  refuse(code: ErrorCode, reason?: string): void
}

/** What a session asks of its space. */
export interface SpaceInbox {
  readonly name: SpaceName
  /** @returns a promise while the sender should not be read from */
  submit(message: Inbound): void | Promise<void>
  /** Answers a step 1. @returns a promise until it is answered */
  answer(session: Session, stateVector: Uint8Array): Promise<void>
  /** @returns a promise while the sender should not be read from */
  announce(session: Session, update: Uint8Array): void | Promise<void>
  sendPresence(session: Session): void
  signal(session: Session, signal: Signal): void
  drained(session: Session): void
  leave(session: Session, reason: LeaveReason): void
  /** The connection has another token. */
  renewed(session: Session): void
}

/** Backpressure: `live` is sent every frame; `behind` nothing but one diff from `since`, once it drained. */
export type Flow =
  | { readonly type: 'joining' }
  | { readonly type: 'live' }
  | {
      readonly type: 'behind'
      /** The state vector that the peer is known to have been sent; null where it was still joining. */
      readonly since: Uint8Array | null
      /** A step 1 that is answered in place of the diff. */
      question: Question | null
      /** Whose entries it was not sent meanwhile, and the clock of the latest of each. */
      readonly missedClocks: Map<number, number>
      lastBufferedBytes: number
      stalledSinceMs: number
      isQueued: boolean
    }

/** A step 1 of a client. */
export interface Question {
  readonly stateVector: Uint8Array
  /** It was answered, or nobody waits for the answer any more. */
  done(): void
}

/** Most sessions are in one of these, so they share them. */
export const JOINING: Flow = Object.freeze({ type: 'joining' })
export const LIVE: Flow = Object.freeze({ type: 'live' })

/** Judges a fresh token of message 103. @throws unauthenticated, token_expired, forbidden */
export type Authenticate = (token: string, space: SpaceName, user: string) => Promise<Access>

export interface SessionOptions {
  readonly peer: Peer
  /** The later of two connections has the greater number. */
  readonly order: number
  readonly dialect: Dialect
  readonly access: Access
  readonly authenticate: Authenticate
  readonly inbox: SpaceInbox
  readonly scheduler: Scheduler
  readonly maxFrameBytes: number
  /** It says that it holds everything up to this log position; null where it says nothing. */
  readonly resumeAfter: number | null
  /** Whether its client takes others for gone that are not renewed. */
  readonly needsRenewals: boolean
}

/** More clients than the engine answers; nobody has to read it to know. */
export const MAX_STATE_VECTOR_BYTES = 2 * 2 ** 20

export class Session {
  readonly peer: Peer
  readonly order: number
  readonly dialect: Dialect
  readonly resumeAfter: number | null
  readonly needsRenewals: boolean
  readonly ledger = new AckLedger()
  flow: Flow = JOINING
  /** The log position up to which this connection has been sent everything. */
  sentPosition = 0
  /** Whether it has been sent others' presence: once it answered our first step 1. */
  hasPresence = false
  /** The clientID that its presence speaks for; presence alone sets it. */
  clientId: number | null = null
  /** Whether it is told of members, from the same moment on; `missed` while it lacks some of it. */
  roster: 'untold' | 'told' | 'missed' = 'untold'
  /** The version of the roster that it was sent as a whole. */
  rosterVersion = 0
  readonly #inbox: SpaceInbox
  readonly #scheduler: Scheduler
  readonly #maxFrameBytes: number
  readonly #judge: Authenticate
  #access: Access
  #isOpen = true
  #toldCount = 0
  #toldPosition = 0
  #askedAtPosition = -1
  #hasSentSinceSweep = true
  #quietSinceMs = 0

  constructor(options: SessionOptions) {
    this.peer = options.peer
    this.order = options.order
    this.dialect = options.dialect
    this.resumeAfter = options.resumeAfter
    this.needsRenewals = options.needsRenewals
    this.#inbox = options.inbox
    this.#scheduler = options.scheduler
    this.#maxFrameBytes = options.maxFrameBytes
    this.#judge = options.authenticate
    this.#access = options.access
  }

  get access(): Access {
    return this.#access
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  /**
   * Takes one frame from the connection, and copies what outlives the call; never throws. While a returned promise is
   * pending, the door stops reading from the connection.
   */
  receive(frame: Uint8Array): void | Promise<void> {
    if (!this.#isOpen) return
    try {
      return this.#handle(this.#decode(frame))?.catch(error => this.close(toPlenumError(error).code))
    } catch (error) {
      const { code, message } = toPlenumError(error)
      this.close(code, message)
    }
  }

  /** The door could write again. */
  drained(): void {
    if (this.#isOpen && this.flow.type === 'behind') this.#inbox.drained(this)
  }

  /**
   * The connection is closed: presence leaves in this tick. Idempotent.
   * @param unread frames that came before. Their edits and signals count; what they ask or announce is nobody's now,
   *   and nobody holds a flood of it back any more
   */
  leave(reason: LeaveReason = 'closed', unread: readonly Uint8Array[] = []): void {
    for (const frame of unread) this.#receiveLast(frame)
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#inbox.leave(this, reason)
  }

  /** Closes the connection and leaves. Idempotent. */
  close(code: ErrorCode, reason?: string): void {
    if (!this.#isOpen) return
    this.peer.close(code, reason)
    this.leave(leaveReasonOf(code))
  }

  sendFrame(frame: Uint8Array): void {
    if (!this.#isOpen) return
    // Under our own provider there is a stock one, which counts the seconds and hears nothing else.
    if ((frame[0] ?? 0) < MESSAGE.welcome) this.#hasSentSinceSweep = true
    this.peer.send(frame)
  }

  send(message: ServerMessage): void {
    this.sendFrame(encodeMessage(message))
  }

  sendStep1(stateVector: Uint8Array): void {
    this.ledger.sentStep1()
    this.send({ type: 'step1', stateVector })
  }

  /** A gap is asked about once per state of the document: the answer would be the same. */
  mayAskAt(position: number): boolean {
    if (position === this.#askedAtPosition) return false
    this.#askedAtPosition = position
    return true
  }

  /** Stock clients know no notices. */
  notify(kind: NoticeKind, retryAfterMs = 0): void {
    if (this.dialect === 'plenum') this.send({ type: 'notice', kind, retryAfterMs })
  }

  /** Tells the sender once that it was refused; everything it sends later is dropped undecoded. */
  reject(number: number, code: ErrorCode, reason: string): void {
    const isTold = this.ledger.isDiverged
    this.ledger.rejected(number)
    if (isTold) return
    if (this.dialect === 'plenum') this.send({ type: 'rejected', number, code, reason })
    else this.send({ type: 'permission-denied', reason: `${code}: ${reason}` })
  }

  /** The log is on disk up to `position`. */
  durable(position: number): void {
    if (this.ledger.durable(position)) this.#tellSaved(position)
  }

  /** Once a second: expiry, keepalive, and the durable position for those who wrote nothing. */
  sweep({ wallMs, elapsedMs }: { wallMs: number; elapsedMs: number }, durablePosition: number): void {
    const { expiresAtMs } = this.#access
    if (expiresAtMs !== null && expiresAtMs <= wallMs) {
      this.close('token_expired')
      return
    }
    if (this.flow.type === 'live') this.#tellSaved(durablePosition)
    if (this.#hasSentSinceSweep) {
      this.#hasSentSinceSweep = false
      // Whole, V8 keeps it in place and not in a box.
      this.#quietSinceMs = Math.trunc(elapsedMs)
    } else if (elapsedMs - this.#quietSinceMs >= KEEPALIVE_AFTER_MS && this.flow.type !== 'behind') {
      this.sendFrame(EMPTY_AWARENESS_FRAME)
    }
  }

  #tellSaved(durablePosition: number): void {
    if (this.dialect !== 'plenum' || this.flow.type === 'behind') return
    const count = this.ledger.savedCount
    const position = Math.min(durablePosition, this.sentPosition)
    if (count === this.#toldCount && position <= this.#toldPosition) return
    this.#toldCount = count
    this.#toldPosition = Math.max(position, this.#toldPosition)
    this.send({ type: 'saved', count, position: this.#toldPosition })
  }

  #receiveLast(frame: Uint8Array): void {
    if (!this.#isOpen) return
    try {
      const message = this.#decode(frame)
      if (message.type !== 'step2' && message.type !== 'update' && message.type !== 'signal') return
      // There is nobody to hold back.
      this.#handle(message)?.catch(() => {})
    } catch (error) {
      const { code, message } = toPlenumError(error)
      this.close(code, message)
    }
  }

  /** @throws too_large, token_expired, malformed */
  #decode(frame: Uint8Array): ClientMessage {
    if (frame.length > this.#maxFrameBytes) throw new PlenumError('too_large')
    this.#expire()
    return decodeClientMessage(frame)
  }

  #expire(): void {
    const { expiresAtMs } = this.#access
    if (expiresAtMs !== null && expiresAtMs <= this.#scheduler.now()) throw new PlenumError('token_expired')
  }

  #handle(message: ClientMessage): void | Promise<void> {
    const inbox = this.#inbox
    switch (message.type) {
      case 'step1':
        if (message.stateVector.length > MAX_STATE_VECTOR_BYTES) {
          throw new PlenumError('malformed', 'malformed message: a state vector with too many clients')
        }
        return inbox.answer(this, copyOf(message.stateVector))
      case 'step2':
      case 'update':
        return this.#submit(message.type, copyOf(message.update))
      case 'awareness':
        return inbox.announce(this, message.entries)
      case 'query-awareness':
        return inbox.sendPresence(this)
      case 'authenticate':
        if (this.dialect === 'stock') throw new PlenumError('malformed', 'malformed message: not offered')
        return this.#authenticate(message.token)
      case 'signal':
        if (this.dialect === 'stock') throw new PlenumError('malformed', 'malformed message: not offered')
        return inbox.signal(this, message)
    }
  }

  #submit(kind: 'step2' | 'update', update: Uint8Array): void | Promise<void> {
    const { number, reply } = this.ledger.received(kind)
    if (this.ledger.isDiverged) return
    const { user, role } = this.#access
    const mayEdit = mayDo(role, 'edit-document')
    const replies = this.ledger.replies
    return this.#inbox.submit({ session: this, number, reply, replies, kind, update, mayEdit, user })
  }

  async #authenticate(token: string): Promise<void> {
    try {
      const access = await this.#judge(token, this.#inbox.name, this.#access.user)
      if (access.user !== this.#access.user)
        throw new PlenumError('unauthenticated', 'the token is of another user')
      this.#access = access
      this.#inbox.renewed(this)
      this.send({ type: 'access', role: access.role, expiresAtMs: access.expiresAtMs ?? 0 })
    } catch (error) {
      const { code, message } = toPlenumError(error)
      this.close(code, message)
    }
  }
}
