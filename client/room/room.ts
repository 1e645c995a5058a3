/**
 * One space as a page uses it: a document, a provider, and a store for everything that can be shown of them. Every
 * store tells only when what it holds is different, and none of them asks a clock.
 */
import { equalityDeep } from 'lib0/function'
import * as Y from 'yjs'
import { PlenumError } from '../../shared/errors.js'
import type { Role } from '../../shared/roles.js'
import { systemClock } from '../channel/clock.js'
import type { ConnectionState } from '../channel/connection-state.js'
import type { Refusal, SaveState } from '../channel/save-ledger.js'
import type { TokenSource } from '../channel/token-source.js'
import { isEmptyDocument } from '../document-link.js'
import type { Presence } from '../presence/roster-view.js'
import type { SignalOptions } from '../presence/signals.js'
import type { SpaceProviderOptions } from '../provider/provider-options.js'
import { tokenSubject } from '../provider/token-subject.js'
import { SpaceProvider } from '../space-provider.js'
import { BoardView } from './board-view.js'
import type { Origin } from './fallback.js'
import type { IntentionBoard } from './intention-board.js'
import { type IntentionsWithFallback, type PresenceWithFallback, RoomFallback } from './room-fallback.js'
import { isShallowEqual } from './same.js'
import { type Shared, type SharedKinds, SharedTypes } from './shared-types.js'
import type { Fetch } from './snapshot-source.js'
import { type Store, View } from './store.js'
import { type PresentWindow, windowsOf } from './windows.js'

export interface RoomOptions {
  /** The server with its base path, if it has one: `https://host/base` or `wss://host/base`. */
  readonly url: string
  readonly space: string
  readonly token?: TokenSource
  /** Whose copy it is; by default the `sub` of a token that is given as a text. */
  readonly user?: string
  /** What this window shows of itself from the beginning. */
  readonly presence?: Readonly<Record<string, unknown>>
  readonly offline?: SpaceProviderOptions['offline']
  /** What else the provider is to be told. */
  readonly provider?: Omit<SpaceProviderOptions, 'token' | 'user' | 'offline' | 'connect' | 'awareness'>
  /** By default the one of the page. */
  readonly fetch?: Fetch
}

/** What a room is made of. Another one takes its place when the local copy is discarded. */
export interface Space {
  readonly name: string
  readonly doc: Y.Doc
  readonly provider: SpaceProvider
  readonly awareness: SpaceProvider['awareness']
}

export type RoomConnection = ConnectionState & {
  /** What the app's token function threw when it was last asked; null where it did not. */
  readonly tokenError: unknown
}

/**
 * Opens a room. `close` ends it, or letting go of it where it is held.
 * @throws bad_name; TypeError for a `url` that is none; bad_request for `offline` where nobody says whose copy it is
 */
export const openRoom = (options: RoomOptions): Room => new Room(options)

export class Room {
  readonly #options: RoomOptions
  /** What a connection, the saving and people change. */
  readonly #views: Readonly<Record<'connecting' | 'saving' | 'people', readonly { changed(): void }[]>>
  readonly #board: BoardView
  readonly #fallback: RoomFallback
  #space: Space
  /** As it was told: the time until a retry passes by itself. */
  #connection: ConnectionState
  #shared: SharedTypes
  #token: TokenSource | undefined
  #tokenError: unknown = null
  /** The subject of the last token, where it could be read. */
  #subject: string | null = null
  #windows: readonly PresentWindow[] = Object.freeze([])
  #isReady = false
  #isClosed = false
  #holders = 0
  #discarding: Promise<void> | null = null

  readonly space: Store<Space>
  readonly connection: Store<RoomConnection>
  readonly saveState: Store<SaveState>
  readonly rejected: Store<Refusal | null>
  readonly role: Store<Role | null>
  /** The roster: who is here and who was, as the server says. */
  readonly roster: Store<Presence>
  /** The windows with a state. */
  readonly presence: Store<readonly PresentWindow[]>
  readonly intentions: Store<IntentionBoard>
  readonly presenceWithFallback: Store<PresenceWithFallback>
  readonly intentionsWithFallback: Store<IntentionsWithFallback>
  /** Whether there was something to show: the server's document, or a kept copy. */
  readonly isReady: Store<boolean>

  /** Use `openRoom`. */
  constructor(options: RoomOptions) {
    this.#options = options
    this.#token = options.token
    this.#space = this.#open(new Y.Doc())
    this.#connection = this.#space.provider.connection
    this.#shared = new SharedTypes(this.#space.doc)
    const space = new View(() => this.#space)
    const connection = new View(() => this.#readConnection(), { isSame: isShallowEqual })
    const saveState = new View(() => this.#space.provider.saveState)
    const rejected = new View(() => this.#space.provider.rejected)
    const role = new View(() => this.#space.provider.role)
    const roster = new View(() => this.#space.provider.presence)
    const presence = new View(() => this.#readWindows(), { isSame: isShallowEqual })
    const isReady = new View(() => this.#readReady())
    this.space = space
    this.connection = connection
    this.saveState = saveState
    this.rejected = rejected
    this.role = role
    this.roster = roster
    this.presence = presence
    this.isReady = isReady
    this.#board = new BoardView(
      () => ({ doc: this.#space.doc, by: this.#by, now: this.#now }),
      () => this.#fallback.intentions.changed(),
    )
    this.intentions = this.#board.store
    this.#fallback = new RoomFallback({
      url: options.url,
      space: options.space,
      clock: options.provider?.clock ?? systemClock,
      fetch: options.fetch ?? ((url, init) => globalThis.fetch(url, init)),
      provider: () => this.#space.provider,
      token: () => this.#token && this.#watched(this.#token),
      self: () => this.user,
      windows: presence.get,
      intentions: () => this.intentions.get().intentions,
    })
    this.presenceWithFallback = this.#fallback.presence
    this.intentionsWithFallback = this.#fallback.intentions
    this.#views = {
      connecting: [space, connection, isReady],
      saving: [saveState, rejected, role],
      people: [roster, presence],
    }
    this.#listen()
    const { presence: state } = options
    if (state !== undefined) this.setPresence(state)
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** The user that this client is, as far as anybody has said; null where nobody has. */
  get user(): string | null {
    return this.#space.provider.self?.user ?? this.#options.user ?? this.#subject
  }

  /** How old what a fallback shows is now, ms; null where it is live, or nobody knows. */
  age(origin: Origin): number | null {
    return this.#fallback.age(origin)
  }

  /** A shared type of the document, and what is in it. @throws Error where there is something else under that name */
  shared<Kind extends keyof SharedKinds>(kind: Kind, name: string): Shared<Kind> {
    return this.#shared.get(kind, name)
  }

  /**
   * Changes what this window shows of itself: the fields that are given, and one that is undefined goes; null shows
   * nothing any more.
   */
  readonly setPresence = (fields: Readonly<Record<string, unknown>> | null): void => {
    const { awareness } = this.#space
    const state = awareness.getLocalState()
    const next = fields === null ? null : withoutUndefined({ ...state, ...fields })
    if (!equalityDeep(state, next)) awareness.setLocalState(next)
  }

  /** As `SpaceProvider.signal`. */
  readonly signal = (data: unknown, options?: SignalOptions): void =>
    this.#space.provider.signal(data, options)

  /** From now on with this token, or this source of them; of the same user. */
  readonly authenticate = (token: TokenSource): void => {
    this.#token = token
    this.#told(null)
    this.#space.provider.authenticate(this.#watched(token))
  }

  /** After a conflict: brings this copy into what the space is now. */
  readonly mergeLocal = (): void => this.#space.provider.mergeLocal()

  /** Gives up this copy, here and in this browser, and begins anew with what the server has. */
  readonly discardLocal = (): Promise<void> => {
    this.#discarding ??= this.#discard().finally(() => {
      this.#discarding = null
    })
    return this.#discarding
  }

  /**
   * Holds the room open until what is returned has been called by every holder, and to the end of that tick: whoever
   * comes back in it finds everything as it was.
   */
  retain(): () => void {
    this.#holders++
    let isHolding = true
    return () => {
      if (!isHolding) return
      isHolding = false
      this.#holders--
      queueMicrotask(() => {
        if (this.#holders === 0) this.close()
      })
    }
  }

  /** Idempotent; leaves no timer, no connection and no request. What is in the stores stays. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#fallback.close()
    this.#board.close()
    this.#shared.close()
    this.#space.provider.destroy()
    this.#connection = this.#space.provider.connection
    this.#changed()
  }

  #open(doc: Y.Doc): Space {
    const { url, space, user, offline, provider: more } = this.#options
    const options = {
      ...more,
      ...(this.#token !== undefined && { token: this.#watched(this.#token) }),
      ...(user !== undefined && { user }),
      ...(offline !== undefined && { offline }),
    }
    return spaceOf(new SpaceProvider(syncUrl(url), space, doc, options))
  }

  #listen(): void {
    const { provider, awareness, doc } = this.#space
    // After the provider, which knows by then that there is something to save.
    doc.on('update', () => {
      if (this.#connection.state !== 'connected') this.#fallback.intentions.changed()
    })
    provider.on('connection', connection => {
      this.#connection = connection
      this.#changed()
    })
    for (const name of ['sync', 'loaded'] as const) provider.on(name, () => this.#changed())
    for (const name of ['saveState', 'role', 'rejected'] as const) provider.on(name, () => this.#saving())
    provider.on('members', () => this.#people())
    awareness.on('change', () => this.#people())
  }

  /** Each store finds out for itself whether it is concerned, and tells nobody where it is not. */
  #changed(): void {
    for (const view of Object.values(this.#views).flat()) view.changed()
    this.#fallback.changed()
  }

  #saving(): void {
    for (const view of this.#views.saving) view.changed()
    this.#fallback.intentions.changed()
  }

  #people(): void {
    for (const view of this.#views.people) view.changed()
    this.#fallback.presenceChanged()
  }

  async #discard(): Promise<void> {
    const provider = await this.#space.provider.discardLocal()
    if (this.#isClosed) return provider.destroy()
    this.#shared.close()
    this.#space = spaceOf(provider)
    this.#connection = provider.connection
    this.#shared = new SharedTypes(provider.doc)
    this.#listen()
    this.#board.renew()
    this.#changed()
  }

  /** The same source; what becomes of asking it is remembered. */
  #watched(source: TokenSource): TokenSource {
    if (typeof source === 'string') {
      this.#subject = tokenSubject(source) ?? this.#subject
      return source
    }
    // One that has been replaced says nothing of the connection any more.
    const told = (tokenError: unknown): void => {
      if (source === this.#token) this.#told(tokenError)
    }
    return async () => {
      try {
        const token = await source()
        this.#subject = (token && tokenSubject(token)) ?? this.#subject
        told(null)
        return token
      } catch (error) {
        told(error ?? new Error('no token could be fetched'))
        throw error
      }
    }
  }

  #told(tokenError: unknown): void {
    if (tokenError === this.#tokenError) return
    this.#tokenError = tokenError
    this.#changed()
  }

  #readConnection(): RoomConnection {
    return Object.freeze({ ...this.#connection, tokenError: this.#tokenError })
  }

  #readWindows(): readonly PresentWindow[] {
    const { awareness, provider } = this.#space
    this.#windows = windowsOf(awareness, id => provider.memberOf(id), this.#windows)
    return this.#windows
  }

  #readReady(): boolean {
    const { provider, doc } = this.#space
    this.#isReady ||= provider.synced || !isEmptyDocument(doc)
    return this.#isReady
  }

  readonly #by = (): string => {
    const { user } = this
    if (user === null) throw new PlenumError('not_connected', 'nobody has said yet who this is')
    return user
  }

  readonly #now = (): number | null => this.#space.provider.serverNow()
}

const withoutUndefined = (fields: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))

const spaceOf = (provider: SpaceProvider): Space =>
  Object.freeze({
    name: provider.roomname,
    doc: provider.doc,
    provider,
    awareness: provider.awareness,
  })

const syncUrl = (base: string): string => {
  const url = new URL(base)
  return `${url.protocol}//${url.host}${url.pathname.replace(/\/+$/, '')}/sync`
}
