/**
 * Frames between the tabs of one browser (and the providers of one page) that show the same space to the same
 * user. Only what a client may say passes; anything else that comes this way is dropped.
 */
import * as broadcast from 'lib0/broadcastchannel'
import { PlenumError } from '../../shared/errors.js'
import { type ClientMessage, decodeClientMessage, encodeMessage } from '../../shared/protocol/index.js'

/** What tabs say to each other: never a token, and no type from 100. */
export type TabMessage = Exclude<ClientMessage, { type: 'authenticate' | 'signal' }>

export class TabRelay {
  readonly key: string
  readonly #receive: (data: Uint8Array | ArrayBuffer, origin: unknown) => void
  #isOpen = true

  /** Joins at once. @param key the same in every tab that may hear this */
  constructor(key: string, onMessage: (message: TabMessage) => void) {
    this.key = key
    this.#receive = (data, origin) => {
      if (origin === this || !this.#isOpen) return
      try {
        const message = decodeClientMessage(new Uint8Array(data))
        if (message.type !== 'authenticate' && message.type !== 'signal') onMessage(message)
      } catch (error) {
        // Another version of this code, or another program under the same name.
        if (!(error instanceof PlenumError)) throw error
      }
    }
    broadcast.subscribe(key, this.#receive)
  }

  send(message: TabMessage): void {
    if (this.#isOpen) broadcast.publish(this.key, encodeMessage(message), this)
  }

  /** Idempotent. */
  close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    broadcast.unsubscribe(this.key, this.#receive)
  }
}
