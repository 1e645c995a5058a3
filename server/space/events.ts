/**
 * The port through which the core tells an application what became of its spaces and their members, after the fact.
 * Putting an event together costs; whoever tells asks first whether anybody listens.
 */
import type { SpaceName } from '../../shared/names.js'
import type { LeaveReason } from '../../shared/protocol/index.js'

export interface SpaceEvents {
  /** It is in memory: somebody asked for it. */
  'space-opened': { readonly space: SpaceName }
  /** It has left memory: empty for a while, failed, or at the end. */
  'space-closed': { readonly space: SpaceName }
  /**
   * Everything up to `position` is on disk; `users` brought what was written (who deletes is not kept). Once per
   * commit.
   */
  saved: { readonly space: SpaceName; readonly position: number; readonly users: readonly string[] }
  /** With their first connection. */
  'member-joined': { readonly space: SpaceName; readonly user: string; readonly name: string | null }
  /** With their last one. */
  'member-left': { readonly space: SpaceName; readonly user: string; readonly reason: LeaveReason }
  /** Storage takes no writes; nothing is acknowledged until it has recovered. */
  degraded: Readonly<Record<never, never>>
  recovered: Readonly<Record<never, never>>
  /** An administrator deleted it, and that is on disk; its connections are about to be closed. */
  'space-deleted': { readonly space: SpaceName }
  /** What is stored of it cannot be read: it is read-only. Told when it is found, and when such a space is opened. */
  quarantined: { readonly space: SpaceName }
}

export type SpaceEventName = keyof SpaceEvents

export const SPACE_EVENT_NAMES: readonly SpaceEventName[] = [
  'space-opened',
  'space-closed',
  'saved',
  'member-joined',
  'member-left',
  'degraded',
  'recovered',
  'space-deleted',
  'quarantined',
]

export interface EventSink {
  /** Whether anybody listens. */
  wants(name: SpaceEventName): boolean
  /** Takes it at once and passes it on later; never throws. */
  tell<Name extends SpaceEventName>(name: Name, event: SpaceEvents[Name]): void
}

export const NOBODY_LISTENS: EventSink = { wants: () => false, tell: () => {} }
