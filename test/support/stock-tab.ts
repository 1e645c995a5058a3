/** A stock provider in the test's own process: such tabs share a BroadcastChannel, and their frames are counted. */
import { WebSocket } from 'ws'
import type { Awareness } from 'y-protocols/awareness'
import * as Y from 'yjs'
import { MESSAGE } from '../../shared/protocol/messages.js'
import { type OpenOptions, STOCK_PACKAGES, type StockVersion } from './stock-client-calls.js'

interface Provider {
  readonly awareness: Awareness
  readonly synced: boolean
  connect(): void
  disconnect(): void
  destroy(): void
}

type ProviderClass = new (url: string, space: string, doc: Y.Doc, options: object) => Provider

export interface StockTabOptions extends OpenOptions {
  readonly version: StockVersion
  /** Whether it shares a BroadcastChannel with the other tabs of this process; by default not. */
  readonly isOnChannel?: boolean
  /** The state from its first announcement on. */
  readonly state?: Record<string, unknown> | null
}

export class StockTab {
  readonly doc = new Y.Doc()
  readonly text = this.doc.getText('text')
  readonly version: StockVersion
  readonly provider: Provider
  /** Awareness frames that went over its sockets, either way. */
  awarenessFrames = 0
  /** Close codes of its sockets so far. */
  readonly closes: number[] = []

  private constructor(
    Provider: ProviderClass,
    { version, url, space, token, clientId, isOnChannel = false, state }: StockTabOptions,
  ) {
    const tab = this
    this.version = version
    if (clientId !== undefined) this.doc.clientID = clientId
    this.provider = new Provider(url, space, this.doc, {
      params: { token },
      disableBc: !isOnChannel,
      maxBackoffTime: 200,
      WebSocketPolyfill: class extends WebSocket {
        constructor(address: string, protocols?: string | string[]) {
          super(address, protocols)
          this.on('message', data => tab.#count(data as Buffer))
          this.on('close', code => tab.closes.push(code))
        }

        override send(frame: Uint8Array): void {
          tab.#count(frame)
          super.send(frame)
        }
      },
    })
    if (state !== undefined) this.awareness.setLocalState(state)
  }

  static async open(options: StockTabOptions): Promise<StockTab> {
    const { WebsocketProvider } = (await import(STOCK_PACKAGES[options.version])) as {
      WebsocketProvider: ProviderClass
    }
    return new StockTab(WebsocketProvider, options)
  }

  get clientId(): number {
    return this.doc.clientID
  }

  get awareness(): Awareness {
    return this.provider.awareness
  }

  /** What it sees of this client. */
  stateOf(clientId: number): Record<string, unknown> | undefined {
    return this.awareness.getStates().get(clientId)
  }

  close(): void {
    this.provider.destroy()
    this.doc.destroy()
  }

  #count(frame: Uint8Array): void {
    if (frame[0] === MESSAGE.awareness) this.awarenessFrames++
  }
}
