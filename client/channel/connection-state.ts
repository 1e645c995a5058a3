/** How it stands with the connection, in the words that an app shows. */
import { assertNever } from '../../shared/errors.js'
import type { AttemptState } from './attempt-state.js'

export type ConnectionState =
  | { readonly state: 'connecting' }
  | { readonly state: 'connected' }
  /** `retryInMs`: until the next attempt, counted from when this was told; null where none is planned. */
  | { readonly state: 'offline'; readonly retryInMs: number | null }
  /** Nothing more is tried until there is a token that the server takes. */
  | { readonly state: 'needs-auth'; readonly code: number; readonly reason: string }
  /** Nothing more is tried until the app says so. */
  | { readonly state: 'closed'; readonly code: number; readonly reason: string }

export const connectionState = (attempt: AttemptState, nowMs: number): ConnectionState => {
  switch (attempt.phase) {
    case 'idle':
      // After a failure the owner comes back by itself.
      if (attempt.notBeforeMs === 0) return { state: 'offline', retryInMs: null }
      return { state: 'offline', retryInMs: Math.max(0, attempt.notBeforeMs - nowMs) }
    case 'waiting':
      return { state: 'offline', retryInMs: Math.max(0, attempt.notBeforeMs - nowMs) }
    case 'authorizing':
    case 'dialing':
    case 'moving':
      return { state: 'connecting' }
    case 'open':
      return { state: 'connected' }
    case 'stopped':
    case 'parked': {
      const { close, needsAuth } = attempt.stop
      return { state: needsAuth ? 'needs-auth' : 'closed', ...close }
    }
    default:
      return assertNever(attempt)
  }
}
