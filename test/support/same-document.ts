/** Whether two replicas are one document: the same structs, the same deletions, the same content, nothing pending. */
import * as Y from 'yjs'

/** What differs, or null. Only shared types that both know by name are compared by their content. */
export const difference = (a: Y.Doc, b: Y.Doc): string | null => {
  for (const doc of [a, b]) {
    if (doc.store.pendingStructs !== null || doc.store.pendingDs !== null) return 'one of them is pending'
  }
  const [vectorA, vectorB] = [stateVector(a), stateVector(b)]
  if (vectorA !== vectorB) return `the state vectors differ: ${vectorA} and ${vectorB}`
  const [deletedA, deletedB] = [a, b].map(doc => Y.createDeleteSetFromStructStore(doc.store)) as [
    DeleteSet,
    DeleteSet,
  ]
  if (!Y.equalDeleteSets(deletedA, deletedB)) return 'the delete sets differ'
  for (const [name, type] of a.share) {
    const other = b.share.get(name)
    if (other === undefined || other.constructor !== type.constructor) continue
    const [jsonA, jsonB] = [JSON.stringify(contentOf(type)), JSON.stringify(contentOf(other))]
    if (jsonA !== jsonB) return `"${name}" differs`
  }
  return null
}

type DeleteSet = ReturnType<typeof Y.createDeleteSetFromStructStore>

const stateVector = (doc: Y.Doc): string =>
  JSON.stringify([...Y.decodeStateVector(Y.encodeStateVector(doc))].sort(([x], [y]) => x - y))

// biome-ignore lint/suspicious/noExplicitAny: the event type is invariant
const contentOf = (type: Y.AbstractType<any>): unknown => {
  if (type instanceof Y.Text) return type.toDelta()
  if (!(type instanceof Y.Map)) return type.toJSON()
  // The order of a map's keys is that of arrival.
  return Object.entries(type.toJSON()).sort(([x], [y]) => (x < y ? -1 : 1))
}
