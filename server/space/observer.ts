/**
 * The port through which the core tells what happened: counted and timed events become metrics, reports become log
 * lines.
 */
import type { LogLevel } from '../../shared/errors.js'

export const COUNTED_EVENTS = {
  document_messages: 'Document messages handled',
  updates_relayed: 'Update frames written to peers',
  flushes: 'Engine batches applied',
  gaps: 'Updates that built on structs the server lacks',
  pending_dropped: 'Step 2 messages whose own pending rest was dropped',
  held: 'Document messages with another user’s next clocks, which were left out and asked for again',
  rejections: 'Document messages refused for good',
  reader_extras: 'Edits left out of a reader’s step 2',
  discarded: 'Document messages discarded unacknowledged while storage was degraded',
  rebuilds: 'Documents rebuilt because an update threw while it was integrated',
  stuck: 'Engine calls that took longer than they may, or ended their thread',
  thread_restarts: 'Engine threads that were stuck or died',
  moved_apart: 'Spaces moved to a thread apart because they cost much',
  suspensions: 'Spaces made read-only or refused for a while because the engine got stuck in them',
  slowed:
    'Times a connection was not read from: its messages had cost the engine too much, or it announced too often',
  too_costly: 'Connections closed because their messages cost the engine too much all the same',
  desk_edits: 'Edits that came without a connection and are on disk',
  turned_away: 'Questions and edits without a connection refused: too many wait, or they cost too much',
  collapses: 'Times a slow peer stopped being queued for',
  resumes: 'Connections that were sent only what came after the position they had',
  catch_ups: 'Catch-up diffs sent to slow peers',
  too_slow: 'Peers closed because nothing drained until the deadline',
  awareness_dropped: 'Awareness entries dropped: not the connection’s own clientID, or not acceptable',
  signals: 'Signals passed on',
  signals_limited: 'Signals dropped because their sender, or the whole space, sent too many',
  signals_refused: 'Signals dropped because their sender may not send any, or not this',
  replaced: 'Connections replaced by a newer one of the same client',
  read_rests: 'Times the event loop rested, so that more messages are read at a time',
  commits: 'Group commits',
  commit_failures: 'Group commits that failed',
  loads: 'Spaces loaded',
  load_failures: 'Spaces that could not be loaded',
  evictions: 'Spaces evicted',
  listener_failures: 'Listeners of the application that threw or rejected',
  wakes: 'Documents built from resting bytes because they were needed',
  rests: 'Documents freed because nobody edited them for a while, and kept as bytes',
  compactions: 'Verified snapshots stored',
  repairs: 'Spaces repaired by leaving an input out',
  quarantines: 'Spaces made read-only because their stored state cannot be read',
} as const

export type CountedEvent = keyof typeof COUNTED_EVENTS

export const TIMED_EVENTS = {
  commit: 'Time that a group commit took, its sync included',
} as const

export type TimedEvent = keyof typeof TIMED_EVENTS

export interface Observer {
  count(event: CountedEvent, by?: number): void
  timed(event: TimedEvent, durationMs: number): void
  /** One structured log line. Details never hold a token or document content. */
  report(level: LogLevel, what: string, details?: Readonly<Record<string, unknown>>): void
}
