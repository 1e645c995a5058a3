/** One compaction: planned on the compactor's thread, stored by the writer's, told to the observer. */
import type { SpaceName } from '../../../shared/names.js'
import type { Observer } from '../../space/observer.js'
import type { CompactionOutcome } from '../../space/update-store.js'
import type { CompactionResult } from './messages.js'
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
      const stored = await workers.writer.call(
        'store-snapshot',
        { snapshot, nowMs: now() },
        { transfer: [snapshot.update.buffer as ArrayBuffer] },
      )
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
