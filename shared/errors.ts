/**
 * The one table of error codes. Every failure that a peer, an HTTP caller or a log line sees carries one of
 * these codes; nobody matches message text.
 */

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

export interface ErrorFacts {
  /** HTTP status where the failure is answered over HTTP (a refused upgrade included). */
  readonly http: number
  /** WebSocket close code: 4400–4499 permanent, 4500–4599 come back later. */
  readonly close: number
  /** Whether the same request may succeed later without being changed. */
  readonly retryable: boolean
  readonly level: LogLevel
  /** Shown where the thrower gave no message of its own. */
  readonly text: string
}

const facts = (http: number, close: number, retryable: boolean, level: LogLevel, text: string): ErrorFacts =>
  Object.freeze({ http, close, retryable, level, text })

export const ERRORS = Object.freeze({
  malformed: facts(400, 4400, false, 'warn', 'malformed message'),
  bad_name: facts(400, 4400, false, 'warn', 'not a valid space name'),
  bad_request: facts(400, 4400, false, 'warn', 'bad request'),
  unauthenticated: facts(401, 4401, false, 'warn', 'no valid token'),
  forbidden: facts(403, 4403, false, 'warn', 'access denied'),
  revoked: facts(403, 4403, false, 'info', 'access revoked'),
  origin_denied: facts(403, 4403, false, 'warn', 'origin not allowed'),
  not_found: facts(404, 4404, false, 'info', 'not found'),
  no_method: facts(405, 4400, false, 'info', 'this path has no such method'),
  space_deleted: facts(404, 4404, false, 'info', 'this space was deleted'),
  incarnation_conflict: facts(409, 4409, false, 'warn', 'the local copy belongs to another incarnation'),
  replaced: facts(409, 4410, false, 'info', 'replaced by a newer connection of the same client'),
  gap: facts(409, 4400, true, 'info', 'the update builds on changes that the server lacks'),
  no_session: facts(404, 4500, true, 'info', 'this session has ended'),
  out_of_order: facts(409, 4500, true, 'info', 'a request of this session is missing'),
  too_large: facts(413, 4413, false, 'warn', 'too large'),
  protocol_version: facts(426, 4426, false, 'warn', 'unsupported protocol version'),
  read_only: facts(403, 4403, false, 'info', 'this role may not edit'),
  unappliable: facts(422, 4400, false, 'warn', 'the update cannot be applied'),
  internal: facts(500, 4500, true, 'error', 'internal error'),
  load_failed: facts(503, 4500, true, 'error', 'the space could not be loaded'),
  token_expired: facts(401, 4501, true, 'info', 'the token has expired'),
  draining: facts(503, 4503, true, 'info', 'the server is shutting down'),
  degraded: facts(503, 4503, true, 'error', 'storage is degraded'),
  quarantined: facts(503, 4503, true, 'error', 'this space is read-only until it is repaired'),
  too_slow: facts(503, 4508, true, 'info', 'the connection reads too slowly'),
  disconnected: facts(503, 4500, true, 'info', 'disconnected by an administrator'),
  not_connected: facts(503, 4503, true, 'info', 'there is no connection to the server'),
  rate_limited: facts(429, 4529, true, 'warn', 'too many requests'),
} satisfies Record<string, ErrorFacts>)

export type ErrorCode = keyof typeof ERRORS

export interface PlenumErrorOptions {
  readonly cause?: unknown
  readonly retryAfterMs?: number | null
}

/** The only error class that crosses a layer. `cause` is for the log and never leaves the process. */
export class PlenumError extends Error {
  readonly code: ErrorCode
  /** After what time the same request may succeed, ms; null where nobody knows better than the code. */
  readonly retryAfterMs: number | null

  constructor(code: ErrorCode, message: string = ERRORS[code].text, options: PlenumErrorOptions = {}) {
    super(message, options)
    this.name = 'PlenumError'
    this.code = code
    this.retryAfterMs = options.retryAfterMs ?? null
  }

  get facts(): ErrorFacts {
    return ERRORS[this.code]
  }
}

/** Wraps what is not ours as `internal`, so that every edge handles exactly one error class. */
export const toPlenumError = (error: unknown): PlenumError =>
  error instanceof PlenumError ? error : new PlenumError('internal', ERRORS.internal.text, { cause: error })

/** The compiler's proof that a switch covers its union; at run time a wrong value is our own bug. */
export const assertNever = (value: never): never => {
  throw new PlenumError('internal', `unexpected value: ${JSON.stringify(value)}`)
}
