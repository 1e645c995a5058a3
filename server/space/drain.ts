/**
 * How the spaces of a process end: nothing new is let in, what was received is applied, saved and acknowledged, and
 * every connection is closed, paced. It ends at the deadline at the latest, whatever fails on the way, and says what
 * could not be saved.
 */
import { toPlenumError } from '../../shared/errors.js'
import type { SpaceName } from '../../shared/names.js'
import type { CommitQueue } from './commit-queue.js'
import type { Compactions } from './compactions.js'
import type { MemberJournal } from './member-journal.js'
import type { Observer } from './observer.js'
import type { OpenSpaces } from './open-spaces.js'
import type { Scheduler } from './scheduler.js'

export interface DrainOptions {
  readonly spaces: OpenSpaces
  readonly compactions: Compactions
  readonly commits: CommitQueue
  readonly journal: MemberJournal
  readonly scheduler: Scheduler
  readonly observer: Observer
  /** From now. */
  readonly deadlineMs: number
}

export interface DrainReport {
  /** Spaces with edits that were received and could not be put on disk in time. */
  readonly unsavedSpaces: readonly SpaceName[]
  readonly unsavedBytes: number
}

type Filled = Pick<DrainOptions, 'spaces' | 'commits'>

/** Connections that are closed in one go, and the pause before the next. */
const BATCH = 100
const PAUSE_MS = 10
/** What clients are told to wait before they come back. */
const RETRY_AFTER_MS = 2000

/** Never rejects. */
export const drain = async (options: DrainOptions): Promise<DrainReport> => {
  const { spaces, compactions, commits, journal, scheduler, observer, deadlineMs } = options
  spaces.startDraining()
  compactions.close()
  let cancel = (): void => {}
  const deadline = new Promise<void>(resolve => {
    cancel = scheduler.after(deadlineMs, resolve)
  })
  const inTime = async (step: () => Promise<void>): Promise<void> => {
    try {
      await Promise.race([step(), deadline])
    } catch (cause) {
      observer.report('error', 'a part of the drain failed', { error: toPlenumError(cause) })
    }
  }
  for (const space of spaces.everyOpen()) await inTime(async () => space.notifyDraining(RETRY_AFTER_MS))
  await inTime(() => settle(options))
  await inTime(() => closeAll(options))
  // What arrived until the last connection was closed.
  await inTime(() => settle(options))
  await inTime(() => journal.flush())
  const report = unsaved(options)
  spaces.cutOff()
  commits.close()
  await inTime(() => spaces.end())
  cancel()
  return report
}

/** Resolves when everything that was received is applied and saved. */
const settle = async ({ spaces, commits }: Filled): Promise<void> => {
  await spaces.whenLoaded()
  await Promise.all([...spaces.everyOpen()].map(space => space.whenIdle()))
  await commits.whenIdle()
}

const closeAll = async ({ spaces, scheduler }: Pick<DrainOptions, 'spaces' | 'scheduler'>): Promise<void> => {
  let sincePause = 0
  for (const space of spaces.everyOpen()) {
    while (space.peerCount > 0) {
      sincePause += space.closeSessions('draining', undefined, BATCH - sincePause)
      if (sincePause < BATCH) continue
      sincePause = 0
      await new Promise<void>(resolve => scheduler.after(PAUSE_MS, resolve))
    }
  }
}

const unsaved = ({ spaces, commits }: Filled): DrainReport => {
  const names = new Set(commits.uncommittedSpaces)
  let bytes = commits.uncommittedBytes
  for (const space of spaces.everyOpen()) {
    if (space.unappliedBytes === 0) continue
    names.add(space.name)
    bytes += space.unappliedBytes
  }
  return { unsavedSpaces: [...names], unsavedBytes: bytes }
}
