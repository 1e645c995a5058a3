/**
 * One connection to one space: syncs a Y.Doc and its awareness over a WebSocket-shaped socket, and knows what
 * is saved. One attempt: it opens, lives and closes once; whoever wants another makes another, and hands it the
 * ledger of this one.
 */
import type { Awareness } from 'y-protocols/awareness'
import type * as Y from 'yjs'
import { assertNever, ERRORS, PlenumError, toPlenumError } from '../shared/errors.js'
import {
  type AccessChanged,
  type ClientMessage,
  type DocumentMessage,
  encodeMessage,
  type Notice,
  type Rejected,
  type Saved,
  type ServerMessage,
  type Signalled,
  SUBPROTOCOL_PLENUM,
  type Welcome,
} from '../shared/protocol/index.js'
import { type AwarenessRelay, relayAwareness } from './awareness-relay.js'
import { type Clock, systemClock } from './channel/clock.js'
import { type Close, ConnectionClosed } from './channel/connection-closed.js'
import { Conversation } from './channel/conversation.js'
import { Emitter } from './channel/emitter.js'
import { createLedger, type SaveLedger, type SaveState } from './channel/save-ledger.js'
import type { Socket } from './channel/socket.js'
import { type DocumentLink, isEmptyDocument, linkDocument } from './document-link.js'
import type { Member } from './presence/member.js'
import { type Presence, RosterView } from './presence/roster-view.js'
import { composeSignal, type ReceivedSignal, readSignal, type SignalOptions } from './presence/signals.js'

export interface DocumentOptions {
  readonly doc: Y.Doc
  readonly awareness?: Awareness
  /** The incarnation under which the local copy was last synced, where the app remembers it. */
  readonly knownIncarnation?: string
  /** The ledger of this document's previous connection; it knows the incarnation, too. */
  readonly ledger?: SaveLedger
  readonly clock?: Clock
}

export type SpaceEvents = {
  /** The incarnation guard has passed. */
  welcome: [welcome: Welcome]
  /** The server's answer to this connection's step 1 is in the document. */
  synced: []
  /** The server acknowledged document messages, or told a durable position. */
  saved: [saved: Saved]
  saveState: [state: SaveState]
  rejected: [rejected: Rejected]
  access: [access: AccessChanged]
  notice: [notice: Notice]
  /** Who is here or was is different, or whether that is known. */
  members: [members: readonly Member[]]
  signal: [signal: ReceivedSignal]
  closed: [close: Close]
}

export class SpaceConnection {
  readonly #socket: Socket
  readonly #conversation: Conversation
  readonly #document: DocumentLink
  readonly #awareness: AwarenessRelay | null
  readonly #events = new Emitter<SpaceEvents>()
  readonly #roster = new RosterView(() => this.#events.emit('members', this.members))
  #welcome: Welcome | null = null
  #isSynced = false
  /** The state vector of the last step 1: asking twice with the same brings nothing new. */
  #askedWith: Uint8Array | null = null
  #close: Close | null = null

  /** @param socket a fresh one, not open yet: see `connectSpace` */
  constructor(socket: Socket, options: DocumentOptions) {
    const { doc, awareness, knownIncarnation = null, clock = systemClock } = options
    const isEmpty = (): boolean => isEmptyDocument(doc)
    this.#conversation = new Conversation({
      ledger: options.ledger ?? createLedger({ incarnation: knownIncarnation, isEmptyDocument: isEmpty() }),
      clock,
      isEmptyDocument: isEmpty,
      onSaveState: state => this.#events.emit('saveState', state),
    })
    this.#conversation.opening()
    this.#socket = socket
    this.#document = linkDocument(doc, {
      origin: this,
      mayEdit: () => this.#conversation.mayEdit,
      onChange: ({ update, isEdit }) => {
        this.#conversation.changed(isEdit)
        // Before the first reply there is no need: it will hold this.
        const { link } = this.ledger
        if (link.state === 'open' && link.hasReplied)
          this.#guard(() => this.#send({ type: 'update', update }))
      },
    })
    this.#awareness =
      awareness === undefined
        ? null
        : relayAwareness(awareness, {
            origin: this,
            clock,
            isLive: () => this.#welcome !== null && this.#close === null,
            send: entries => this.#guard(() => this.#send({ type: 'awareness', entries })),
            ask: () => this.#guard(() => this.#send({ type: 'query-awareness' })),
          })
    socket.binaryType = 'arraybuffer'
    socket.addEventListener('open', () => this.#guard(() => this.#onOpen()))
    socket.addEventListener('message', ({ data }) =>
      this.#guard(() => this.#handle(this.#conversation.receive(data))),
    )
    // A close follows; without a listener Node would take the error for an uncaught one.
    socket.addEventListener('error', () => {})
    socket.addEventListener('close', ({ code, reason }) => this.#finish({ code, reason }))
  }

  /** @returns what takes the listener off again */
  on<Name extends keyof SpaceEvents>(name: Name, listener: (...args: SpaceEvents[Name]) => void): () => void {
    return this.#events.on(name, listener)
  }

  /** Null before the welcome; `access` may have changed role and expiry since. */
  get welcome(): Welcome | null {
    return this.#welcome
  }

  get isSynced(): boolean {
    return this.#isSynced
  }

  get saveState(): SaveState {
    return this.#conversation.saveState
  }

  /** For the next connection of the same document, once this one is closed. */
  get ledger(): SaveLedger {
    return this.#conversation.ledger
  }

  /** Why it is closed; null while it is not. */
  get closed(): Close | null {
    return this.#close
  }

  /** Resolves when the document holds all that the server had. @throws ConnectionClosed */
  whenSynced(): Promise<void> {
    return this.#when('synced', () => this.#isSynced)
  }

  /**
   * Resolves when everything in the document is durable on the server.
   * @throws ConnectionClosed; the refusal's code where the server refused some of it
   */
  whenSaved(): Promise<void> {
    return this.#when('saveState', () => {
      const { refusal } = this.ledger
      if (refusal !== null) throw new PlenumError(refusal.code, refusal.reason)
      return this.saveState === 'saved'
    })
  }

  /** Hands in a fresh token, in place; the answer is an `access` event or a close. */
  authenticate(token: string): void {
    if (this.#welcome === null || this.#close !== null) return
    this.#guard(() => this.#send({ type: 'authenticate', token }))
  }

  /** Who is here and who was. The same object until something is different; the event is `members`. */
  get presence(): Presence {
    return this.#roster.presence
  }

  get members(): readonly Member[] {
    return this.presence.members
  }

  /** The member that this client is; null before the server has listed it. */
  get self(): Member | null {
    return this.presence.self
  }

  /** The server's clock, ms since 1970, whatever the one here says; null before the welcome. */
  serverNow(): number | null {
    return this.#conversation.serverClock.now()
  }

  /**
   * Sends something small to everybody else who is here, or to one member; it is not stored, and nothing says
   * whether it came.
   * @param data what `JSON.stringify` takes, 16 KiB of JSON at most
   * @throws not_connected; bad_request for what is no JSON; too_large
   */
  signal(data: unknown, options: SignalOptions = {}): void {
    if (this.#welcome === null || this.#close !== null) throw new PlenumError('not_connected')
    const signal = composeSignal(data, options, this.#welcome.limits.maxFrameBytes)
    this.#guard(() => this.#send(signal))
  }

  /** Idempotent. What was sent before still goes out. */
  close(code = 1000, reason = ''): void {
    if (this.#close !== null) return
    this.#socket.close(code, reason)
    this.#finish({ code, reason })
  }

  #onOpen(): void {
    if (this.#socket.protocol !== SUBPROTOCOL_PLENUM) {
      throw new PlenumError('protocol_version', `the server does not speak ${SUBPROTOCOL_PLENUM}`)
    }
  }

  #handle(message: ServerMessage): void {
    switch (message.type) {
      case 'welcome':
        this.#onWelcome(message)
        break
      case 'step1':
        this.#send({ type: 'step2', update: this.#document.diff(message.stateVector) })
        break
      case 'step2':
      case 'update':
        this.#onContent(message)
        break
      case 'awareness':
        this.#onAwareness(message.entries)
        break
      case 'saved':
        this.#events.emit('saved', message)
        break
      case 'rejected':
        this.#events.emit('rejected', message)
        break
      case 'access':
        this.#events.emit('access', message)
        break
      case 'notice':
        this.#events.emit('notice', message)
        break
      case 'roster':
        this.#roster.take(message)
        break
      case 'signalled':
        this.#onSignal(message)
        break
      case 'permission-denied':
        break
      default:
        assertNever(message)
    }
  }

  #onWelcome(welcome: Welcome): void {
    this.#welcome = welcome
    this.#roster.begin(welcome.user)
    this.#ask()
    this.#awareness?.start()
    this.#events.emit('welcome', welcome)
  }

  #onContent({ type, update }: DocumentMessage): void {
    this.#document.apply(update)
    if (type === 'step2' && !this.#isSynced) {
      this.#isSynced = true
      this.#events.emit('synced')
    }
    if (this.#document.isPending) this.#ask()
  }

  #onAwareness(entries: Uint8Array): void {
    try {
      this.#awareness?.receive(entries)
    } catch (cause) {
      throw new PlenumError('malformed', 'malformed message: awareness', { cause })
    }
  }

  #onSignal(message: Signalled): void {
    const signal = readSignal(message)
    if (signal !== null) this.#events.emit('signal', signal)
  }

  #ask(): void {
    const stateVector = this.#document.stateVector()
    if (this.#askedWith !== null && equalBytes(stateVector, this.#askedWith)) return
    this.#askedWith = stateVector
    this.#send({ type: 'step1', stateVector })
  }

  #send(message: ClientMessage): void {
    if (this.#close !== null) return
    this.#conversation.send(encodeMessage(message) as Uint8Array<ArrayBuffer>, frame =>
      this.#socket.send(frame),
    )
  }

  /** Runs a reaction to the socket; whatever it throws closes the connection with its code. */
  #guard(react: () => void): void {
    if (this.#close !== null) return
    try {
      react()
    } catch (error) {
      const { code, message } = toPlenumError(error)
      this.close(ERRORS[code].close, message)
    }
  }

  #finish(close: Close): void {
    if (this.#close !== null) return
    this.#close = close
    this.#document.close()
    this.#awareness?.close()
    this.#conversation.ended()
    this.#roster.lose(this.#conversation.serverClock.lastHeard())
    this.#events.emit('closed', close)
  }

  #when(event: 'synced' | 'saveState', isReached: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const offs: (() => void)[] = []
      const settle = (finish: () => void): void => {
        for (const off of offs) off()
        finish()
      }
      const check = (): void => {
        try {
          if (this.#close !== null) throw new ConnectionClosed(this.#close)
          if (isReached()) settle(resolve)
        } catch (error) {
          settle(() => reject(error))
        }
      }
      offs.push(this.on(event, check), this.on('closed', check))
      check()
    })
  }
}

const equalBytes = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, at) => byte === b[at])
