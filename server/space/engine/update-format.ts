/**
 * The numbers of Yjs updates, encoding v1: what stands in a struct's first byte and which contents, shared types and
 * values there are. Source: yjs 13.6 `encoding.js`, `Item.js`, `ContentType.js`; lib0 `encoding.js`.
 */

/** Bits of a struct's first byte; `content` is one of `STRUCT` or `CONTENT`. */
export const INFO = { content: 0x1f, hasParentSub: 0x20, hasRightOrigin: 0x40, hasOrigin: 0x80 } as const

/** Structs that are no items. */
export const STRUCT = { gc: 0, skip: 10 } as const

export const CONTENT = {
  deleted: 1,
  json: 2,
  binary: 3,
  string: 4,
  embed: 5,
  format: 6,
  type: 7,
  any: 8,
  doc: 9,
} as const

/** Shared types: these two have a name. */
export const TYPE = { xmlElement: 3, xmlHook: 5, last: 6 } as const

/** lib0's `any` tags. */
export const ANY = {
  undefined: 127,
  null: 126,
  integer: 125,
  float32: 124,
  float64: 123,
  bigint: 122,
  false: 121,
  true: 120,
  string: 119,
  object: 118,
  array: 117,
  bytes: 116,
} as const
