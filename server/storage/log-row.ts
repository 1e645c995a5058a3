/**
 * The stored form of a log row: consecutive flushes of one space in one payload, and the checksum that covers
 * the payload together with the row's key. The bytes are a contract with every data folder there is: a change
 * needs a new version number, and version 1 must stay readable.
 *
 * version 1: version, users (texts), first position, flushes; a flush: updates, inputs (user index, update),
 * deliveries (user index, client, clock, length). Lists and byte fields are preceded by their length; all
 * numbers are varUints as in lib0.
 */
import { crc32 } from 'node:zlib'
import * as decoding from 'lib0/decoding'
import * as encoding from 'lib0/encoding'
import { PlenumError } from '../../shared/errors.js'
import type { LogEntry, LoggedFlush } from '../space/update-store.js'
import { expectEnd, readBytes, readList, readText } from './byte-fields.js'

const VERSION = 1

/** A row as it is kept; `payload` holds the flushes of positions first…last. */
export interface LogRow {
  readonly space: string
  readonly first: number
  readonly last: number
  /** CRC-32 over the space's name, first, last and the payload. */
  readonly checksum: number
  readonly payload: Uint8Array
}

/**
 * Encodes a group. The rows share one buffer of their own: for most of them, one each would cost more than its bytes.
 * @throws internal where there is no flush or the positions are not consecutive
 */
export const encodeRows = (entries: readonly LogEntry[]): LogRow[] => {
  const e = encoding.createEncoder()
  const ends = entries.map(({ flushes }) => {
    writePayload(e, flushes)
    return encoding.length(e)
  })
  const bytes = encoding.toUint8Array(e)
  return entries.map(({ space, flushes }, i) => {
    const payload = bytes.subarray(ends[i - 1] ?? 0, ends[i])
    const first = flushes[0]!.position
    const last = first + flushes.length - 1
    return { space, first, last, checksum: rowChecksum({ space, first, last, payload }), payload }
  })
}

/** One entry. The row owns its buffer. @throws internal, as `encodeRows` */
export const encodeRow = (entry: LogEntry): LogRow => encodeRows([entry])[0]!

/**
 * Checks and decodes a row. The flushes' buffers are views into the payload.
 * @throws Error that says what is wrong with the row
 */
export const decodeRow = (row: LogRow): LoggedFlush[] => {
  if (rowChecksum(row) !== row.checksum) throw new Error('the checksum does not match')
  const flushes = decodePayload(row.payload)
  if (flushes[0]?.position !== row.first || flushes.at(-1)?.position !== row.last) {
    throw new Error('the positions inside do not match the key')
  }
  return flushes
}

export const rowChecksum = (row: Omit<LogRow, 'checksum'>): number =>
  crc32(row.payload, crc32(`${row.space}\n${row.first}\n${row.last}\n`))

/** The checksum of a snapshot of `space` at `position`. */
export const snapshotChecksum = (space: string, position: number, update: Uint8Array): number =>
  crc32(update, crc32(`${space}\nsnapshot\n${position}\n`))

const writePayload = (e: encoding.Encoder, flushes: readonly LoggedFlush[]): void => {
  const first = flushes[0]?.position
  if (first === undefined || first < 1) throw misplaced('a row needs flushes at positions from 1')
  const users = new Map<string, number>()
  const indexOf = (user: string): number => {
    const known = users.get(user)
    if (known !== undefined) return known
    users.set(user, users.size)
    return users.size - 1
  }
  for (const { inputs, deliveries } of flushes) {
    for (const { user } of inputs) indexOf(user)
    for (const { user } of deliveries) indexOf(user)
  }
  encoding.writeVarUint(e, VERSION)
  encoding.writeVarUint(e, users.size)
  for (const user of users.keys()) encoding.writeVarString(e, user)
  encoding.writeVarUint(e, first)
  encoding.writeVarUint(e, flushes.length)
  flushes.forEach((flush, i) => {
    if (flush.position !== first + i) throw misplaced('the positions of a row are not consecutive')
    encoding.writeVarUint(e, flush.updates.length)
    for (const update of flush.updates) encoding.writeVarUint8Array(e, update)
    encoding.writeVarUint(e, flush.inputs.length)
    for (const { user, update } of flush.inputs) {
      encoding.writeVarUint(e, indexOf(user))
      encoding.writeVarUint8Array(e, update)
    }
    encoding.writeVarUint(e, flush.deliveries.length)
    for (const { user, client, clock, length } of flush.deliveries) {
      encoding.writeVarUint(e, indexOf(user))
      encoding.writeVarUint(e, client)
      encoding.writeVarUint(e, clock)
      encoding.writeVarUint(e, length)
    }
  })
}

const misplaced = (why: string): PlenumError => new PlenumError('internal', why)

const decodePayload = (payload: Uint8Array): LoggedFlush[] => {
  const d = decoding.createDecoder(payload)
  const version = decoding.readVarUint(d)
  if (version !== VERSION) throw new Error(`row version ${version} is not known`)
  const users = readList(d, () => readText(d))
  const readUser = (): string => {
    const user = users[decoding.readVarUint(d)]
    if (user === undefined) throw new RangeError('a user index beyond the end')
    return user
  }
  let position = decoding.readVarUint(d)
  const flushes = readList(d, () => ({
    position: position++,
    updates: readList(d, () => readBytes(d)),
    inputs: readList(d, () => ({ user: readUser(), update: readBytes(d) })),
    deliveries: readList(d, () => ({
      user: readUser(),
      client: decoding.readVarUint(d),
      clock: decoding.readVarUint(d),
      length: decoding.readVarUint(d),
    })),
  }))
  expectEnd(d)
  return flushes
}
