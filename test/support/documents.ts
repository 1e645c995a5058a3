/** What two replicas must have in common, and whether an update is in one. */
import * as Y from 'yjs'
import { roots } from './random-edits.js'

type DeleteSet = ReturnType<typeof Y.createDeleteSetFromStructStore>

export const isPending = ({ store }: Y.Doc): boolean =>
  store.pendingStructs !== null || store.pendingDs !== null

export const documentOf = (updates: readonly Uint8Array[]): Y.Doc => {
  const doc = new Y.Doc()
  doc.transact(() => {
    for (const update of updates) Y.applyUpdate(doc, update)
  })
  return doc
}

/** The content of every root type, with the keys of maps in one order and runs of one format in one piece. */
export const contentOf = (doc: Y.Doc): string => {
  const { text, map, array, xml } = roots(doc)
  return JSON.stringify(
    [runsOf(text), map.toJSON(), array.toJSON(), xml.toJSON(), deltasIn(xml)],
    sortKeys,
    1,
  )
}

export const stateVectorOf = (doc: Y.Doc): string =>
  JSON.stringify([...Y.decodeStateVector(Y.encodeStateVector(doc))].sort(([a], [b]) => a - b))

export const deletionsOf = (doc: Y.Doc): DeleteSet => Y.createDeleteSetFromStructStore(doc.store)

/** What of this update is not in the document, or null. */
export const missingOf = (doc: Y.Doc, update: Uint8Array): string | null => {
  const { structs, ds } = Y.decodeUpdate(update)
  for (const struct of structs) {
    if (struct instanceof Y.Skip) continue
    const { client, clock } = struct.id
    if (Y.getState(doc.store, client) < clock + struct.length)
      return `struct ${client}:${clock}+${struct.length}`
  }
  for (const [client, deletions] of ds.clients) {
    for (const { clock, len } of deletions) {
      const structs = doc.store.clients.get(client) ?? []
      const isGone = structs
        .filter(({ id, length }) => id.clock < clock + len && id.clock + length > clock)
        .every(({ deleted }) => deleted)
      if (!isGone || Y.getState(doc.store, client) < clock + len) return `deletion ${client}:${clock}+${len}`
    }
  }
  return null
}

const deltasIn = (xml: Y.XmlFragment): unknown[] =>
  xml.toArray().map(node => {
    if (node instanceof Y.XmlText) return runsOf(node)
    return node instanceof Y.XmlFragment ? deltasIn(node) : null
  })

interface Run {
  insert: unknown
  readonly attributes?: object
}

/** Where a run is split is a matter of marks that format nothing: a reader cleans up its own. */
const runsOf = (text: Y.Text): Run[] => {
  const runs: Run[] = []
  for (const run of text.toDelta() as Run[]) {
    const last = runs.at(-1)
    const isSame = JSON.stringify(last?.attributes, sortKeys) === JSON.stringify(run.attributes, sortKeys)
    if (isSame && typeof last?.insert === 'string' && typeof run.insert === 'string')
      last.insert += run.insert
    else runs.push({ ...run })
  }
  return runs
}

const sortKeys = (_key: string, value: unknown): unknown => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}
