/**
 * Stock providers of every version, ours, and the core, in one process and in virtual time: nothing moves but by
 * `advance`. Files that use it import `virtual-time.js` first of all.
 */
import type { Awareness } from 'y-protocols/awareness'
import * as Y from 'yjs'
import type { Clock } from '../../client/channel/clock.js'
import { wishIn } from '../../server/transport/wish.js'
import { Core, type Door, spaceName } from './core.js'
import { pairedSocketClass, type SocketPair } from './socket-pair.js'
import { type ClientVersion, STOCK_PACKAGES, STOCK_VERSIONS } from './stock-client-calls.js'
import { virtualTime } from './virtual-time.js'

/** Every client: `channel` is the stock provider over a channel, which speaks `plenum.v1` and counts the seconds. */
export type RoomVersion = ClientVersion | 'channel'
export const ROOM_VERSIONS: readonly RoomVersion[] = [...STOCK_VERSIONS, 'plenum', 'channel']

type ProviderClass = new (url: string, space: string, doc: Y.Doc, options: object) => Provider

interface Provider {
  readonly awareness: Awareness
  readonly synced: boolean
  connect(): void
  disconnect(): void
  destroy(): void
}

interface Link {
  readonly pair: SocketPair
  readonly door: Door
  /** Nothing passes any more; the server may not know yet. */
  isDead: boolean
}

export interface RoomTab {
  readonly version: RoomVersion
  readonly clientId: number
  readonly user: string
  readonly provider: Provider
  readonly awareness: Awareness
  /** Every socket that the provider has opened. */
  readonly links: readonly Link[]
}

export interface RoomTabOptions {
  readonly version: RoomVersion
  readonly space: string
  readonly state: Record<string, unknown> | null
  readonly clientId?: number
}

const STEP_MS = 1_000

export class StockRoom {
  /**
   * Its spaces stay: with one goes what it knew of clocks, and a stock client that remembers more does not see a
   * reloaded page of the same clientID before its clock has come as far.
   */
  readonly core = new Core({ scheduler: virtualTime, limits: { evictAfterMs: Number.POSITIVE_INFINITY } })
  /** All that were ever opened. */
  readonly tabs: RoomTab[] = []
  #links: Link[] = []

  async open({ version, space, state, clientId }: RoomTabOptions): Promise<RoomTab> {
    const doc = new Y.Doc()
    if (clientId !== undefined) doc.clientID = clientId
    const links: Link[] = []
    const user = `user of ${doc.clientID}`
    const WebSocketPolyfill = pairedSocketClass(pair => {
      // The provider sets its handlers once it has the socket.
      virtualTime.soon(() => {
        if (pair.client.readyState !== pair.client.CONNECTING) return
        const { searchParams } = new URL(pair.url)
        const wish = wishIn(searchParams, pair.protocols.length > 0 ? 'plenum' : 'stock')
        const door = this.core.attach(pair, spaceName(space), { ...wish, access: { user } })
        const link = { pair, door, isDead: false }
        links.push(link)
        this.#links.push(link)
        pair.accept()
      })
    })
    const { Provider, options } = await providerOf(version, WebSocketPolyfill)
    const provider = new Provider('ws://test', space, doc, { disableBc: true, ...options })
    provider.awareness.setLocalState(state)
    const { awareness } = provider
    const tab = { version, clientId: doc.clientID, user, provider, awareness, links }
    this.tabs.push(tab)
    await this.deliver()
    return tab
  }

  /** The client is told that its connection is gone, the server is not. @returns tells the server */
  cut(tab: RoomTab): () => void {
    const link = tab.links.at(-1)
    if (link === undefined || link.isDead) return () => {}
    link.isDead = true
    this.#links = this.#links.filter(other => other !== link)
    const { client, server } = link.pair
    client.readyState = client.CLOSED
    client.dispatch('close', { code: 1006, reason: '', wasClean: false })
    return () => server.end(1006, '')
  }

  async advance(byMs: number): Promise<void> {
    for (let leftMs = byMs; leftMs > 0; leftMs -= STEP_MS) {
      await this.core.advance(Math.min(leftMs, STEP_MS))
      await this.deliver()
    }
  }

  /** Until nothing is under way. */
  async deliver(): Promise<void> {
    do await this.core.settle()
    while (this.#links.reduce((parcels, { pair }) => parcels + pair.deliverAll(), 0) > 0)
    for (const { door } of this.#links) door.drained()
  }

  async close(): Promise<void> {
    for (const { provider, awareness } of this.tabs) {
      provider.destroy()
      // With it ends the timer of its awareness.
      awareness.doc.destroy()
    }
    await this.deliver()
  }
}

const clock: Clock = {
  now: () => virtualTime.elapsed(),
  after: (delayMs, task) => virtualTime.after(delayMs, task),
  random: () => 0.5,
}

/** Of ours when it is asked for: it must not be loaded before `virtual-time.js`. */
const providerOf = async (
  version: RoomVersion,
  WebSocketPolyfill: unknown,
): Promise<{ readonly Provider: ProviderClass; readonly options: object }> => {
  const channel = { token: 't.o.k', clock, hints: () => () => {} }
  if (version === 'plenum') {
    const { SpaceProvider } = await import('../../client/space-provider.js')
    return { Provider: SpaceProvider as unknown as ProviderClass, options: { ...channel, WebSocketPolyfill } }
  }
  const { WebsocketProvider } = (await import(STOCK_PACKAGES[version === 'channel' ? '3.1.0' : version])) as {
    WebsocketProvider: ProviderClass
  }
  if (version !== 'channel') return { Provider: WebsocketProvider, options: { WebSocketPolyfill } }
  const { channelClass } = await import('../../client/channel/channel-class.js')
  const Channel = channelClass({ doors: ['websocket'], ...channel, WebSocket: WebSocketPolyfill as never })
  return { Provider: WebsocketProvider, options: { WebSocketPolyfill: Channel } }
}
