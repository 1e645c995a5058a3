/**
 * Every message of the wire protocol as data, and the numbers that stand for them. 0–3 are the stock
 * y-websocket protocol (y-protocols `sync`, `awareness`, `auth`); types from 100 travel only where the
 * client offered the subprotocol `plenum.v1`. One message per WebSocket frame.
 */
import type { ErrorCode } from '../errors.js'
import type { Role } from '../roles.js'

export const MESSAGE = Object.freeze({
  sync: 0,
  awareness: 1,
  auth: 2,
  queryAwareness: 3,
  welcome: 100,
  saved: 101,
  rejected: 102,
  authenticate: 103,
  access: 104,
  roster: 105,
  signal: 106,
  notice: 107,
})

/** Second number of a `sync` message. */
export const SYNC = Object.freeze({ step1: 0, step2: 1, update: 2 })

/** Second number of an `auth` message. */
export const AUTH_PERMISSION_DENIED = 0

export interface Step1 {
  readonly type: 'step1'
  readonly stateVector: Uint8Array
}
/** A document message: numbered from 1 per connection by both ends. */
export interface DocumentMessage {
  readonly type: 'step2' | 'update'
  /** A Yjs update, encoding v1. */
  readonly update: Uint8Array
}
export interface AwarenessMessage {
  readonly type: 'awareness'
  /** An awareness update as y-protocols encodes it: count, then (clientID, clock, JSON) each. */
  readonly entries: Uint8Array
}
export interface QueryAwareness {
  readonly type: 'query-awareness'
}
export interface PermissionDenied {
  readonly type: 'permission-denied'
  readonly reason: string
}

export interface Limits {
  readonly maxFrameBytes: number
  readonly maxDocumentBytes: number
  readonly maxAwarenessBytes: number
}
/** The server's first message to a `plenum.v1` client. */
export interface Welcome {
  readonly type: 'welcome'
  readonly version: number
  readonly session: string
  /** Names the life of the space's content: a local copy from another incarnation must not be merged silently. */
  readonly incarnation: string
  /** Positions mean something only within one epoch. */
  readonly epoch: string
  /** Who the token says one is. */
  readonly user: string
  readonly role: Role
  /** Server clock, ms since 1970. */
  readonly serverTimeMs: number
  readonly limits: Limits
  /** When the token ends, ms since 1970; 0 where it does not. */
  readonly expiresAtMs: number
}
/** This connection's document messages 1…`count` are durable or needed no effect. */
export interface Saved {
  readonly type: 'saved'
  readonly count: number
  /** A durable log position, never beyond what this connection was sent. */
  readonly position: number
}
/** Document message `number` was refused, for good; the connection is diverged from here on. */
export interface Rejected {
  readonly type: 'rejected'
  readonly number: number
  readonly code: ErrorCode
  readonly reason: string
}
/** A fresh token, in place. */
export interface Authenticate {
  readonly type: 'authenticate'
  readonly token: string
}
/** Role or expiry changed. */
export interface AccessChanged {
  readonly type: 'access'
  readonly role: Role
  readonly expiresAtMs: number
}
/** Why a member left: closed, heard nothing from, replaced by another connection, or put out. */
export const LEAVE_REASONS = ['closed', 'timeout', 'replaced', 'evicted'] as const
export type LeaveReason = (typeof LEAVE_REASONS)[number]
/** A user in a space, with however many tabs and devices. Times are ms since 1970 on the server's clock. */
export interface RosterMember {
  readonly user: string
  /** For show; null where the token names nobody. */
  readonly name: string | null
  /** How many connections; 0 once the member has left. */
  readonly connections: number
  /** When the unbroken stay began. */
  readonly joinedAtMs: number
  /** The last edit, or change of an awareness state. */
  readonly lastSeenMs: number
  /** Null while there are connections. */
  readonly left: { readonly atMs: number; readonly reason: LeaveReason } | null
}
/** Who is here, and who was: everybody, or what became of some since the last one. */
export interface Roster {
  readonly type: 'roster'
  readonly isWhole: boolean
  /** Server clock, ms since 1970. */
  readonly serverTimeMs: number
  readonly members: readonly RosterMember[]
  /** Users who are not listed any more. */
  readonly forgotten: readonly string[]
}
/** Asks for a signal to be passed on: small, to whoever is there now, and never stored. */
export interface Signal {
  readonly type: 'signal'
  /** A user; null for everybody else in the space. */
  readonly to: string | null
  /** JSON text. */
  readonly json: string
}
/** A signal that was passed on. */
export interface Signalled {
  readonly type: 'signalled'
  /** The user that it is from. */
  readonly from: string
  /** Whether it went to this user alone. */
  readonly isDirect: boolean
  readonly json: string
}
export const NOTICES = [
  'draining',
  'degraded',
  'recovered',
  'read-only',
  'signals-limited',
  'signals-refused',
] as const
export type NoticeKind = (typeof NOTICES)[number]
export interface Notice {
  readonly type: 'notice'
  readonly kind: NoticeKind
  /** For `draining` and `signals-limited`: try again after this many milliseconds; 0 otherwise. */
  readonly retryAfterMs: number
}

export type ClientMessage =
  | Step1
  | DocumentMessage
  | AwarenessMessage
  | QueryAwareness
  | Authenticate
  | Signal
export type ServerMessage =
  | Step1
  | DocumentMessage
  | AwarenessMessage
  | PermissionDenied
  | Welcome
  | Saved
  | Rejected
  | AccessChanged
  | Roster
  | Signalled
  | Notice
