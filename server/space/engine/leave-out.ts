/** An update without the structs of some clients. What builds on them is then a gap, as if they were still to come. */
import * as encoding from 'lib0/encoding'
import { readSections } from './update-reader.js'

/** @param update one that was read without complaint @returns an update of its own memory */
export const leaveOut = (update: Uint8Array, isLeftOut: (client: number) => boolean): Uint8Array => {
  const { sections } = readSections(update)
  const kept = sections.filter(({ client }) => !isLeftOut(client))
  const deletionsFrom = sections.at(-1)?.to
  if (deletionsFrom === undefined) return update
  return encoding.encode(e => {
    encoding.writeVarUint(e, kept.length)
    for (const { client, clock, count, from, to } of kept) {
      encoding.writeVarUint(e, count)
      encoding.writeVarUint(e, client)
      encoding.writeVarUint(e, clock)
      encoding.writeUint8Array(e, update.subarray(from, to))
    }
    encoding.writeUint8Array(e, update.subarray(deletionsFrom))
  })
}
