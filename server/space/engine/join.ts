/**
 * Joins updates that were relayed one after the other into one, from their bytes alone, typed text into one struct:
 * for whoever has everything before the first. Only for updates of our own making.
 */
import * as encoding from 'lib0/encoding'
import { Deletions, encodeDeletions, readTrusted } from './fold.js'
import { StructWriter } from './run.js'

/** The structs of one client: clocks start…end−1. */
interface Joined {
  readonly start: number
  end: number
  readonly structs: StructWriter
}

/** @returns null where they do not follow each other without a hole */
export const joinUpdates = (updates: readonly Uint8Array[]): Uint8Array | null => {
  if (updates.length === 1) return updates[0]!
  const clients = new Map<number, Joined>()
  const deletions = new Deletions()
  for (const update of updates) {
    const read = readTrusted(update)
    if (read === null) return null
    for (const section of read.sections) {
      const { client, clock, length } = section
      const known = clients.get(client)
      if (section.hasSkip || (known !== undefined && known.end !== clock)) return null
      const joined = known ?? { start: clock, end: clock, structs: new StructWriter() }
      joined.structs.add(update, section, { client, clock, length })
      joined.end = clock + length
      clients.set(client, joined)
    }
    for (const { client, clock, length } of read.deletions) deletions.add(client, clock, length)
  }
  return encoding.encode(e => {
    encoding.writeVarUint(e, clients.size)
    for (const [client, { start, structs }] of [...clients].sort(([a], [b]) => b - a)) {
      structs.close()
      encoding.writeVarUint(e, structs.count)
      encoding.writeVarUint(e, client)
      encoding.writeVarUint(e, start)
      encoding.writeBinaryEncoder(e, structs.encoder)
    }
    encoding.writeUint8Array(e, encodeDeletions(deletions.merged()))
  })
}
