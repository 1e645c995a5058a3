/** Messages to bytes. Every function returns a fresh buffer that the caller owns. */
import * as encoding from 'lib0/encoding'
import { assertNever } from '../errors.js'
import {
  AUTH_PERMISSION_DENIED,
  type ClientMessage,
  LEAVE_REASONS,
  MESSAGE,
  NOTICES,
  type RosterMember,
  type ServerMessage,
  SYNC,
} from './messages.js'

/** An awareness update without entries: what a quiet connection is sent so that stock clients stay. */
export const EMPTY_AWARENESS_FRAME: Uint8Array = Uint8Array.of(MESSAGE.awareness, 1, 0)

/** A Yjs update without structs and deletions. Shared: never to be changed. */
export const EMPTY_UPDATE: Uint8Array = Uint8Array.of(0, 0)

export const encodeMessage = (message: ClientMessage | ServerMessage): Uint8Array => {
  switch (message.type) {
    case 'step1':
      return bytesMessage(MESSAGE.sync, SYNC.step1, message.stateVector)
    case 'step2':
      return bytesMessage(MESSAGE.sync, SYNC.step2, message.update)
    case 'update':
      return bytesMessage(MESSAGE.sync, SYNC.update, message.update)
    case 'awareness':
      return bytesMessage(MESSAGE.awareness, null, message.entries)
    default:
      return encoding.encode(e => writeSmall(e, message))
  }
}

type BytesMessage = Extract<
  ClientMessage | ServerMessage,
  { type: 'step1' | 'step2' | 'update' | 'awareness' }
>

const writeSmall = (
  e: encoding.Encoder,
  message: Exclude<ClientMessage | ServerMessage, BytesMessage>,
): void => {
  switch (message.type) {
    case 'query-awareness':
      encoding.writeVarUint(e, MESSAGE.queryAwareness)
      return
    case 'permission-denied':
      encoding.writeVarUint(e, MESSAGE.auth)
      encoding.writeVarUint(e, AUTH_PERMISSION_DENIED)
      encoding.writeVarString(e, message.reason)
      return
    case 'welcome':
      encoding.writeVarUint(e, MESSAGE.welcome)
      encoding.writeVarUint(e, message.version)
      encoding.writeVarString(e, message.session)
      encoding.writeVarString(e, message.incarnation)
      encoding.writeVarString(e, message.epoch)
      encoding.writeVarString(e, message.user)
      encoding.writeVarString(e, message.role)
      encoding.writeVarUint(e, message.serverTimeMs)
      encoding.writeVarUint(e, message.limits.maxFrameBytes)
      encoding.writeVarUint(e, message.limits.maxDocumentBytes)
      encoding.writeVarUint(e, message.limits.maxAwarenessBytes)
      encoding.writeVarUint(e, message.expiresAtMs)
      return
    case 'saved':
      encoding.writeVarUint(e, MESSAGE.saved)
      encoding.writeVarUint(e, message.count)
      encoding.writeVarUint(e, message.position)
      return
    case 'rejected':
      encoding.writeVarUint(e, MESSAGE.rejected)
      encoding.writeVarUint(e, message.number)
      encoding.writeVarString(e, message.code)
      encoding.writeVarString(e, message.reason)
      return
    case 'authenticate':
      encoding.writeVarUint(e, MESSAGE.authenticate)
      encoding.writeVarString(e, message.token)
      return
    case 'access':
      encoding.writeVarUint(e, MESSAGE.access)
      encoding.writeVarString(e, message.role)
      encoding.writeVarUint(e, message.expiresAtMs)
      return
    case 'roster':
      encoding.writeVarUint(e, MESSAGE.roster)
      encoding.writeVarUint(e, message.isWhole ? 1 : 0)
      encoding.writeVarUint(e, message.serverTimeMs)
      encoding.writeVarUint(e, message.members.length)
      for (const member of message.members) writeMember(e, member)
      encoding.writeVarUint(e, message.forgotten.length)
      for (const user of message.forgotten) encoding.writeVarString(e, user)
      return
    case 'signal':
      encoding.writeVarUint(e, MESSAGE.signal)
      encoding.writeVarString(e, message.to ?? '')
      encoding.writeVarString(e, message.json)
      return
    case 'signalled':
      encoding.writeVarUint(e, MESSAGE.signal)
      encoding.writeVarString(e, message.from)
      encoding.writeVarUint(e, message.isDirect ? 1 : 0)
      encoding.writeVarString(e, message.json)
      return
    case 'notice':
      encoding.writeVarUint(e, MESSAGE.notice)
      encoding.writeVarUint(e, NOTICES.indexOf(message.kind))
      encoding.writeVarUint(e, message.retryAfterMs)
      return
    default:
      assertNever(message)
  }
}

/** A member with connections has not left: the reason is written only where there are none. */
const writeMember = (e: encoding.Encoder, member: RosterMember): void => {
  encoding.writeVarString(e, member.user)
  encoding.writeVarString(e, member.name ?? '')
  encoding.writeVarUint(e, member.connections)
  encoding.writeVarUint(e, member.joinedAtMs)
  encoding.writeVarUint(e, member.lastSeenMs)
  if (member.left === null) return
  encoding.writeVarUint(e, member.left.atMs)
  encoding.writeVarUint(e, LEAVE_REASONS.indexOf(member.left.reason))
}

/** type, optional subtype, length, payload: built at its exact size, with one copy of the payload. */
const bytesMessage = (type: number, subtype: number | null, payload: Uint8Array): Uint8Array => {
  const head = subtype === null ? 1 : 2
  let lengthBytes = 1
  for (let rest = payload.length; rest > 0x7f; rest = Math.floor(rest / 128)) lengthBytes++
  const frame = new Uint8Array(head + lengthBytes + payload.length)
  frame[0] = type
  if (subtype !== null) frame[1] = subtype
  let at = head
  let rest = payload.length
  while (rest > 0x7f) {
    frame[at++] = 0x80 | (rest & 0x7f)
    rest = Math.floor(rest / 128)
  }
  frame[at++] = rest
  frame.set(payload, at)
  return frame
}
