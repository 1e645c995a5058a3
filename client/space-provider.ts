/**
 * A y-websocket provider that knows what is saved: drop-in for the stock one, over a `Channel`. It never says
 * `saved` for anything that this connection's server has not acknowledged, wherever it came from.
 */
import type { ObservableV2 } from 'lib0/observable'
import { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'
import { ERRORS, PlenumError } from '../shared/errors.js'
import { parseSpaceName } from '../shared/names.js'
import type { ServerMessage, Signalled } from '../shared/protocol/index.js'
import { mayDo, type Role } from '../shared/roles.js'
import { type AwarenessRelay, relayAwareness } from './awareness-relay.js'
import { channelsOf } from './channel/channel-class.js'
import { systemClock } from './channel/clock.js'
import type { ConnectionState } from './channel/connection-state.js'
import { Dialer } from './channel/dialer.js'
import type { Door } from './channel/door-choice.js'
import { throwUncaught } from './channel/emitter.js'
import { forgetIncarnation, type Refusal, recallCopy, type SaveState } from './channel/save-ledger.js'
import type { TokenSource } from './channel/token-source.js'
import { type DocumentLink, type LocalChange, linkDocument } from './document-link.js'
import type { LocalCopy } from './offline/local-copy.js'
import type { Member } from './presence/member.js'
import { type Presence, RosterView } from './presence/roster-view.js'
import { composeSignal, readSignal, type SignalOptions } from './presence/signals.js'
import { stampedUser } from './presence/stamp.js'
import { dialerOptions } from './provider/dialer-options.js'
import { Identity } from './provider/identity.js'
import { localCopy } from './provider/kept-copy.js'
import { knownUser } from './provider/known-user.js'
import type { SpaceProviderEvent, SpaceProviderEvents } from './provider/provider-events.js'
import type { SpaceProviderOptions } from './provider/provider-options.js'
import { SavedPromises } from './provider/saved-promises.js'
import { ServerSync } from './provider/server-sync.js'
import { stockOptions } from './provider/stock-options.js'
import { tabKey } from './provider/tab-key.js'
import { TabSync } from './provider/tab-sync.js'

/** The stock class, open to more events. */
const StockProvider = WebsocketProvider as unknown as new (
  ...args: ConstructorParameters<typeof WebsocketProvider>
) => WebsocketProvider & ObservableV2<SpaceProviderEvents>

export class SpaceProvider extends StockProvider {
  readonly #options: SpaceProviderOptions
  readonly #identity: Identity
  readonly #dialer: Dialer
  readonly #document: DocumentLink
  readonly #relay: AwarenessRelay
  readonly #roster: RosterView
  readonly #tabs: TabSync
  readonly #server: ServerSync
  readonly #local: LocalCopy | null
  readonly #resyncTimer: ReturnType<typeof setInterval> | undefined
  /** Settles when the local copy is in the document, or cannot be. */
  readonly whenLoaded: Promise<void>
  #isLoaded = false
  #isDestroyed = false
  #wasOnline = false
  #toldRole: Role | null = null
  #toldRefusal: Refusal | null = null
  readonly #saved = new SavedPromises(() => ({
    isDestroyed: this.#isDestroyed,
    rejected: this.rejected,
    connection: this.connection,
    saveState: this.saveState,
  }))

  /**
   * @param serverUrl as the stock provider takes it: `wss://host/base/sync`
   * @param roomname the space
   * @throws bad_name; bad_request for `offline` where nobody says whose copy it is
   */
  constructor(serverUrl: string, roomname: string, doc: Y.Doc, options: SpaceProviderOptions = {}) {
    const space = parseSpaceName(roomname)
    const user = knownUser(options)
    const { connect = true } = options
    super(serverUrl.replace(/^http/, 'ws'), space, doc, stockOptions(options))
    this.#options = options
    // The dialer watches, by a clock that knows of frozen pages.
    clearInterval(this._checkInterval)
    this.#identity = new Identity(user, () => this.#joinTabs())
    this.#dialer = this.#createDialer()
    this._WS = channelsOf(this.#dialer)
    this.shouldReconnect = () => !this.#dialer.isStopped
    this.#document = linkDocument(doc, {
      origin: this,
      mayEdit: () => this.#dialer.conversation.mayEdit,
      onChange: change => this.#onChange(change),
    })
    this.#relay = relayAwareness(this.awareness, {
      origin: this,
      clock: options.clock ?? systemClock,
      isLive: () => this.#isOnline,
      send: entries => this.#announce(entries),
      ask: () => this.#server.send({ type: 'query-awareness' }),
    })
    this.#roster = new RosterView(() => this.#tell('members', this.members))
    this.#tabs = new TabSync({
      document: this.#document,
      awareness: this.awareness,
      presence: this.#relay,
      isOnline: () => this.#isOnline,
      onPending: () => (this.#isOnline ? this.#server.ask() : this.#tabs.ask()),
    })
    this.#server = new ServerSync({
      document: this.#document,
      presence: this.#relay,
      dialer: this.#dialer,
      socket: () => this.ws,
      onSynced: () => {
        this.synced = true
      },
    })
    this.#replaceStockHandlers()
    this.#local = this.#createLocal()
    this.shouldConnect = connect
    this.whenLoaded = this.#load()
    this.#resyncTimer = this.#startResync()
  }

  get connection(): ConnectionState {
    return this.#dialer.connection
  }

  /** Which way the connection goes; null while there is none. It is another only after a `connection` event. */
  get door(): Door | null {
    return this.#dialer.door
  }

  get saveState(): SaveState {
    return this.#dialer.conversation.saveState
  }

  /** Null before the first welcome. */
  get role(): Role | null {
    return this.#dialer.conversation.role
  }

  /** Why the server will not take some of this copy; null where it takes all. */
  get rejected(): Refusal | null {
    return this.#dialer.conversation.ledger.refusal
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

  /** Whether it stopped because the space began anew since this copy was synced. */
  get isConflict(): boolean {
    const { connection } = this
    return connection.state === 'closed' && connection.code === ERRORS.incarnation_conflict.close
  }

  /** Whether the document may hold edits made here that are not durable on the server. */
  get hasUnsavedEdits(): boolean {
    const { hasEdits, isUnsaved } = this.#dialer.conversation.ledger
    return hasEdits && isUnsaved
  }

  /** Whether all edits up to now survive the closing of the page; `kept` tells when they do again. */
  get isKeptLocally(): boolean {
    return this.#local?.isKept ?? false
  }

  /**
   * Resolves when everything in the document is durable on the server, however long that takes.
   * @throws the refusal's code; ConnectionClosed where nothing more is tried
   */
  whenSaved(): Promise<void> {
    return this.#saved.make()
  }

  /** The server's clock, ms since 1970, whatever the one here says; null before the first welcome. */
  serverNow(): number | null {
    return this.#dialer.conversation.serverClock.now()
  }

  /** Whose an entry of `awareness` is, as the server vouches for it; null where it does not. */
  memberOf(clientID: number): Member | null {
    const { awareness } = this
    if (clientID === awareness.clientID) return this.self
    // What tabs tell of themselves is nobody's word but theirs.
    const user = this.#isOnline ? stampedUser(awareness.getStates().get(clientID)) : null
    return user === null ? null : this.#roster.get(user)
  }

  /**
   * Sends something small to everybody else who is here, or to one member; it is not stored, and nothing says
   * whether it came.
   * @param data what `JSON.stringify` takes, 16 KiB of JSON at most
   * @throws not_connected; bad_request for what is no JSON; too_large
   */
  signal(data: unknown, options: SignalOptions = {}): void {
    const { welcome } = this.#dialer.conversation
    if (welcome === null || !this.#isOnline) throw new PlenumError('not_connected')
    this.#server.send(composeSignal(data, options, welcome.limits.maxFrameBytes))
  }

  /** From now on with this token, or this source of them; connects again if it was for want of one that it stopped. */
  authenticate(token: TokenSource): void {
    this.#dialer.authenticate(this.#identity.guard(token))
    if (this.connection.state === 'needs-auth') this.connect()
  }

  /** The whole local copy, as one Yjs update: what the user would otherwise lose with `discardLocal`. */
  exportLocal(): Uint8Array {
    return Y.encodeStateAsUpdate(this.doc)
  }

  /** After a conflict: brings this copy into what the space is now. Does nothing otherwise. */
  mergeLocal(): void {
    if (!this.isConflict) return
    const { conversation } = this.#dialer
    conversation.replaceLedger(forgetIncarnation(conversation.ledger))
    this.connect()
  }

  /**
   * Gives up this copy, here and in this browser, and ends this provider.
   * @returns another for the same space, with a fresh document; the old one is left as it is
   */
  async discardLocal(): Promise<SpaceProvider> {
    await this.#local?.discard()
    const { serverUrl, roomname, doc } = this
    const { awareness: _old, ...options } = this.#options
    // As they are at its end: meanwhile the app goes on.
    const state = this.awareness.getLocalState()
    const { token } = this.#dialer
    this.destroy()
    const fresh = new Y.Doc({ gc: doc.gc, gcFilter: doc.gcFilter })
    const next = new SpaceProvider(serverUrl, roomname, fresh, {
      ...options,
      ...(token && { token }),
      connect: true,
    })
    next.awareness.setLocalState(state)
    return next
  }

  /** Connects, or connects again after a stop. */
  override connect(): void {
    if (this.#isDestroyed) return
    this.shouldConnect = true
    // A local copy comes first: it is known by the incarnation that it belongs to.
    if (!this.#isLoaded) return
    // Where it stopped and let go of its socket, a new one is reason enough.
    if (this.ws !== null || !this.#dialer.isStopped) this.#dialer.resume()
    super.connect()
  }

  override disconnect(): void {
    super.disconnect()
    this.#dialer.leave()
  }

  override connectBc(): void {
    this.#joinTabs()
  }

  override disconnectBc(): void {
    this.#joinTabs()
  }

  /** Idempotent; leaves no timer, no listener and no connection. The document stays. */
  override destroy(): void {
    if (this.#isDestroyed) return
    this.#isDestroyed = true
    clearInterval(this.#resyncTimer)
    this.#document.close()
    this.#local?.close()
    this.disconnect()
    this.#relay.close()
    if (this.#options.awareness === undefined) this.awareness.destroy()
    this.#saved.check()
    super.destroy()
  }

  get #isOnline(): boolean {
    return this.#dialer.connection.state === 'connected'
  }

  #createDialer(): Dialer {
    const { doc } = this
    const owner = { doc, identity: this.#identity, provider: this as unknown as WebsocketProvider }
    return new Dialer({
      ...dialerOptions(this.#options, owner),
      mayResume: () => !this.#document.isPending,
      onConnection: state => this.#onConnection(state),
      onSaveState: state => this.#onSaveState(state),
      onMessage: message => this.#onMessage(message),
    })
  }

  #createLocal(): LocalCopy | null {
    const { serverUrl, roomname: space, doc } = this
    return localCopy(this.#options, {
      serverUrl,
      space,
      user: this.#identity.user,
      doc,
      onError: error => this.#tell('storage-error', error),
      onKept: () => this.#tell('kept'),
    })
  }

  #replaceStockHandlers(): void {
    this.doc.off('update', this._updateHandler)
    this.awareness.off('update', this._awarenessUpdateHandler)
    this.#relay.start()
    this.messageHandlers = this.#server.handlers
  }

  #startResync(): ReturnType<typeof setInterval> | undefined {
    const { resyncInterval = 0 } = this.#options
    if (resyncInterval <= 0) return undefined
    return setInterval(() => this.#server.askAgain(), resyncInterval)
  }

  async #load(): Promise<void> {
    if (this.#local !== null) {
      const memory = await this.#local.load()
      if (this.#isDestroyed) return
      const { conversation } = this.#dialer
      if (memory !== null) conversation.replaceLedger(recallCopy(conversation.ledger, memory))
      this.#remember()
    }
    this.#isLoaded = true
    if (this.shouldConnect) this.connect()
    this.#tell('loaded')
  }

  #onConnection(state: ConnectionState): void {
    const { isConflict } = this
    if (!this.#isOnline) this.#roster.lose(this.#dialer.conversation.serverClock.lastHeard())
    this.#joinTabs()
    if (this.#wasOnline && !this.#isOnline) this.#tabs.meet()
    this.#wasOnline = this.#isOnline
    this.#tell('connection', state)
    if (isConflict) this.#tell('conflict')
    this.#saved.check()
  }

  #onSaveState(state: SaveState): void {
    this.#remember()
    this.#tell('saveState', state)
    const { rejected } = this
    if (rejected !== this.#toldRefusal) {
      this.#toldRefusal = rejected
      // What is refused here must not spread.
      this.#joinTabs()
      if (rejected !== null) this.#tell('rejected', rejected)
    }
    this.#saved.check()
  }

  #onMessage(message: ServerMessage): void {
    if (message.type === 'welcome') {
      // What tabs told of themselves, and what an earlier connection did, would outlast the server's word.
      this.#relay.forgetOthers()
      this.#roster.begin(message.user)
      this.#remember()
    }
    const { role } = this
    if (role !== null && role !== this.#toldRole) this.#tell('role', role)
    this.#toldRole = role
    if (message.type === 'notice') this.#tell('notice', message)
    if (message.type === 'roster') this.#roster.take(message)
    if (message.type === 'signalled') this.#onSignal(message)
    if (message.type === 'access' && mayDo(message.role, 'edit-document')) this.#retryRefused()
  }

  #onSignal(message: Signalled): void {
    const signal = readSignal(message)
    if (signal !== null) this.#tell('signal', signal)
  }

  /** What was refused for the role alone may pass on another connection: on this one nothing more is looked at. */
  #retryRefused(): void {
    if (this.rejected?.code !== 'read_only') return
    this.disconnect()
    this.connect()
  }

  #onChange({ update, isEdit, isNews, origin }: LocalChange): void {
    const { conversation } = this.#dialer
    conversation.changed(isEdit && !this.#local?.owns(origin))
    this.#remember()
    this.#local?.changed()
    this.#server.sendChange(update)
    if (!isNews && this.role !== 'read') this.#tabs.share(update)
  }

  #announce(entries: Uint8Array): void {
    if (this.#isOnline) this.#server.send({ type: 'awareness', entries })
    else this.#tabs.announce(entries)
  }

  /** Goes to the tabs that may hear this copy, or leaves those that may not. */
  #joinTabs(): void {
    if (!this.#isLoaded) return
    const { incarnation, refusal } = this.#dialer.conversation.ledger
    const { user } = this.#identity
    const isShared = this.shouldConnect && !this.disableBc && refusal === null
    if (isShared && user !== null) {
      const { serverUrl, roomname: space } = this
      const generation = this.#local?.generation ?? 0
      this.bcChannel = tabKey({ serverUrl, space, user, incarnation, generation })
      this.#tabs.join(this.bcChannel)
    } else this.#tabs.join(null)
    this.bcconnected = this.#tabs.key !== null
  }

  #remember(): void {
    const { incarnation, hasEdits } = this.#dialer.conversation.ledger
    this.#local?.remember({ incarnation, hasEdits })
  }

  /** A listener that throws stops neither us nor the stock code that called us. */
  #tell<Name extends SpaceProviderEvent>(name: Name, ...args: Parameters<SpaceProviderEvents[Name]>): void {
    try {
      this.emit(name, args)
    } catch (error) {
      throwUncaught(error)
    }
  }
}
