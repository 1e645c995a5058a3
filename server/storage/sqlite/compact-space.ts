/** One compaction: planned on the compactor's thread, stored by the writer's, told to the observer. */
import type { SpaceName } from '../../../shared/names.js'
import type { Observer } from '../../space/observer.js'
import type { CompactionOutcome } from '../../space/update-store.js'
import type { CompactionResult } from './messages.js'
import { PART_BYTES, type PartToStore } from './snapshot-parts.js'
import type { SnapshotToStore } from './store-snapshot.js'
import type { Workers } from './workers.js'

/** A space that is written to while it is repaired is tried again this often. */
const REPAIR_ATTEMPTS = 3

export interface CompactOptions {
  readonly workers: Pick<Workers, 'compactor' | 'writer'>
  readonly observer: Observer
  readonly now: () => number
  /** For each attempt. */
  readonly timeoutMs: number
  /** A quarantine that is not in the table yet. */
  readonly onQuarantine: (reason: string) => void
}

/** @throws Error where a worker fails or takes too long */
export const compactSpace = async (space: SpaceName, options: CompactOptions): Promise<CompactionOutcome> => {
  const { workers, timeoutMs } = options
  for (let attempt = 0; attempt < REPAIR_ATTEMPTS; attempt++) {
    // What waits is compacted with the rest.
    await workers.writer.call('fold-space', { space })
    const result = await workers.compactor.call('compact', { space }, { timeoutMs })
    const outcome = await storeResult(space, result, options)
    if (outcome !== 'written-meanwhile') return outcome
  }
  return { type: 'skipped', why: 'written-meanwhile' }
}

const storeResult = async (
  space: SpaceName,
  result: CompactionResult,
  { workers, observer, now, onQuarantine }: CompactOptions,
): Promise<CompactionOutcome | 'written-meanwhile'> => {
  switch (result.type) {
    case 'nothing':
      return { type: 'skipped', why: 'nothing-to-do' }
    case 'quarantine':
      if (!result.isKept) onQuarantine(result.reason)
      return { type: 'quarantined', reason: result.reason }
    case 'snapshot': {
      const { snapshot, dropped } = result
      const { position } = snapshot
      const bytes = snapshot.update.length
      await clearRubbish(workers)
      const rest = await storeParts(snapshot, workers)
      const stored = await workers.writer.call(
        'store-snapshot',
        { snapshot: rest, nowMs: now() },
        { transfer: [rest.update.buffer as ArrayBuffer] },
      )
      await clearRubbish(workers)
      if (stored === 'superseded') return { type: 'skipped', why: 'superseded' }
      if (stored === 'written-meanwhile') return stored
      observer.count('compactions')
      if (!snapshot.isRepair) return { type: 'compacted', position, bytes }
      observer.count('repairs')
      observer.report('error', 'a space was repaired by leaving inputs out', { space, dropped })
      return { type: 'repaired', position, bytes, dropped }
    }
  }
}

/** Stores all but the end of a large snapshot, so that appends pass in between. @returns what is left to store */
const storeParts = async (
  snapshot: SnapshotToStore,
  { writer }: Pick<Workers, 'writer'>,
): Promise<SnapshotToStore> => {
  const { update } = snapshot
  let id: number | null = null
  let part = 0
  for (; (part + 1) * PART_BYTES < update.length; part++) {
    const payload = update.slice(part * PART_BYTES, (part + 1) * PART_BYTES)
    const request: PartToStore = { snapshot: id, part, payload }
    id = await writer.call('store-part', request, { transfer: [payload.buffer] })
  }
  if (id === null) return snapshot
  return { ...snapshot, update: update.slice(part * PART_BYTES), parts: { snapshot: id, count: part } }
}

/** What is left of snapshots that are gone; where it cannot be removed now, the next compaction does it. */
const clearRubbish = async ({ writer }: Pick<Workers, 'writer'>): Promise<void> => {
  let isLeft = true
  // A little at a time: appends pass in between.
  while (isLeft) isLeft = await writer.call('clear-rubbish', null).catch(() => false)
}
