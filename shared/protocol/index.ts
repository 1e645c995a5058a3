/** The wire protocol as the server and the client import it. */
export {
  decodeClientMessage,
  decodeServerMessage,
  MAX_SIGNAL_BYTES,
  MAX_TEXT_BYTES,
  MAX_TOKEN_BYTES,
} from './decode.js'
export { EMPTY_AWARENESS_FRAME, EMPTY_UPDATE, encodeMessage } from './encode.js'
export {
  DELIVERY_PARAMETER,
  DELIVERY_POLL,
  decodeFrames,
  EVENT_STREAM_TYPE,
  encodeFrames,
  FRAMES_TYPE,
  MAX_BODY_FRAMES,
  MAX_SHARED_BODY_BYTES,
  POLL_HEADER,
  PROBE_FRAME,
  parseStreamClosed,
  parseStreamOpened,
  SEQUENCE_HEADER,
  SESSION_HEADER,
  STREAM_EVENT,
  type StreamClosed,
  type StreamOpened,
  SUBPROTOCOL_PROBE,
} from './event-stream.js'
export {
  type AccessChanged,
  type Authenticate,
  type ClientMessage,
  type DocumentMessage,
  type LeaveReason,
  type Limits,
  MESSAGE,
  type Notice,
  type NoticeKind,
  type Rejected,
  type Roster,
  type RosterMember,
  type Saved,
  type ServerMessage,
  type Signal,
  type Signalled,
  SYNC,
  type Welcome,
} from './messages.js'
export { NO_RENEWALS, RENEWALS_PARAMETER } from './renewals.js'
export { formatResumePoint, parseResumePoint, RESUME_PARAMETER, type ResumePoint } from './resume-point.js'
export {
  BEARER_PREFIX,
  MIN_SUPPORTED_VERSION,
  PROTOCOL_VERSION,
  SUBPROTOCOL_PLENUM,
  SUBPROTOCOL_STOCK,
} from './version.js'
