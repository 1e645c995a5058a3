/**
 * The intentions in a document: propose, activate, finish, drop, edit, remove, observe. Each field of an entry is
 * its own, so that people who change different fields apart from each other both get what they wrote. Reading
 * never throws: entries that are not as they should be are listed apart.
 */
import * as Y from 'yjs'
import { PlenumError } from '../../shared/errors.js'
import { listIntentions, listInvalid } from '../../shared/intentions/arrange.js'
import {
  INTENTION_LIMITS,
  INTENTIONS_KEY,
  type Intention,
  type IntentionStatus,
  type InvalidIntention,
  isIntention,
  isSameIntention,
  mayBecome,
  notAnEntry,
  readIntention,
} from '../../shared/intentions/intention.js'
import { throwUncaught } from '../channel/emitter.js'

export interface IntentionsOptions {
  /** Who proposes here: the `sub` of their token, or nobody will be shown as verified. */
  readonly by: string | (() => string)
  /** Epoch ms; `() => provider.serverNow()` is right where the clock here is not. Where it is null, and by default, this clock. */
  readonly now?: () => number | null
}

export interface NewIntention {
  readonly target?: string
}

/** What is absent stays as it is. */
export interface IntentionChange {
  readonly text?: string
  /** Null takes it away. */
  readonly target?: string | null
}

type Entry = Intention | InvalidIntention

const ID_BYTES = 12

/** @throws Error where the document has something else under the name "intentions" */
export const intentions = (doc: Y.Doc, options: IntentionsOptions): Intentions => new Intentions(doc, options)

export class Intentions {
  readonly #map: Y.Map<unknown>
  readonly #doc: Y.Doc
  readonly #options: IntentionsOptions
  readonly #entries = new Map<string, Entry>()
  readonly #listeners = new Set<() => void>()
  #list: readonly Intention[] | null = null
  #invalid: readonly InvalidIntention[] | null = null

  /** Use `intentions`. */
  constructor(doc: Y.Doc, options: IntentionsOptions) {
    this.#doc = doc
    this.#options = options
    this.#map = doc.getMap(INTENTIONS_KEY)
    for (const key of this.#map.keys()) this.#look(key)
    this.#map.observeDeep(this.#onEvents)
  }

  /** All of them, the oldest first. The same array until one of them is different; it must not be changed. */
  readonly list = (): readonly Intention[] => {
    this.#list ??= Object.freeze(listIntentions(this.#entries.values()))
    return this.#list
  }

  /** Entries that are none: what an app of another kind wrote, say. The same array until they are different. */
  readonly invalid = (): readonly InvalidIntention[] => {
    this.#invalid ??= Object.freeze(listInvalid([...this.#entries.values()]))
    return this.#invalid
  }

  get(id: string): Intention | undefined {
    const entry = this.#entries.get(id)
    return entry !== undefined && isIntention(entry) ? entry : undefined
  }

  /** @returns what ends it. The listener is called after each change that `list` or `invalid` shows. */
  readonly observe = (listener: () => void): (() => void) => {
    // Twice the same function is two listeners.
    const own = (): void => listener()
    this.#listeners.add(own)
    return () => void this.#listeners.delete(own)
  }

  /** @throws bad_request for a text that is empty or too long; too_large where there are too many */
  propose(text: string, { target }: NewIntention = {}): Intention {
    if (this.#map.size >= INTENTION_LIMITS.entries) {
      throw new PlenumError(
        'too_large',
        `more than ${INTENTION_LIMITS.entries} intentions: remove some first`,
      )
    }
    const { by } = this.#options
    const nowMs = this.#now()
    const intention = checked({
      id: randomId(),
      by: typeof by === 'function' ? by() : by,
      text,
      status: 'proposed',
      createdAt: nowMs,
      modifiedAt: nowMs,
      ...(target !== undefined && { target }),
    })
    this.#write(() => this.#map.set(intention.id, new Y.Map(Object.entries(intention))))
    return intention
  }

  /** Now it is being done; what was done or dropped is taken up again. @throws bad_request, not_found */
  activate(id: string): void {
    this.#become(id, 'active')
  }

  /** @throws bad_request where it is not active; not_found */
  finish(id: string): void {
    this.#become(id, 'done')
  }

  /** @throws not_found */
  drop(id: string): void {
    this.#become(id, 'dropped')
  }

  /** @throws bad_request for a text or target that is empty or too long; not_found */
  edit(id: string, { text, target }: IntentionChange): void {
    const { target: before, ...old } = this.#existing(id)
    const after = target === undefined ? before : (target ?? undefined)
    this.#change({
      ...old,
      ...(text !== undefined && { text }),
      ...(after !== undefined && { target: after }),
    })
  }

  /** Takes an entry away for everybody, also one that is invalid; what others change in it meanwhile is lost. */
  remove(id: string): void {
    if (this.#map.has(id)) this.#write(() => this.#map.delete(id))
  }

  /** Watches the document no longer. The entries stay. Idempotent. */
  destroy(): void {
    this.#map.unobserveDeep(this.#onEvents)
    this.#listeners.clear()
  }

  #become(id: string, status: IntentionStatus): void {
    const old = this.#existing(id)
    if (old.status === status) return
    if (!mayBecome(old.status, status)) {
      throw new PlenumError('bad_request', `what is ${old.status} cannot become ${status}`)
    }
    this.#change({ ...old, status })
  }

  /** Writes the fields that differ, and when. */
  #change(next: Intention): void {
    const old = this.#existing(next.id)
    if (isSameIntention(old, next)) return
    const changed = checked({ ...next, modifiedAt: this.#now() })
    const entry = this.#map.get(next.id) as Y.Map<unknown>
    this.#write(() => {
      for (const name of ['text', 'status', 'target', 'modifiedAt'] as const) {
        if (changed[name] === old[name]) continue
        if (changed[name] === undefined) entry.delete(name)
        else entry.set(name, changed[name])
      }
    })
  }

  #existing(id: string): Intention {
    const found = this.get(id)
    if (found === undefined) throw new PlenumError('not_found', 'there is no such intention')
    return found
  }

  #now(): number {
    return this.#options.now?.() ?? Date.now()
  }

  /** The collection is the origin: an undo manager can be told to follow it. */
  #write(action: () => void): void {
    this.#doc.transact(action, this)
  }

  readonly #onEvents = (events: Y.YEvent<Y.AbstractType<unknown>>[]): void => {
    const keys = new Set<string>()
    for (const event of events) {
      if (event.target === this.#map) for (const key of event.changes.keys.keys()) keys.add(key)
      else keys.add(String(event.path[0]))
    }
    let isChanged = false
    for (const key of keys) isChanged = this.#look(key) || isChanged
    if (!isChanged) return
    for (const listener of [...this.#listeners]) {
      try {
        listener()
      } catch (error) {
        // A listener's error stops neither the others nor the merging of documents.
        throwUncaught(error)
      }
    }
  }

  /** Reads one entry anew. @returns whether it is another */
  #look(key: string): boolean {
    const before = this.#entries.get(key)
    const now = this.#map.has(key) ? readEntry(key, this.#map.get(key)) : undefined
    if (before === now || (before !== undefined && now !== undefined && isSame(before, now))) return false
    if (now === undefined) this.#entries.delete(key)
    else this.#entries.set(key, Object.freeze(now))
    const changed = [before, now].filter(entry => entry !== undefined)
    if (changed.some(isIntention)) this.#list = null
    const isAnyBeyond = this.#entries.size >= INTENTION_LIMITS.readEntries
    if (isAnyBeyond || !changed.every(isIntention)) this.#invalid = null
    return true
  }
}

const readEntry = (key: string, value: unknown): Entry =>
  value instanceof Y.Map ? readIntention(key, name => value.get(name)) : notAnEntry(key)

const isSame = (a: Entry, b: Entry): boolean =>
  isIntention(a) ? isIntention(b) && isSameIntention(a, b) : !isIntention(b) && a.reason === b.reason

/** @throws bad_request */
const checked = (intention: Intention): Intention => {
  const read = readIntention(intention.id, name => intention[name])
  if (isIntention(read)) return Object.freeze(read)
  throw new PlenumError('bad_request', read.reason)
}

/** Nobody draws the same twice, offline or not. */
const randomId = (): string => {
  const bytes = crypto.getRandomValues(new Uint8Array(ID_BYTES))
  return [...bytes].map(byte => byte.toString(16).padStart(2, '0')).join('')
}
