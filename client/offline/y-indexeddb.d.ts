/** What is used of y-indexeddb, whose own types say the same and more. */
declare module 'y-indexeddb' {
  import type * as Y from 'yjs'

  export class IndexeddbPersistence {
    constructor(name: string, doc: Y.Doc)
    readonly doc: Y.Doc
    readonly db: IDBDatabase | null
    readonly whenSynced: Promise<unknown>
    _storeUpdate: (update: Uint8Array, origin: unknown) => void
    get(key: string): Promise<unknown>
    set(key: string, value: string): Promise<unknown>
    clearData(): Promise<void>
    destroy(): Promise<void>
  }
}
