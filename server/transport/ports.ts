/**
 * What a door needs from the rest: the gate, the admission, the spaces, and somebody to tell. Each is kept as
 * small as the door's use of it; the service wires the real ones in.
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { ErrorCode, LogLevel } from '../../shared/errors.js'
import type { SpaceName } from '../../shared/names.js'
import type { LeaveReason, ResumePoint } from '../../shared/protocol/index.js'
import type { Access, Dialect, Peer, Scope } from '../space/peer.js'

export interface Gate {
  /** @throws unauthenticated, token_expired, forbidden */
  admit(
    credentials: {
      readonly subprotocols: readonly string[]
      readonly authorization: string | undefined
      readonly query: URLSearchParams
      /** All of the request's. */
      readonly headers?: IncomingHttpHeaders
      readonly address?: string
    },
    space: SpaceName,
  ): Promise<Access>
  /** @throws unauthenticated, token_expired, forbidden */
  renew(token: string, space: SpaceName, user: string): Promise<Access>
  /** For requests that name no space, where the gate can tell. @throws unauthenticated, token_expired */
  scope?(credentials: Parameters<Gate['admit']>[0]): Promise<Scope>
}

export interface Refusal {
  readonly code: ErrorCode
  readonly message: string
  /** When to come back, ms; null leaves it to the code. */
  readonly retryAfterMs: number | null
}

/** One connection's place among those that the server holds. */
export interface Place {
  /** What was claimed. */
  readonly seat: { readonly space: SpaceName; readonly dialect: Dialect } | null
  failed(nowMs: number): void
  claim(space: SpaceName, access: Access, dialect: Dialect, nowMs: number): Refusal | null
  closed(code: ErrorCode, nowMs: number): void
  leave(): void
}

/** A request that counts until it is over. */
export interface Visit {
  /** Idempotent. */
  leave(): void
}

export interface Admission {
  /** Takes a place for one connection. */
  enter(address: string, origin: OriginCheck, nowMs: number): Place | Refusal
  /** Why somebody who wants no place is not listened to; null where they are. */
  glance(address: string, origin: OriginCheck, nowMs: number): Refusal | null
  /** Somebody without a place had no good token. */
  failed(address: string, nowMs: number): void
  /** A user whose token is good begins a request that is no connection's. */
  visit(user: string, nowMs: number): Visit | Refusal
  allowsOrigin(origin: OriginCheck): boolean
}

export interface OriginCheck {
  readonly origin: string | undefined
  readonly host: string | undefined
}

/** `watch`: the stream for programs, which only tells. */
export type Door = 'websocket' | 'event_stream' | 'watch'

/** A connection as its space sees it from the inside. */
export interface Session {
  /**
   * Takes one frame; copies what outlives the call. A promise asks for no more frames until it settles.
   */
  receive(frame: Uint8Array): void | Promise<void>
  /** The operating system took everything that was buffered. */
  drained(): void
  /**
   * The connection is gone, and why.
   * @param unread came before that and was not handed over yet, in order: what it says to others counts
   */
  leave(reason: LeaveReason, unread?: readonly Uint8Array[]): void
}

export interface Spaces {
  /** Rejects with a `PlenumError` and leaves nothing behind. */
  join(
    space: SpaceName,
    peer: Peer,
    options: {
      readonly dialect: Dialect
      readonly access: Access
      /** Judges another token of somebody who is inside. @throws as the gate's `renew` */
      authenticate: Gate['renew']
      /** From where the client wants to go on; null where it does not say, or not readably. */
      readonly after: ResumePoint | null
      /** Whether its client takes others for gone that are not renewed; stock ones do. */
      readonly needsRenewals: boolean
    },
  ): Promise<Session>
}

export interface DoorObserver {
  /** One structured log line. Details never hold a token or document content. */
  report(level: LogLevel, what: string, details?: Readonly<Record<string, unknown>>): void
  opened(dialect: Dialect, door: Door): void
  /** Somebody was refused at a door, or a request beside a connection was. */
  refused(code: ErrorCode): void
  /** A connection ended: by us with a code, by the peer, or because it gave no sign of life. */
  closed(dialect: Dialect, cause: ErrorCode | 'peer' | 'half_open' | 'protocol_error', door: Door): void
}
