/**
 * Reads roots of a document as JSON. Whatever is written there, reading ends, and it changes nothing: a root that
 * nobody asked for as a type stays one without a type.
 */
import * as Y from 'yjs'
import { PlenumError } from '../../../shared/errors.js'
import type { Root, RootType } from '../engine.js'

type Json = null | boolean | number | string | readonly Json[] | { readonly [Key: string]: Json }
/** A root before anybody asked for it as a type: Yjs keeps what a map has in `_map`, and all else in `_start`. */
type Raw = NonNullable<ReturnType<Y.Doc['share']['get']>>

/** What nests deeper is nobody's document. */
const MAX_DEPTH = 200

/**
 * @param roots null for every root, each by its evident type
 * @throws bad_request where a root is evidently of another type; too_large where something nests too deeply
 */
export const readJson = (doc: Y.Doc, roots: readonly Root[] | null): Readonly<Record<string, Json>> => {
  try {
    if (roots !== null) return Object.fromEntries(roots.map(root => [root.name, readAs(doc, root)]))
    return Object.fromEntries([...doc.share].map(([name, root]) => [name, readEvident(root)]))
  } catch (error) {
    // Yjs writes XML by recursion of its own.
    if (error instanceof RangeError) throw tooDeep()
    throw error
  }
}

const readAs = (doc: Y.Doc, { name, type }: Root): Json => {
  const root = doc.share.get(name)
  const evident = root === undefined ? null : evidentType(root)
  // Some editors keep their text in a root of XML.
  const isOther = evident !== null && evident !== type && !(type === 'xml' && evident === 'text')
  if (isOther)
    throw new PlenumError('bad_request', `the root ${JSON.stringify(name)} is evidently ${evident}`)
  return root === undefined ? emptyOf(type) : read(root, type)
}

const readEvident = (root: Raw): Json => {
  const type = evidentType(root)
  return type === null ? null : read(root, type)
}

const emptyOf = (type: RootType): Json => {
  if (type === 'map') return {}
  return type === 'array' ? [] : ''
}

/** Told from what is there; null where nothing is, or what is deleted. */
const evidentType = (root: Raw): RootType | null => {
  for (const { content } of items(root)) {
    if (content instanceof Y.ContentString || content instanceof Y.ContentEmbed) return 'text'
    if (content instanceof Y.ContentFormat) return 'text'
    return content instanceof Y.ContentType && isXml(content.type) ? 'xml' : 'array'
  }
  for (const item of root._map.values()) if (!item.deleted) return 'map'
  return null
}

const isXml = (type: unknown): boolean => type instanceof Y.XmlFragment || type instanceof Y.XmlText

const read = (root: Raw, type: RootType): Json => {
  switch (type) {
    case 'map':
      return mapOf(root, 1)
    case 'array':
      return listOf(root, 1)
    case 'text':
      return textOf(root)
    case 'xml':
      return [...items(root)].map(({ content }) => xmlOf(content)).join('')
  }
}

/** What is not deleted of a list, a text or XML, in order. */
function* items(type: Raw): Generator<Y.Item> {
  for (let item = type._start; item !== null; item = item.right) if (!item.deleted) yield item
}

const mapOf = (type: Raw, depth: number): Json =>
  Object.fromEntries(
    [...type._map].flatMap(([key, { deleted, content, length }]) => {
      const value = deleted ? undefined : content.getContent()[length - 1]
      return value === undefined ? [] : [[key, jsonOf(value, depth)]]
    }),
  )

const listOf = (type: Raw, depth: number): Json =>
  [...items(type)]
    .filter(({ countable }) => countable)
    .flatMap(({ content }) => content.getContent().map(value => jsonOf(value, depth)))

const textOf = (type: Raw): string =>
  [...items(type)].map(({ content }) => (content instanceof Y.ContentString ? content.str : '')).join('')

const xmlOf = (content: Y.Item['content']): string => {
  if (content instanceof Y.ContentString) return content.str
  return content instanceof Y.ContentType ? String(content.type) : ''
}

/** @throws too_large */
const jsonOf = (value: unknown, depth: number): Json => {
  if (depth > MAX_DEPTH) throw tooDeep()
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value
    case 'number':
      return Number.isFinite(value) ? value : null
    case 'bigint':
      return String(value)
    case 'object':
      return value === null ? null : objectOf(value, depth + 1)
    default:
      return null
  }
}

const objectOf = (value: object, depth: number): Json => {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (isXml(value)) return String(value)
  if (value instanceof Y.Text) return textOf(value as unknown as Raw)
  if (value instanceof Y.Map) return mapOf(value as unknown as Raw, depth)
  if (value instanceof Y.Array) return listOf(value as unknown as Raw, depth)
  // A document within a document is another space's content, if anybody's.
  if (value instanceof Y.Doc) return { guid: value.guid }
  if (Array.isArray(value)) return value.map(each => jsonOf(each, depth))
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, each]) => (each === undefined ? [] : [[key, jsonOf(each, depth)]])),
  )
}

const tooDeep = (): PlenumError => new PlenumError('too_large', 'the content nests too deeply')
