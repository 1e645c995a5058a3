/**
 * What one client and its server have said to each other about a document, over one connection after the other:
 * reads what comes, judges and counts what goes, and keeps the ledger of what is saved.
 */
import { PlenumError } from '../../shared/errors.js'
import {
  decodeServerMessage,
  MESSAGE,
  MIN_SUPPORTED_VERSION,
  type ResumePoint,
  type ServerMessage,
  SYNC,
  type Welcome,
} from '../../shared/protocol/index.js'
import { mayDo, type Role } from '../../shared/roles.js'
import type { Clock } from './clock.js'
import { advance, type LedgerEvent, type SaveLedger, type SaveState, saveState } from './save-ledger.js'
import { ServerClock } from './server-clock.js'

export interface ConversationOptions {
  readonly ledger: SaveLedger
  readonly clock: Clock
  /** Without it, a document is taken for empty until content has passed. */
  readonly isEmptyDocument?: (() => boolean) | undefined
  onSaveState(state: SaveState): void
}

/** A document message around an update that holds nothing: type, subtype, length, no structs, no deletions. */
const EMPTY_DOCUMENT_MESSAGE_BYTES = 5

export class Conversation {
  readonly serverClock: ServerClock
  readonly #options: ConversationOptions
  #ledger: SaveLedger
  #welcome: Welcome | null = null
  #role: Role | null = null
  #hasPassedContent = false

  constructor(options: ConversationOptions) {
    this.#options = options
    this.#ledger = options.ledger
    this.serverClock = new ServerClock(options.clock)
  }

  get ledger(): SaveLedger {
    return this.#ledger
  }

  get saveState(): SaveState {
    return saveState(this.#ledger)
  }

  /** The last one told; null before the first welcome. */
  get role(): Role | null {
    return this.#role
  }

  /** False also while nobody has said so. */
  get mayEdit(): boolean {
    return this.#role !== null && mayDo(this.#role, 'edit-document')
  }

  /** Of this connection; null before it. */
  get welcome(): Welcome | null {
    return this.#welcome
  }

  /** From where another connection could go on; null where there is no such place. */
  get resumePoint(): ResumePoint | null {
    const { epoch, position } = this.#ledger
    return epoch === null || position === 0 ? null : { epoch, position }
  }

  /** Another ledger, between two connections. */
  replaceLedger(ledger: SaveLedger): void {
    this.#change(() => ledger)
  }

  opening(): void {
    this.#advance({ type: 'opening' })
  }

  /** The document changed other than through this conversation. */
  changed(isEdit: boolean): void {
    this.#advance({ type: 'changed', isEdit })
  }

  /** Something went wrong here: the next connection compares everything. */
  doubt(): void {
    this.#advance({ type: 'doubted' })
  }

  ended(): void {
    this.#welcome = null
    this.#advance({ type: 'closed' })
  }

  /**
   * Takes in what the server sent.
   * @throws malformed; protocol_version and incarnation_conflict for a welcome that cannot be taken
   */
  receive(data: unknown): ServerMessage {
    if (!(data instanceof ArrayBuffer)) throw new PlenumError('malformed', 'malformed message: not binary')
    const message = decodeServerMessage(new Uint8Array(data))
    this.serverClock.heard()
    if (this.#welcome === null && message.type !== 'welcome') {
      throw new PlenumError('malformed', `malformed message: "${message.type}" before the welcome`)
    }
    switch (message.type) {
      case 'welcome':
        this.#onWelcome(message)
        break
      case 'roster':
        this.serverClock.told(message.serverTimeMs)
        break
      case 'access':
        this.#advance(message)
        this.#role = message.role
        break
      case 'saved':
      case 'rejected':
        this.#advance(message)
        break
      case 'notice':
        if (message.kind === 'read-only') this.#advance({ type: 'left-out' })
        break
      case 'step2':
      case 'update':
        this.#hasPassedContent ||= data.byteLength > EMPTY_DOCUMENT_MESSAGE_BYTES
        break
      case 'permission-denied':
        throw new PlenumError('malformed', 'malformed message: not for plenum.v1')
    }
    return message
  }

  /**
   * Passes a frame on, and counts it if it is a document message. After a refusal those go nowhere: the server will
   * look at nothing more.
   * @throws too_large: sent all the same, it would only end the connection, after every reconnect again
   */
  send(frame: Uint8Array<ArrayBuffer>, pass: (frame: Uint8Array<ArrayBuffer>) => void): void {
    if (this.#welcome === null) throw new PlenumError('internal', 'sent before the welcome')
    const { maxFrameBytes } = this.#welcome.limits
    if (frame.length > maxFrameBytes) throw new PlenumError('too_large', `over ${maxFrameBytes} bytes`)
    const isDocumentMessage =
      frame[0] === MESSAGE.sync && (frame[1] === SYNC.step2 || frame[1] === SYNC.update)
    if (isDocumentMessage && this.#ledger.link.state === 'diverged') return
    pass(frame)
    if (!isDocumentMessage) return
    this.#hasPassedContent ||= frame.length > EMPTY_DOCUMENT_MESSAGE_BYTES
    // Last: whoever hears of it may send the next.
    this.#advance({ type: 'sent', kind: frame[1] === SYNC.step2 ? 'step2' : 'update' })
  }

  #onWelcome(welcome: Welcome): void {
    const { version, epoch, incarnation, role } = welcome
    if (version < MIN_SUPPORTED_VERSION) throw new PlenumError('protocol_version')
    const isEmptyDocument = this.#options.isEmptyDocument?.() ?? !this.#hasPassedContent
    this.#advance({ type: 'welcome', epoch, incarnation, role, isEmptyDocument })
    this.serverClock.start(welcome.serverTimeMs)
    this.#welcome = welcome
    this.#role = role
  }

  #advance(event: LedgerEvent): void {
    this.#change(ledger => advance(ledger, event))
  }

  #change(next: (ledger: SaveLedger) => SaveLedger): void {
    const before = this.saveState
    this.#ledger = next(this.#ledger)
    const after = this.saveState
    if (after !== before) this.#options.onSaveState(after)
  }
}
