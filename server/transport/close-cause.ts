/** How a connection came to its end, and how the roster tells of it. */
import type { ErrorCode } from '../../shared/errors.js'
import type { LeaveReason } from '../../shared/protocol/index.js'
import { leaveReasonOf } from '../space/leave-reason.js'

export type CloseCause = ErrorCode | 'peer' | 'half_open' | 'protocol_error'

export const leaveReasonFor = (cause: CloseCause | null): LeaveReason => {
  switch (cause) {
    case null:
    case 'peer':
      return 'closed'
    case 'half_open':
      return 'timeout'
    case 'protocol_error':
      return 'evicted'
    default:
      return leaveReasonOf(cause)
  }
}
