/**
 * An edit that is made here, on a document of its own, and comes out as the update that any client would send. The
 * document is gone afterwards: nothing that the edit's author keeps of it changes anything.
 */
import * as Y from 'yjs'
import { PlenumError } from '../../../shared/errors.js'

/** Changes the document, in one transaction and at once; what it throws undoes all of it. */
export type DocumentChange = (doc: Y.Doc) => void

/**
 * @param state the document as one update, from a space of ours
 * @returns null where nothing was changed
 * @throws what the change throws; bad_request for one that is asynchronous
 */
export const editLocally = (state: Uint8Array, change: DocumentChange): Uint8Array | null => {
  const doc = new Y.Doc()
  try {
    Y.applyUpdate(doc, state)
    const updates: Uint8Array[] = []
    doc.on('update', update => updates.push(update))
    const result: unknown = doc.transact(() => change(doc))
    if (isThenable(result)) {
      // What it does later is done to nothing.
      Promise.resolve(result).catch(() => {})
      throw new PlenumError('bad_request', 'a change is made at once: prepare what takes time before')
    }
    return updates.length === 0 ? null : Y.mergeUpdates(updates)
  } finally {
    doc.destroy()
  }
}

const isThenable = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
