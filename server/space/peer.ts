/**
 * The port between a space and one connection, whatever the door it came through. Frames handed to `send`
 * are shared between peers: an implementation never changes them, and neither does the caller afterwards.
 */
import type { ErrorCode } from '../../shared/errors.js'
import type { SpaceName } from '../../shared/names.js'
import type { Role } from '../../shared/roles.js'

export interface Peer {
  /** Bytes taken by `send` that the operating system has not taken yet. */
  readonly bufferedBytes: number
  /** Queues one frame, in order. Does nothing on a connection that is closing. */
  send(frame: Uint8Array): void
  /** Closes with the code's WebSocket close code; frames already sent go out first. Idempotent. */
  close(code: ErrorCode, reason?: string): void
}

/** Who is behind a connection and what they may do: the result of the gate. */
export interface Access {
  /** The token's `sub`. */
  readonly user: string
  /** The token's `name`, for show. */
  readonly name: string | null
  readonly role: Role
  /** When the token ends, ms since 1970; null where it does not. */
  readonly expiresAtMs: number | null
}

/** Who asks for something that names no space, and what they may do where: another result of the gate. */
export interface Scope {
  readonly user: string
  /** The role on a space, or null. */
  roleOn(space: SpaceName): Role | null
  /** The role on every space that there is or will be, or null. */
  readonly everywhere: Role | null
}

/** `plenum`: the client offered `plenum.v1` and gets types from 100; `stock`: it gets types 0–3 only. */
export type Dialect = 'plenum' | 'stock'
