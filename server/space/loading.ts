/**
 * Reads what a space's document is made of: what is stored and what is still on its way to the disk. Used to open
 * a space and to rebuild it after an update threw; nothing stays behind a load that fails.
 */
import { PlenumError, toPlenumError } from '../../shared/errors.js'
import type { SpaceName } from '../../shared/names.js'
import type { CommitQueue } from './commit-queue.js'
import { flushBytes } from './commit-queue.js'
import type { Observer } from './observer.js'
import type { LoggedFlush, StoredSpace, UpdateStore } from './update-store.js'

export interface LoadContext {
  readonly store: UpdateStore
  readonly commits: CommitQueue
  readonly observer: Observer
}

export interface LoadedSpace {
  readonly generation: number
  readonly quarantine: string | null
  /** The position of the last flush, on disk or not. */
  readonly position: number
  /** The position of the last flush that is known to be on disk. */
  readonly durablePosition: number
  readonly snapshotBytes: number
  readonly tailBytes: number
  readonly tailUpdates: number
  /** The last flushes, up to `position` and without gaps, as far as they were at hand. */
  readonly flushes: readonly LoggedFlush[]
}

/**
 * @param accept takes the updates that give the document, applied in order
 * @throws load_failed
 */
export const loadSpace = async (
  space: SpaceName,
  context: LoadContext,
  accept: (updates: readonly Uint8Array[]) => Promise<void>,
): Promise<LoadedSpace> => {
  try {
    return await load(space, context, accept)
  } catch (error) {
    if (toPlenumError(error).code !== 'load_failed') throw asLoadFailure(error)
    // What is stored does not build a document: have it repaired, once.
    const outcome = await repair(space, context, error)
    context.observer.report('error', 'space repaired after a failed load', { space, outcome })
    return await load(space, context, accept)
  }
}

const load = async (
  space: SpaceName,
  { store, commits }: LoadContext,
  accept: (updates: readonly Uint8Array[]) => Promise<void>,
): Promise<LoadedSpace> => {
  // Taken before the store is read: whatever is committed meanwhile is then in one of the two.
  const pending = commits.pending(space)
  const stored = await store.load(space)
  if (stored.isDeleted) throw new PlenumError('space_deleted')
  const behind = pending.filter(flush => flush.position > stored.position)
  const flushes = [...stored.tail, ...behind]
  const updates = flushes.flatMap(flush => flush.updates)
  if (stored.snapshot !== null) updates.unshift(stored.snapshot.update)
  await accept(updates)
  return {
    generation: stored.generation,
    quarantine: stored.quarantine,
    position: behind.at(-1)?.position ?? stored.position,
    // What was on its way may be there and not be safe yet: its commit tells.
    durablePosition: Math.min(stored.position, (pending[0]?.position ?? Number.POSITIVE_INFINITY) - 1),
    snapshotBytes: stored.snapshot?.update.length ?? 0,
    tailBytes: flushes.reduce((sum, flush) => sum + flushBytes(flush), 0),
    tailUpdates: tailUpdates(stored),
    flushes: stored.quarantine === null ? flushes : [],
  }
}

const tailUpdates = ({ tail }: StoredSpace): number =>
  tail.reduce((sum, flush) => sum + flush.updates.length, 0)

const repair = async (space: SpaceName, { store }: LoadContext, failure: unknown) => {
  try {
    const outcome = await store.compact(space)
    if (outcome.type === 'repaired' || outcome.type === 'quarantined') return outcome
  } catch (error) {
    throw asLoadFailure(error)
  }
  throw asLoadFailure(failure)
}

const asLoadFailure = (cause: unknown): PlenumError =>
  cause instanceof PlenumError && (cause.code === 'load_failed' || cause.code === 'space_deleted')
    ? cause
    : new PlenumError('load_failed', undefined, { cause })
