/** Compaction as a function: what is stored of a space in, what should be stored next out. */
import type { Recovery, Replay } from '../space/engine/replay.js'
import type { DroppedInput, LoggedFlush, StoredSpace } from '../space/update-store.js'

export type CompactionPlan =
  | { readonly type: 'nothing' }
  | { readonly type: 'snapshot'; readonly position: number; readonly update: Uint8Array }
  /** `update` lacks `dropped`; to be stored only if nothing was appended since. */
  | {
      readonly type: 'repair'
      readonly position: number
      readonly update: Uint8Array
      readonly dropped: readonly DroppedInput[]
    }
  | { readonly type: 'quarantine'; readonly reason: string }

/** `server/space/engine/replay.ts`, or a test's. */
export interface Replayer {
  replay(updates: readonly Uint8Array[]): Replay
  recover(snapshot: Uint8Array | null, flushes: readonly LoggedFlush[]): Recovery
}

export const planCompaction = (stored: StoredSpace, { replay, recover }: Replayer): CompactionPlan => {
  if (stored.quarantine !== null) return { type: 'quarantine', reason: stored.quarantine }
  const { snapshot, tail, position } = stored
  if (tail.length === 0) return { type: 'nothing' }
  const replayed = replay([...(snapshot === null ? [] : [snapshot.update]), ...tail.flatMap(updatesOf)])
  if (replayed.type === 'loaded') return { type: 'snapshot', position, update: replayed.update }
  const recovered = recover(snapshot?.update ?? null, tail)
  if (recovered.type === 'failed') {
    return { type: 'quarantine', reason: `${replayed.reason}; no repair: ${recovered.reason}` }
  }
  const { update, dropped } = recovered
  return dropped.length === 0
    ? { type: 'snapshot', position, update }
    : { type: 'repair', position, update, dropped }
}

const updatesOf = (flush: LoggedFlush): readonly Uint8Array[] => flush.updates
