/**
 * y-indexeddb as the persistence port. What it lets fall is told here: a database that cannot be opened (private
 * mode), a write that is refused (no room), and a database that another tab has deleted.
 */
import type { IndexeddbPersistence } from 'y-indexeddb'
import type { OpenPersistence } from './persistence.js'

const STORES = ['updates', 'custom'] as const

/** Rejects where there is no IndexedDB, or it refuses to open. */
export const openIndexedDb: OpenPersistence = async (name, doc, onError) => {
  await probe(name)
  const { IndexeddbPersistence } = await import('y-indexeddb')
  const persistence = new IndexeddbPersistence(name, doc)
  guardWrites(persistence, onError)
  void persistence.whenSynced.then(() => {
    const { db } = persistence
    db?.addEventListener('abort', event => onError((event.target as IDBTransaction | null)?.error))
    db?.addEventListener('close', () => onError(new Error('the local copy was closed by the browser')))
  })
  return Object.assign(persistence, { whenKept: () => whenWritten(persistence.db) })
}

/** A transaction over the same stores begins only when those before it have ended. */
const whenWritten = (db: IDBDatabase | null): Promise<void> =>
  new Promise((resolve, reject) => {
    if (db === null) throw new Error('the local copy is not open')
    const fence = db.transaction([...STORES])
    fence.objectStore(STORES[0]).getKey(0)
    fence.oncomplete = () => resolve()
    fence.onabort = () => reject(fence.error)
  })

/** y-indexeddb never settles where its database does not open. */
const probe = (name: string): Promise<void> =>
  new Promise((resolve, reject) => {
    if (globalThis.indexedDB === undefined) throw new Error('there is no IndexedDB here')
    const request = indexedDB.open(name)
    request.onupgradeneeded = () => {
      request.result.createObjectStore('updates', { autoIncrement: true })
      request.result.createObjectStore('custom')
    }
    request.onerror = () => reject(request.error)
    request.onsuccess = () => {
      request.result.close()
      resolve()
    }
  })

/** Its listener throws into the app's own transaction once the database is closed. */
const guardWrites = (persistence: IndexeddbPersistence, onError: (error: unknown) => void): void => {
  const { doc, _storeUpdate: store } = persistence
  doc.off('update', store)
  persistence._storeUpdate = (update, origin) => {
    try {
      store(update, origin)
    } catch (error) {
      doc.off('update', persistence._storeUpdate)
      onError(error)
    }
  }
  doc.on('update', persistence._storeUpdate)
}
