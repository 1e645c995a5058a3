/** How the roster tells of a connection that the server closed with a code. */
import { ERRORS, type ErrorCode } from '../../shared/errors.js'
import type { LeaveReason } from '../../shared/protocol/index.js'

/** The server is going, or a part of it: nobody was put out. */
const OURS: ReadonlySet<ErrorCode> = new Set([
  'internal',
  'load_failed',
  'draining',
  'degraded',
  'quarantined',
])

export const leaveReasonOf = (code: ErrorCode): LeaveReason => {
  if (code === 'replaced') return 'replaced'
  if (ERRORS[code].close === ERRORS.too_slow.close) return 'timeout'
  return OURS.has(code) ? 'closed' : 'evicted'
}
