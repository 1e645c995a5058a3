/**
 * Recordings of people writing, as tests replay them. They are not part of the project: they lie beside it, in
 * `../shared/data`, or where PLENUM_TRACES says. Positions count code points, and these three are ASCII.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { gunzipSync } from 'node:zlib'
import type * as Y from 'yjs'

export const TRACE_NAMES = ['automerge-paper', 'sveltecomponent', 'friendsforever'] as const
export type TraceName = (typeof TRACE_NAMES)[number]

/** Position, how many characters to delete there, what to insert. */
export type Patch = readonly [position: number, deleted: number, inserted: string]

export interface Keystroke {
  readonly patches: readonly Patch[]
  /** In the trace of two authors: whose it is, and the keystrokes whose effects its author saw. */
  readonly agent?: number
  readonly parents?: readonly number[]
}

export interface Trace {
  readonly startContent?: string
  readonly endContent: string
  readonly txns: readonly Keystroke[]
}

export const tracesFolder = (): string =>
  process.env.PLENUM_TRACES ?? resolve(import.meta.dirname, '../../../../shared/data')

const fileOf = (name: TraceName): string => join(tracesFolder(), `${name}.json.gz`)

/** Why tests that need the traces cannot run here; null where they can. */
export const whyNoTraces = (): string | null => {
  const missing = TRACE_NAMES.filter(name => !existsSync(fileOf(name)))
  if (missing.length === 0) return null
  return `${missing.map(name => `${name}.json.gz`).join(', ')} not in ${tracesFolder()} (PLENUM_TRACES names another folder)`
}

export const loadTrace = (name: TraceName): Trace =>
  JSON.parse(gunzipSync(readFileSync(fileOf(name))).toString('utf8')) as Trace

/** One patch, one transaction. */
export const applyPatch = (text: Y.Text, [position, deleted, inserted]: Patch): void => {
  text.doc?.transact(() => {
    if (deleted > 0) text.delete(position, deleted)
    if (inserted !== '') text.insert(position, inserted)
  })
}
