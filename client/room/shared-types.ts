/** The shared types of a document by kind and name, each with a store of what is in it. One observer each, until `close`. */
import type * as Y from 'yjs'
import { SharedJson } from './shared-json.js'
import { type Store, View } from './store.js'

export interface SharedKinds {
  readonly map: Y.Map<unknown>
  readonly array: Y.Array<unknown>
  readonly text: Y.Text
}

/** What is read of each: frozen, and the same object until something in it is different. */
export interface SharedValues {
  readonly map: Readonly<Record<string, unknown>>
  readonly array: readonly unknown[]
  readonly text: string
}

export interface Shared<Kind extends keyof SharedKinds> {
  readonly type: SharedKinds[Kind]
  readonly store: Store<SharedValues[Kind]>
}

interface Known {
  readonly shared: Shared<keyof SharedKinds>
  readonly json: SharedJson
}

export class SharedTypes {
  readonly #doc: Y.Doc
  readonly #known = new Map<string, Known>()

  constructor(doc: Y.Doc) {
    this.#doc = doc
  }

  /** The same each time. @throws Error where the document has something else under that name */
  get<Kind extends keyof SharedKinds>(kind: Kind, name: string): Shared<Kind> {
    const key = `${kind} ${name}`
    let known = this.#known.get(key)
    if (known === undefined) {
      known = this.#watch(kind, name)
      this.#known.set(key, known)
    }
    return known.shared as Shared<Kind>
  }

  close(): void {
    for (const { json } of this.#known.values()) json.close()
    this.#known.clear()
  }

  #watch(kind: keyof SharedKinds, name: string): Known {
    const type = rootOf(this.#doc, kind, name)
    const json = new SharedJson(type as Y.AbstractType<unknown>, () => view.changed())
    const view = new View(() => json.read())
    return { json, shared: { type, store: view } as Shared<keyof SharedKinds> }
  }
}

const rootOf = (doc: Y.Doc, kind: keyof SharedKinds, name: string): SharedKinds[keyof SharedKinds] => {
  if (kind === 'map') return doc.getMap(name)
  return kind === 'array' ? doc.getArray(name) : doc.getText(name)
}
