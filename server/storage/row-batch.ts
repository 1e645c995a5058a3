/**
 * Many rows in one buffer: how rows cross between threads, so that thousands of small arrays are neither
 * cloned nor transferred one by one. Never stored.
 */
import * as decoding from 'lib0/decoding'
import * as encoding from 'lib0/encoding'
import { expectEnd, readBytes, readList, readText } from './byte-fields.js'
import type { LogRow } from './log-row.js'

/** The buffer is fresh and may be transferred. */
export const encodeRowBatch = (rows: readonly LogRow[]): Uint8Array<ArrayBuffer> =>
  encoding.encode(e => {
    encoding.writeVarUint(e, rows.length)
    for (const row of rows) {
      encoding.writeVarString(e, row.space)
      encoding.writeVarUint(e, row.first)
      encoding.writeVarUint(e, row.last)
      encoding.writeVarUint(e, row.checksum)
      encoding.writeVarUint8Array(e, row.payload)
    }
  }) as Uint8Array<ArrayBuffer>

/** The payloads are views into the batch. */
export const decodeRowBatch = (batch: Uint8Array): LogRow[] => {
  const d = decoding.createDecoder(batch)
  const rows = readList(d, () => ({
    space: readText(d),
    first: decoding.readVarUint(d),
    last: decoding.readVarUint(d),
    checksum: decoding.readVarUint(d),
    payload: readBytes(d),
  }))
  expectEnd(d)
  return rows
}
