/**
 * What follows from a compaction for the space, where it is open: its log begins behind the snapshot, or what was
 * found when the snapshot was verified ends it. Nobody goes on with content that the disk no longer has.
 */
import { assertNever } from '../../shared/errors.js'
import type { SpaceName } from '../../shared/names.js'
import type { CommitQueue } from './commit-queue.js'
import type { EventSink } from './events.js'
import type { OpenSpaces } from './open-spaces.js'
import type { Space } from './space.js'
import type { CompactionOutcome, UpdateStore } from './update-store.js'

export interface FollowingOptions {
  readonly spaces: OpenSpaces
  readonly commits: CommitQueue
  readonly store: UpdateStore
  readonly events: EventSink
}

/** The store has counted and reported the outcome. */
export const followCompaction = async (
  name: SpaceName,
  outcome: CompactionOutcome,
  options: FollowingOptions,
): Promise<void> => {
  const { spaces, events } = options
  // A space that is being loaded may have read what was there before.
  await spaces.loading(name)
  const space = spaces.opened(name)
  if (space === undefined) return
  switch (outcome.type) {
    case 'compacted':
      space.compacted(outcome.bytes)
      return
    case 'skipped':
      space.compacted(null)
      if (outcome.why === 'written-meanwhile') await compactAtRest(space, options)
      return
    case 'repaired':
      // The content is no longer what its connections have: they come back to the new incarnation.
      space.closeSessions('internal', 'the space was repaired')
      spaces.evict(space)
      return
    case 'quarantined':
      space.quarantine()
      events.tell('quarantined', { space: name })
      return
    default:
      assertNever(outcome)
  }
}

/** A space that needs a repair and is written to all the time is closed for it; who comes back waits. */
const compactAtRest = async (space: Space, { spaces, commits, store }: FollowingOptions): Promise<void> => {
  space.closeSessions('internal', 'the space is being repaired')
  await spaces.retire(space, {
    work: async () => {
      await commits.whenSaved(space.name)
      await store.compact(space.name)
    },
  })
}
