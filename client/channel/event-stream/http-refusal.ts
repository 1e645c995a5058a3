/** What an HTTP answer that is not the wanted one says, as the close that a WebSocket would have ended with. */
import { ERRORS, type ErrorCode } from '../../../shared/errors.js'
import type { Close } from '../connection-closed.js'

const LOST = 1006

export interface Refusal {
  readonly close: Close
  /** Whether it comes from the server itself, and not from something on the way. */
  readonly isAnswer: boolean
}

/** Reads the answer to its end. */
export const readRefusal = async (response: Response): Promise<Refusal> => {
  const { status } = response
  const { code, message } = await response.json().then(asFailure, () => asFailure(null))
  if (code !== null) return { close: { code: ERRORS[code].close, reason: message }, isAnswer: true }
  // A proxy's limit: what was too large once is too large again.
  if (status === 413) return { close: { code: ERRORS.too_large.close, reason: message }, isAnswer: true }
  return { close: { code: LOST, reason: `HTTP status ${status}` }, isAnswer: false }
}

const asFailure = (body: unknown): { readonly code: ErrorCode | null; readonly message: string } => {
  const { code, message } = (body ?? {}) as Record<string, unknown>
  // No space is "not found": a server that says so has no such door.
  const isOurs = typeof code === 'string' && Object.hasOwn(ERRORS, code) && code !== 'not_found'
  return { code: isOurs ? (code as ErrorCode) : null, message: typeof message === 'string' ? message : '' }
}
