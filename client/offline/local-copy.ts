/**
 * One user's copy of one space in this browser, and what must be known about it when it is opened again. Every
 * tab opens the same one; a discarded copy is never opened again, even where other tabs still hold it.
 */
import type * as Y from 'yjs'
import { openIndexedDb } from './indexeddb.js'
import type { OpenPersistence, Persistence, TextStore } from './persistence.js'

export interface LocalMemory {
  /** The incarnation under which the copy was last synced. */
  readonly incarnation: string | null
  /** Whether it may hold edits that the server does not have. */
  readonly hasEdits: boolean
}

export interface LocalCopyOptions {
  readonly serverUrl: string
  readonly space: string
  readonly user: string
  readonly doc: Y.Doc
  readonly open?: OpenPersistence | undefined
  /** Where generations are kept; by default `localStorage`. */
  readonly texts?: TextStore | undefined
  /** What goes wrong with the copy; everything else goes on without it. */
  onError(error: unknown): void
  /** All changes are kept again. */
  onKept?(): void
}

const MEMORY_KEY = 'plenum'

export class LocalCopy {
  readonly #options: LocalCopyOptions
  readonly #texts: TextStore | null
  /** Rises with each discarded copy; the copies have different names. */
  readonly generation: number
  #persistence: Persistence | null = null
  #remembered = ''
  /** What was remembered has been read: it may be written over. */
  #isLoaded = false
  #isSound = true
  #isClosed = false
  /** A change is on its way to where it is kept, and another came since. */
  #isWriting = false
  #hasMore = false
  #remembering: Promise<unknown> = Promise.resolve()

  constructor(options: LocalCopyOptions) {
    this.#options = options
    this.#texts = options.texts ?? browserTexts()
    this.generation = this.#latestGeneration
  }

  /** Whether edits are kept: it is loaded, and nothing has gone wrong. */
  get isKeeping(): boolean {
    return this.#isLoaded && this.#isSound && !this.#isClosed
  }

  /** Whether every change up to now is kept. */
  get isKept(): boolean {
    return this.isKeeping && !this.#isWriting
  }

  /** The document changes, and is not kept until that has been written. */
  changed(): void {
    this.#hasMore = true
    if (this.isKept) void this.#awaitWrites()
  }

  /** Whether a change of the document with this origin is only what was kept. */
  owns(origin: unknown): boolean {
    return origin !== null && origin === this.#persistence
  }

  /** Brings what was kept into the document. @returns null where nothing is remembered; never rejects */
  async load(): Promise<LocalMemory | null> {
    const { doc, open = openIndexedDb } = this.#options
    try {
      const persistence = await open(this.#nameOf(this.generation), doc, error => this.#fail(error))
      this.#persistence = persistence
      if (this.#isClosed) await persistence.destroy()
      else await persistence.whenSynced
      const memory = this.#isClosed ? null : parsedMemory(await persistence.get(MEMORY_KEY))
      this.#isLoaded = true
      return memory
    } catch (error) {
      this.#fail(error)
      return null
    }
  }

  remember({ incarnation, hasEdits }: LocalMemory): void {
    const text = JSON.stringify({ incarnation, hasEdits })
    if (!this.isKeeping || text === this.#remembered) return
    this.#remembered = text
    this.#remembering = this.#persistence?.set(MEMORY_KEY, text) ?? Promise.resolve()
    this.#remembering.catch(error => this.#fail(error))
  }

  /** Forgets the copy: from here on every tab that opens one begins a new one. Never rejects. */
  async discard(): Promise<void> {
    const persistence = this.#persistence
    this.#isClosed = true
    this.#persistence = null
    try {
      this.#texts?.setItem(this.#generationKey, String(this.#latestGeneration + 1))
      await persistence?.clearData()
    } catch (error) {
      this.#fail(error)
    }
  }

  /** Stops keeping; the copy stays. Idempotent. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#persistence?.destroy().catch(error => this.#fail(error))
  }

  async #awaitWrites(): Promise<void> {
    this.#isWriting = true
    try {
      while (this.#hasMore && this.isKeeping) {
        // Whoever keeps the document hears of the change only after us.
        await undefined
        this.#hasMore = false
        await this.#remembering
        await this.#persistence?.whenKept?.()
      }
    } catch (error) {
      if (!this.#isClosed) this.#fail(error)
    }
    this.#isWriting = false
    if (this.isKept) this.#options.onKept?.()
  }

  get #latestGeneration(): number {
    return Number(this.#texts?.getItem(this.#generationKey) ?? 0) || 0
  }

  get #generationKey(): string {
    return `${this.#nameOf(null)}/generation`
  }

  #nameOf(generation: number | null): string {
    const { serverUrl, space, user } = this.#options
    const parts = [serverUrl, space, user, ...(generation === null ? [] : [generation])]
    return ['plenum', ...parts.map(part => encodeURIComponent(part))].join('/')
  }

  #fail(error: unknown): void {
    this.#isSound = false
    this.#options.onError(error)
  }
}

const parsedMemory = (text: unknown): LocalMemory | null => {
  if (typeof text !== 'string') return null
  const { incarnation, hasEdits } = JSON.parse(text)
  return { incarnation: typeof incarnation === 'string' ? incarnation : null, hasEdits: hasEdits === true }
}

/** Null where the page has none or may not use it. */
const browserTexts = (): TextStore | null => {
  try {
    return typeof window === 'undefined' ? null : window.localStorage
  } catch {
    return null
  }
}
