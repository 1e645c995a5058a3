/**
 * A Yjs document for a server: it tells of its updates and of nothing else. Yjs tells of every transaction under half
 * a dozen names and makes lists of the listeners even where there are none, and each document listens to itself for
 * what only providers in a browser tell it; that is a kilobyte of each.
 */
import * as Y from 'yjs'

type Told = Parameters<Y.Doc['emit']>

export class QuietDoc extends Y.Doc {
  #onUpdate: ((update: Uint8Array) => void) | null = null
  #known: Uint8Array | null = null

  constructor() {
    // Only a document within another is known by a guid of its own.
    super({ guid: '' })
    this._observers = UNHEARD
  }

  /** Yjs encodes every transaction from now on. */
  onUpdate(listener: (update: Uint8Array) => void): void {
    this.#onUpdate = listener
    this._observers = UPDATES_HEARD
  }

  /** Of the transaction under way: an update that says all of it. Yjs does not encode it then. */
  knowUpdate(update: Uint8Array): void {
    this.#known = update
  }

  override emit(name: Told[0], [update]: Told[1]): void {
    if (name === 'update') this.#onUpdate?.(update as Uint8Array)
    // The last that Yjs tells before it looks whether to encode.
    else if (name === 'afterTransactionCleanup' && this.#onUpdate !== null) this.#tellKnown(this.#onUpdate)
  }

  #tellKnown(onUpdate: (update: Uint8Array) => void): void {
    const known = this.#known
    this.#known = null
    this._observers = known === null ? UPDATES_HEARD : UNHEARD
    if (known !== null) onUpdate(known)
  }
}

/** Yjs looks here whether anybody wants to be told; all documents share the answer. */
const UNHEARD: Y.Doc['_observers'] = new Map()
const UPDATES_HEARD: Y.Doc['_observers'] = new Map([['update', new Set()]])
