/**
 * A Y.Doc as a connection uses it: applies what the server sent, answers and asks by state vector, and tells
 * of changes that came from elsewhere. The readers of y-protocols are not used: they swallow exceptions.
 */
import * as Y from 'yjs'
import { PlenumError } from '../shared/errors.js'
import { throwUncaught } from './channel/emitter.js'

export interface DocumentLink {
  /**
   * @param isNews whether it must be told as a change all the same: it did not come from the server
   * @throws unappliable; an error thrown by an observer of the app's is the app's, and surfaces as uncaught
   */
  apply(update: Uint8Array, isNews?: boolean): void
  stateVector(): Uint8Array
  /** What a replica with this state vector lacks (by default everything), the whole delete set included. @throws malformed */
  diff(stateVector?: Uint8Array): Uint8Array
  /** Whether something was received that builds on what is not here. */
  readonly isPending: boolean
  close(): void
}

export interface LocalChange {
  readonly update: Uint8Array
  /** False where Yjs changed the document by itself while applying something: formatting clean-up. */
  readonly isEdit: boolean
  /** Whether it was applied here as news. */
  readonly isNews: boolean
  /** The transaction's. */
  readonly origin: unknown
}

export interface LinkOptions {
  /** What observers of the document see as the origin of what came through this connection. */
  readonly origin: unknown
  /** Whether a change made here may reach the others. */
  mayEdit(): boolean
  onChange(change: LocalChange): void
}

export const linkDocument = (doc: Y.Doc, { origin, mayEdit, onChange }: LinkOptions): DocumentLink => {
  let isApplying = false
  let areNews = false
  const onUpdate = (update: Uint8Array, by: unknown): void => {
    const isNews = areNews && by === origin
    if (by !== origin || isNews) onChange({ update, isEdit: !isApplying, isNews, origin: by })
  }
  // Yjs deletes marks of formats that mean nothing in what it sees. Deleted here alone, one may be missed when
  // others go on: whoever may not tell them leaves it to them.
  const onAfterTransaction = (transaction: Y.Transaction): void => {
    if (!transaction.local && !mayEdit()) transaction._needFormattingCleanup = false
  }
  doc.on('update', onUpdate)
  doc.on('afterTransaction', onAfterTransaction)

  return {
    apply: (update, isNews = false) => {
      const failures: PlenumError[] = []
      const integrate = (): void => {
        try {
          Y.applyUpdate(doc, update, origin)
        } catch (cause) {
          failures.push(new PlenumError('unappliable', undefined, { cause }))
        }
      }
      isApplying = true
      areNews = isNews
      try {
        // The outer transaction tells apart who threw: integration inside of it, observers when it ends.
        Y.transact(doc, integrate, origin, false)
      } catch (error) {
        throwUncaught(error)
      } finally {
        isApplying = false
        areNews = false
      }
      for (const failure of failures) throw failure
    },
    stateVector: () => Y.encodeStateVector(doc),
    diff: stateVector => {
      try {
        return Y.encodeStateAsUpdate(doc, stateVector)
      } catch (cause) {
        throw new PlenumError('malformed', 'malformed message: state vector', { cause })
      }
    },
    get isPending() {
      return doc.store.pendingStructs !== null || doc.store.pendingDs !== null
    },
    close: () => {
      doc.off('update', onUpdate)
      doc.off('afterTransaction', onAfterTransaction)
    },
  }
}

/** Nothing integrated, nothing pending: merging it anywhere has no effect. */
export const isEmptyDocument = ({ store }: Y.Doc): boolean =>
  store.clients.size === 0 && store.pendingStructs === null && store.pendingDs === null
