/** Local copies in memory, in the shape of y-indexeddb: what one tab has kept, the next one opens. */
import * as Y from 'yjs'
import type { OpenPersistence, TextStore } from '../../client/offline/persistence.js'

interface Copy {
  readonly updates: Uint8Array[]
  readonly values: Map<string, string>
}

export class MemoryDisk implements TextStore {
  readonly copies = new Map<string, Copy>()
  readonly texts = new Map<string, string>()
  /** Held back by the test, until it calls this. */
  letLoad: (() => void) | null = null
  isHeld = false
  /** The next write of a document fails like this. */
  failure: Error | null = null

  getItem(key: string): string | null {
    return this.texts.get(key) ?? null
  }

  setItem(key: string, value: string): void {
    this.texts.set(key, value)
  }

  readonly open: OpenPersistence = async (name, doc, onError) => {
    const copy: Copy = this.copies.get(name) ?? { updates: [], values: new Map() }
    this.copies.set(name, copy)
    const persistence = {
      whenSynced: new Promise<void>(resolve => {
        if (this.isHeld) this.letLoad = resolve
        else setImmediate(resolve)
      }),
      get: async (key: string) => copy.values.get(key),
      set: async (key: string, value: string) => copy.values.set(key, value),
      clearData: async () => {
        doc.off('update', keep)
        this.copies.delete(name)
      },
      destroy: async () => doc.off('update', keep),
    }
    const keep = (update: Uint8Array, origin: unknown): void => {
      if (origin === persistence) return
      if (this.failure !== null) onError(this.failure)
      else copy.updates.push(update)
    }
    doc.on('update', keep)
    persistence.whenSynced = persistence.whenSynced.then(() => {
      Y.transact(
        doc,
        () => {
          for (const update of copy.updates) Y.applyUpdate(doc, update)
        },
        persistence,
        false,
      )
    })
    return persistence
  }
}
