/** A document whose edits become flushes, as a space logs them: what tests of a store write and read back. */
import * as Y from 'yjs'
import type { LoggedFlush, StoredSpace } from '../../server/space/update-store.js'
import type { SpaceName } from '../../shared/names.js'

export class LoggedDocument {
  readonly doc = new Y.Doc()
  readonly space: SpaceName
  readonly #client: number
  #position = 0

  /** The client number is fixed, so that what is stored is the same in every run. */
  constructor(space: string, client = 1) {
    this.space = space as SpaceName
    this.#client = client
    this.doc.clientID = client
  }

  get text(): string {
    return this.doc.getText('text').toString()
  }

  /** Appends to the text: one flush of one user. */
  type(text: string, user = 'ada'): LoggedFlush {
    return this.edit(doc => doc.getText('text').insert(doc.getText('text').length, text), user)
  }

  edit(change: (doc: Y.Doc) => void, user = 'ada'): LoggedFlush {
    return this.#log(user, () => this.doc.transact(() => change(this.doc)))
  }

  /** Takes an update from elsewhere, as it is. */
  take(update: Uint8Array, user = 'eve'): LoggedFlush {
    return this.#log(user, () => Y.applyUpdate(this.doc, update))
  }

  #log(user: string, change: () => void): LoggedFlush {
    const before = Y.getState(this.doc.store, this.#client)
    const updates: Uint8Array[] = []
    const collect = (update: Uint8Array) => updates.push(update)
    this.doc.on('update', collect)
    change()
    this.doc.off('update', collect)
    const length = Y.getState(this.doc.store, this.#client) - before
    const deliveries = length === 0 ? [] : [{ user, client: this.#client, clock: before, length }]
    return { position: ++this.#position, updates, inputs: [], deliveries }
  }
}

/** The document that a load gives. */
export const documentOf = ({ snapshot, tail }: Pick<StoredSpace, 'snapshot' | 'tail'>): Y.Doc => {
  const doc = new Y.Doc()
  if (snapshot !== null) Y.applyUpdate(doc, snapshot.update)
  for (const { updates } of tail) for (const update of updates) Y.applyUpdate(doc, update)
  return doc
}

export const textOf = (stored: Pick<StoredSpace, 'snapshot' | 'tail'>): string =>
  documentOf(stored).getText('text').toString()
