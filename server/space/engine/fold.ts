/**
 * Folds stored updates into one from their bytes alone. The structs of a client follow each other in clocks that
 * are not written down, so its sections can be put one behind the other as they are. Only for updates that we
 * stored ourselves; where they do not follow each other without a hole, only a document can tell.
 */
import * as encoding from 'lib0/encoding'
import { PlenumError } from '../../../shared/errors.js'
import type { Folded } from '../engine.js'
import { type OnDeleted, type Section, scanDeletions, scanUpdate } from './scan.js'
import { readSections } from './update-reader.js'

/**
 * @param isBrief `deletions` are left out
 * @returns null where only a document can tell
 */
export const foldUpdates = (updates: readonly Uint8Array[], isBrief = false): Folded | null => {
  const clients = new Map<number, ClientStructs>()
  const only = updates.length === 1 ? updates[0]! : null
  const deletions = isBrief && only !== null ? null : new Deletions()
  const collect: OnDeleted | null = deletions && ((...range) => deletions.add(...range))
  for (const update of updates) {
    const scanned = scanUpdate(update, collect)
    if (scanned === null) return null
    for (const section of scanned.sections) {
      const known = clients.get(section.client)
      if (section.clock !== (known?.end ?? 0)) return null
      const structs = known ?? new ClientStructs()
      structs.add(section, update)
      if (known === undefined) clients.set(section.client, structs)
    }
    let isHere = true
    const isWhole = scanDeletions(update, scanned.deletionsFrom, (client, clock, length) => {
      if (!(clock + length <= (clients.get(client)?.end ?? 0))) isHere = false
      collect?.(client, clock, length)
    })
    if (!isWhole || !isHere) return null
  }
  const sorted = [...clients].sort(byClientDescending)
  const stateVector = encodeStateVector(sorted)
  if (deletions === null) return { update: only!, stateVector, deletions: null }
  const deleted = encodeDeletions(deletions.merged())
  return {
    update: only ?? encodeUpdate(sorted, deleted),
    stateVector,
    deletions: isBrief ? null : encodeUpdate([], deleted),
  }
}

/** What was put together so far of one client. */
class ClientStructs {
  end = 0
  count = 0
  readonly pieces: Uint8Array[] = []

  add({ end, count, from, to }: Section, update: Uint8Array): void {
    this.end = end
    this.count += count
    this.pieces.push(update.subarray(from, to))
  }
}

/** Deleted ranges by client: start, end, start, end, … as Yjs writes them: ascending, and none touches the next. */
type Ranges = readonly number[]

export class Deletions {
  readonly #byClient = new Map<number, number[]>()
  readonly #unsorted = new Set<number>()

  add(client: number, clock: number, length: number): void {
    let ranges = this.#byClient.get(client)
    if (ranges === undefined) {
      ranges = []
      this.#byClient.set(client, ranges)
    }
    const lastEnd = ranges.at(-1) ?? -1
    if (clock === lastEnd) {
      ranges[ranges.length - 1] = clock + length
      return
    }
    if (clock < lastEnd) this.#unsorted.add(client)
    ranges.push(clock, clock + length)
  }

  /** Clients descending. */
  merged(): [number, Ranges][] {
    for (const client of this.#unsorted) this.#byClient.set(client, mergeRanges(this.#byClient.get(client)!))
    return [...this.#byClient].sort(byClientDescending)
  }
}

const mergeRanges = (ranges: Ranges): number[] => {
  const starts = ranges.map((_, i) => i).filter(i => i % 2 === 0)
  const merged: number[] = []
  for (const i of starts.sort((a, b) => ranges[a]! - ranges[b]!)) {
    const [start, end] = [ranges[i]!, ranges[i + 1]!]
    const lastEnd = merged.at(-1) ?? -1
    if (start > lastEnd) merged.push(start, end)
    else merged[merged.length - 1] = Math.max(lastEnd, end)
  }
  return merged
}

const byClientDescending = (a: readonly [number, unknown], b: readonly [number, unknown]): number =>
  b[0] - a[0]

/** Null for what is no update. */
export const readTrusted = (update: Uint8Array): ReturnType<typeof readSections> | null => {
  try {
    return readSections(update)
  } catch (error) {
    if (error instanceof PlenumError) return null
    throw error
  }
}

const encodeUpdate = (
  clients: readonly (readonly [number, ClientStructs])[],
  deleted: Uint8Array,
): Uint8Array =>
  encoding.encode(encoder => {
    encoding.writeVarUint(encoder, clients.length)
    for (const [client, { count, pieces }] of clients) {
      encoding.writeVarUint(encoder, count)
      encoding.writeVarUint(encoder, client)
      encoding.writeVarUint(encoder, 0)
      for (const piece of pieces) encoding.writeUint8Array(encoder, piece)
    }
    encoding.writeUint8Array(encoder, deleted)
  })

const encodeStateVector = (clients: readonly (readonly [number, ClientStructs])[]): Uint8Array =>
  encoding.encode(encoder => {
    encoding.writeVarUint(encoder, clients.length)
    for (const [client, { end }] of clients) {
      encoding.writeVarUint(encoder, client)
      encoding.writeVarUint(encoder, end)
    }
  })

export const encodeDeletions = (clients: readonly (readonly [number, Ranges])[]): Uint8Array =>
  encoding.encode(encoder => {
    encoding.writeVarUint(encoder, clients.length)
    for (const [client, ranges] of clients) {
      encoding.writeVarUint(encoder, client)
      encoding.writeVarUint(encoder, ranges.length / 2)
      for (let i = 0; i < ranges.length; i += 2) {
        encoding.writeVarUint(encoder, ranges[i]!)
        encoding.writeVarUint(encoder, ranges[i + 1]! - ranges[i]!)
      }
    }
  })
