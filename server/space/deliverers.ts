/**
 * Who delivered which clocks of a space, for looking up. A clock that several are said to have delivered (a repair
 * leaves one out, and another brings it) was delivered by nobody who could be named.
 */
import type { ClockRange } from './engine.js'
import type { Delivery } from './update-store.js'

/** Ascending, apart from each other. */
type Ranges = { clock: number; end: number }[]

export class Deliverers {
  readonly #clients = new Map<number, Map<string, Ranges>>()

  add(deliveries: Iterable<Delivery>): void {
    for (const { user, client, clock, length } of deliveries) {
      if (length <= 0) continue
      const users = this.#clients.get(client) ?? new Map<string, Ranges>()
      this.#clients.set(client, users)
      const ranges = users.get(user) ?? []
      users.set(user, ranges)
      insert(ranges, clock, clock + length)
    }
  }

  /** Who alone delivered all of these clocks; null where nobody is known to have. */
  of({ client, clock, length }: ClockRange): string | null {
    let found: string | null = null
    for (const [user, ranges] of this.#clients.get(client) ?? []) {
      const range = ranges[firstEndingBehind(ranges, clock)]
      if (range === undefined || range.clock >= clock + length) continue
      if (found !== null || range.clock > clock || range.end < clock + length) return null
      found = user
    }
    return found
  }
}

const insert = (ranges: Ranges, clock: number, end: number): void => {
  // One that ends where this begins is continued: nearly always the last.
  const at = firstEndingBehind(ranges, clock - 1)
  let behind = at
  const joined = { clock, end }
  for (let range = ranges[behind]; range !== undefined && range.clock <= end; range = ranges[++behind]) {
    joined.clock = Math.min(joined.clock, range.clock)
    joined.end = Math.max(joined.end, range.end)
  }
  ranges.splice(at, behind - at, joined)
}

/** The index of the first range whose end is behind this clock. */
const firstEndingBehind = (ranges: Readonly<Ranges>, clock: number): number => {
  let low = 0
  let high = ranges.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (ranges[middle]!.end > clock) high = middle
    else low = middle + 1
  }
  return low
}
