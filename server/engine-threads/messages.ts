/**
 * What crosses between the server and an engine thread: calls one way, answers the other, several of each in one
 * message. Bytes travel in buffers that are nobody else's: what a caller holds may be a view into a large pool.
 */
import type { ErrorCode } from '../../shared/errors.js'
import type { SpaceName } from '../../shared/names.js'
import type { ApplyResult, EngineInput, Folded, IntentionsFound, Root } from '../space/engine.js'

export type Request =
  | {
      readonly op: 'fold'
      readonly space: SpaceName
      readonly updates: readonly Uint8Array[]
      readonly isBrief: boolean
    }
  | { readonly op: 'open'; readonly space: SpaceName; readonly updates: readonly Uint8Array[] }
  | { readonly op: 'apply'; readonly space: SpaceName; readonly batch: readonly EngineInput[] }
  | { readonly op: 'state-vector'; readonly space: SpaceName }
  | { readonly op: 'diff'; readonly space: SpaceName; readonly stateVector: Uint8Array | null }
  /** As `open` with one update, kept only where the document encodes to the very same bytes. */
  | { readonly op: 'adopt'; readonly space: SpaceName; readonly update: Uint8Array }
  | { readonly op: 'intentions'; readonly space: SpaceName }
  | { readonly op: 'json'; readonly space: SpaceName; readonly roots: readonly Root[] | null }
  | { readonly op: 'close'; readonly space: SpaceName }

export interface Responses {
  readonly fold: Folded | null
  readonly open: null
  readonly apply: ApplyResult
  readonly 'state-vector': Uint8Array
  readonly diff: Uint8Array
  readonly intentions: IntentionsFound
  /** The text of it: it is large, and a clone of it would take longer than the text. */
  readonly json: string
  /** Whether it was kept. */
  readonly adopt: boolean
  readonly close: null
}

export type Call = Request & { readonly number: number }

export type Answer = {
  readonly number: number
  /** How long the thread worked on it. */
  readonly costMs: number
} & (
  | { readonly response: Responses[keyof Responses] }
  | { readonly failure: { readonly code: ErrorCode; readonly message: string; readonly stack: string } }
)

/** What a thread is told when it starts. */
export interface ThreadData {
  /** Numbers that say what is worked on: see `PROGRESS`. */
  readonly progress: SharedArrayBuffer
  /** It gives way to the other threads where there is not time for all. */
  readonly isYielding: boolean
}

/** Places in the shared numbers, readable while the thread is stuck. */
export const PROGRESS = {
  /** The number of the call that is worked on; 0 for none. */
  call: 0,
  /** The input of its batch; −1 for none. */
  input: 1,
  /** The kernel's number of the thread; 0 where it is not known. */
  thread: 2,
} as const
export const PROGRESS_BYTES = 12

/** From this size on a buffer is moved and not copied. */
const MIN_MOVED_BYTES = 16 * 1024

/** The request with its bytes in a buffer of their own, and what of it is to be moved. */
export const packRequest = (request: Request): { request: Request; moved: ArrayBuffer[] } => {
  switch (request.op) {
    case 'fold':
    case 'open': {
      const { views, moved } = pack(request.updates)
      return { request: { ...request, updates: views }, moved }
    }
    case 'apply': {
      const { views, moved } = pack(request.batch.map(({ update }) => update))
      const batch = request.batch.map((input, i) => ({ ...input, update: views[i]! }))
      return { request: { ...request, batch }, moved }
    }
    case 'diff': {
      if (request.stateVector === null) return { request, moved: [] }
      const { views, moved } = pack([request.stateVector])
      return { request: { ...request, stateVector: views[0]! }, moved }
    }
    case 'adopt': {
      const { views, moved } = pack([request.update])
      return { request: { ...request, update: views[0]! }, moved }
    }
    case 'state-vector':
    case 'intentions':
    case 'json':
    case 'close':
      return { request, moved: [] }
  }
}

/** Bytes that came out of the engine are the caller's: large ones are moved where they own their memory. */
export const movedOf = (response: Responses[keyof Responses]): ArrayBuffer[] => {
  if (response instanceof Uint8Array) return owned([response])
  if (response === null || typeof response !== 'object' || 'intentions' in response) return []
  if ('update' in response)
    return owned([response.update, ...(response.deletions === null ? [] : [response.deletions])])
  if (response.type === 'broken') return []
  return owned(response.updates)
}

export const bytesOf = (request: Request): number => {
  switch (request.op) {
    case 'fold':
    case 'open':
      return request.updates.reduce((sum, update) => sum + update.length, 0)
    case 'apply':
      return request.batch.reduce((sum, { update }) => sum + update.length, 0)
    case 'diff':
      return request.stateVector?.length ?? 0
    case 'adopt':
      return request.update.length
    case 'state-vector':
    case 'intentions':
    case 'json':
    case 'close':
      return 0
  }
}

const pack = (parts: readonly Uint8Array[]): { views: Uint8Array[]; moved: ArrayBuffer[] } => {
  const buffer = new ArrayBuffer(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  const views = parts.map(part => {
    const view = new Uint8Array(buffer, at, part.length)
    view.set(part)
    at += part.length
    return view
  })
  return { views, moved: buffer.byteLength >= MIN_MOVED_BYTES ? [buffer] : [] }
}

const owned = (views: readonly Uint8Array[]): ArrayBuffer[] => [
  ...new Set(
    views
      .filter(({ buffer, byteLength }) => byteLength >= MIN_MOVED_BYTES && buffer.byteLength === byteLength)
      .map(({ buffer }) => buffer as ArrayBuffer),
  ),
]
