/** The port to a store in this browser that keeps a Y.Doc: the shape of y-indexeddb's `IndexeddbPersistence`. */
import type * as Y from 'yjs'

export interface Persistence {
  /** Settles when what was kept is in the document. */
  readonly whenSynced: Promise<unknown>
  get(key: string): Promise<unknown>
  set(key: string, value: string): Promise<unknown>
  /** Settles when every change of the document up to now is kept; without it, changes are kept as they are made. */
  whenKept?(): Promise<unknown>
  /** Forgets everything, and stops keeping. */
  clearData(): Promise<unknown>
  /** Stops keeping; what is kept stays. */
  destroy(): Promise<unknown>
}

/**
 * Opens what is kept under this name, and keeps the document there from now on. What was kept comes into the
 * document after the returned promise has settled, with the persistence as its origin.
 * @param onError hears what goes wrong later: no room, a store that is gone
 */
export type OpenPersistence = (
  name: string,
  doc: Y.Doc,
  onError: (error: unknown) => void,
) => Promise<Persistence>

/** The part of `localStorage` that is used. */
export interface TextStore {
  getItem(key: string): string | null
  setItem(key: string, value: string): void
}
