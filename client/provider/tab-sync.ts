/**
 * One provider among the tabs that show the same: content is shared always, awareness only while there is no
 * server to stamp it.
 */
import * as awarenessProtocol from 'y-protocols/awareness'
import { assertNever } from '../../shared/errors.js'
import type { AwarenessRelay } from '../awareness-relay.js'
import type { DocumentLink } from '../document-link.js'
import { type TabMessage, TabRelay } from './tab-relay.js'

export interface TabSyncOptions {
  readonly document: DocumentLink
  readonly awareness: awarenessProtocol.Awareness
  readonly presence: AwarenessRelay
  /** Whether awareness goes through the server. */
  isOnline(): boolean
  /** Content from a tab builds on what is not here. */
  onPending(): void
}

export class TabSync {
  readonly #options: TabSyncOptions
  #relay: TabRelay | null = null

  constructor(options: TabSyncOptions) {
    this.#options = options
  }

  /** The tabs that this one is among; null for none. */
  get key(): string | null {
    return this.#relay?.key ?? null
  }

  /** Goes to the tabs with this key, away from the others. */
  join(key: string | null): void {
    if (key === this.key) return
    this.#leave()
    if (key === null) return
    this.#relay = new TabRelay(key, message => this.#receive(message))
    const { document } = this.#options
    this.ask()
    this.#relay.send({ type: 'step2', update: document.diff() })
    this.meet()
  }

  share(update: Uint8Array): void {
    this.#relay?.send({ type: 'update', update })
  }

  announce(entries: Uint8Array): void {
    if (!this.#options.isOnline()) this.#relay?.send({ type: 'awareness', entries })
  }

  ask(): void {
    this.#relay?.send({ type: 'step1', stateVector: this.#options.document.stateVector() })
  }

  /** Says who is here and asks who else is: there is no server any more to do it. */
  meet(): void {
    if (this.#relay === null || this.#options.isOnline()) return
    this.#options.presence.announce()
    this.#relay.send({ type: 'query-awareness' })
  }

  #receive(message: TabMessage): void {
    const { document, presence, isOnline, onPending } = this.#options
    switch (message.type) {
      case 'step1':
        this.#relay?.send({ type: 'step2', update: document.diff(message.stateVector) })
        break
      case 'step2':
      case 'update':
        document.apply(message.update, true)
        if (document.isPending) onPending()
        break
      case 'awareness':
        // The server's copy is stamped, and one of the same clock would not replace this.
        if (!isOnline()) presence.receiveFromTab(message.entries)
        break
      case 'query-awareness':
        if (!isOnline()) presence.announce()
        break
      default:
        assertNever(message)
    }
  }

  #leave(): void {
    const { awareness } = this.#options
    const gone = awarenessProtocol.encodeAwarenessUpdate(awareness, [awareness.clientID], new Map())
    this.announce(gone)
    this.#relay?.close()
    this.#relay = null
  }
}
