/** What the HTTP API needs from the rest: the lock of the doors, the spaces, and somebody who watches for a stream. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ErrorCode } from '../../../shared/errors.js'
import type { SpaceName } from '../../../shared/names.js'
import type { ResumePoint } from '../../../shared/protocol/index.js'
import type { Access, Scope } from '../../space/peer.js'
import type { SpaceDesk } from '../../space/space-desk.js'
import type { StreamWording } from './wording.js'

export interface ApiPorts {
  readonly desk: SpaceDesk
  /** Whether a page may ask at all; programs, which send no origin, may. */
  isOriginAllowed(request: IncomingMessage): boolean
  /**
   * The request counts among its user's until its answer is gone.
   * @throws unauthenticated, token_expired, forbidden, revoked, rate_limited, origin_denied, draining
   */
  admit(exchange: Exchange, space: SpaceName): Promise<Access>
  /** Who asks for something that names no space. @throws as `admit` */
  survey(exchange: Exchange): Promise<Scope>
  /** As `admit`, and takes a place among the connections. @throws as `admit`; rate_limited where there is none */
  enter(request: IncomingMessage, space: SpaceName): Promise<Entered>
  /** Resolves when the stream has begun; the place is its own from the call on. @throws as joining a space */
  watch(response: ServerResponse, watch: Entered & StreamWish): Promise<void>
  /** The largest body of an edit. */
  readonly maxUpdateBytes: number
  /** How long an answer may wait for a reader who takes nothing of it, ms. */
  readonly slowReaderMs: number
  /** The path in front of every route. */
  readonly basePath: string
  /** The clock, ms since 1970. */
  now(): number
}

/** A request and where its answer goes. */
export interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

/** Somebody who was let in as a connection. */
export interface Entered {
  readonly space: SpaceName
  readonly access: Access
  readonly place: Place
}

/** A connection's place, to be left once. */
export interface Place {
  closed(code: ErrorCode, nowMs: number): void
  leave(): void
}

export interface StreamWish {
  readonly wish: {
    readonly events: ReadonlySet<'snapshot' | 'presence' | 'members' | 'intentions' | 'change'>
    /** Of the copy that the changes are for; null for an empty one. */
    readonly stateVector: Uint8Array | null
    readonly after: ResumePoint | null
  }
  readonly wording: StreamWording
}
