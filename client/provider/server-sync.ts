/**
 * What passes between a document and the server over the provider's socket. Stock handlers swallow what goes
 * wrong and take a tab's word for the server's; these end the connection, and hear the server only.
 */
import * as decoding from 'lib0/decoding'
import {
  type ClientMessage,
  EMPTY_UPDATE,
  encodeMessage,
  MESSAGE,
  SYNC,
} from '../../shared/protocol/index.js'
import type { AwarenessRelay } from '../awareness-relay.js'
import type { Dialer } from '../channel/dialer.js'
import type { DocumentLink } from '../document-link.js'

export interface ServerSyncOptions {
  readonly document: DocumentLink
  readonly presence: AwarenessRelay
  readonly dialer: Dialer
  /** The provider's present socket. */
  socket(): WebSocket | null
  /** The server's answer to a step 1 is in the document. */
  onSynced(): void
}

type Handler = (encoder: unknown, decoder: decoding.Decoder) => void

const OPEN = 1

export class ServerSync {
  readonly #options: ServerSyncOptions
  /** The state vector of the last step 1: asking twice with the same brings nothing new. */
  #askedWith: Uint8Array | null = null

  constructor(options: ServerSyncOptions) {
    this.#options = options
  }

  /** By message type, as the stock provider calls them; the channel keeps what is from 100 to itself. */
  get handlers(): Handler[] {
    const handlers: Handler[] = []
    handlers[MESSAGE.sync] = (_encoder, decoder) => this.#guard(() => this.#onSync(decoder))
    handlers[MESSAGE.awareness] = (_encoder, decoder) =>
      this.#guard(() => this.#options.presence.receive(decoding.readVarUint8Array(decoder)))
    return handlers
  }

  /** Does nothing where the socket is not open. */
  send(message: ClientMessage): void {
    const socket = this.#options.socket()
    if (socket?.readyState === OPEN) socket.send(encodeMessage(message) as Uint8Array<ArrayBuffer>)
  }

  /** A change that the server may lack. Before the first reply there is no need: it will hold this. */
  sendChange(update: Uint8Array): void {
    const { link } = this.#options.dialer.conversation.ledger
    if (link.state === 'open' && link.hasReplied) this.send({ type: 'update', update })
  }

  /** Asks for what the document builds on and lacks, once per state vector and connection. */
  ask(): void {
    const stateVector = this.#options.document.stateVector()
    if (this.#askedWith !== null && isSame(stateVector, this.#askedWith)) return
    this.#askedWith = stateVector
    this.send({ type: 'step1', stateVector })
  }

  /** Asks whether or not it did before. */
  askAgain(): void {
    this.#askedWith = null
    this.ask()
  }

  #onSync(decoder: decoding.Decoder): void {
    const { document, dialer, onSynced } = this.#options
    const kind = decoding.readVarUint(decoder)
    const bytes = decoding.readVarUint8Array(decoder)
    if (kind === SYNC.step1) {
      const { link, isAhead } = dialer.conversation.ledger
      // A diverged connection's content is refused unseen.
      if (link.state !== 'open') return
      // The whole delete set is for a server that may lack some of it.
      this.send({ type: 'step2', update: isAhead ? document.diff(bytes) : EMPTY_UPDATE })
      return
    }
    document.apply(bytes)
    if (kind === SYNC.step2) onSynced()
    if (document.isPending) this.ask()
  }

  #guard(react: () => void): void {
    try {
      react()
    } catch (error) {
      this.#options.dialer.fail(error)
    }
  }
}

const isSame = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, at) => byte === b[at])
