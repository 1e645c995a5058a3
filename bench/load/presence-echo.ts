/**
 * What a stock client knows about the others, and what it says back: each entry that is new to it goes back to the
 * server, one about itself that says it left is answered by a higher clock. Clocks only; states stay text.
 */
import { type AwarenessEntry, awarenessMessage, readAwareness } from './messages.js'

/** A message and its entries, read once for all who receive the same bytes. */
export interface AwarenessFrame {
  readonly bytes: Uint8Array
  readonly entries: readonly AwarenessEntry[]
  /** Which member each entry is about, in the same order; -1 where it is nobody of this room. */
  readonly members: readonly number[]
}

const REMEMBERED = 8

/** Clients of one room are mostly sent the same bytes at the same time. */
export class AwarenessFrames {
  readonly #memberOf: ReadonlyMap<number, number>
  readonly #recent: AwarenessFrame[] = []

  constructor(memberOf: ReadonlyMap<number, number>) {
    this.#memberOf = memberOf
  }

  read(message: Uint8Array): AwarenessFrame {
    for (const frame of this.#recent) if (Buffer.compare(frame.bytes, message) === 0) return frame
    const entries = readAwareness(message)
    const frame: AwarenessFrame = {
      bytes: Uint8Array.from(message),
      entries,
      members: entries.map(({ clientId }) => this.#memberOf.get(clientId) ?? -1),
    }
    this.#recent.unshift(frame)
    if (this.#recent.length > REMEMBERED) this.#recent.pop()
    return frame
  }
}

const LEFT = 'null'

/** A member has moved from one clock to another, or left. */
export interface PresenceNews {
  readonly member: number
  readonly from: number
  readonly to: number
  readonly hasLeft: boolean
}

export class PresenceEcho {
  readonly #self: number
  /** By member. Nobody heard of has 0, so a first state, which has 0 as well, is news to nobody. */
  readonly #clocks: Int32Array
  readonly #isHeardOf: Uint8Array
  readonly #isThere: Uint8Array
  readonly #onNews: ((news: PresenceNews) => void) | undefined
  #known = 0

  constructor(self: number, members: number, onNews?: (news: PresenceNews) => void) {
    this.#onNews = onNews
    this.#self = self
    this.#clocks = new Int32Array(members)
    this.#isHeardOf = new Uint8Array(members)
    this.#isThere = new Uint8Array(members)
  }

  /** How many others are there, as far as this client knows. */
  get others(): number {
    return this.#known
  }

  clockOf(member: number): number {
    return this.#clocks[member]!
  }

  /** The client's own clock, one higher than before; the first state has 0. */
  advance(): void {
    this.#clocks[this.#self] = this.own + 1
  }

  get own(): number {
    return this.#clocks[this.#self]!
  }

  /** @returns the message that a stock client sends back; null for none */
  hear(frame: AwarenessFrame, ownState: string): Uint8Array | null {
    const { entries, members } = frame
    let changed: AwarenessEntry[] | null = null
    let isAll = true
    for (const [i, entry] of entries.entries()) {
      const echo = this.#hearOne(entry, members[i]!, ownState)
      if (echo === null) isAll = false
      else {
        changed ??= []
        changed.push(echo)
        if (echo !== entry) isAll = false
      }
    }
    if (changed === null) return null
    return isAll ? frame.bytes : awarenessMessage(changed)
  }

  #hearOne(entry: AwarenessEntry, member: number, ownState: string): AwarenessEntry | null {
    if (member === -1) return null
    const known = this.#clocks[member]!
    const hasLeft = entry.state === LEFT
    if (member === this.#self) {
      if (!hasLeft || entry.clock < known) return null
      this.#clocks[member] = entry.clock + 1
      return { clientId: entry.clientId, clock: entry.clock + 1, state: ownState }
    }
    const wasThere = this.#isThere[member] === 1
    if (entry.clock < known || (entry.clock === known && !(hasLeft && wasThere))) return null
    const wasHeardOf = this.#isHeardOf[member] === 1
    this.#clocks[member] = entry.clock
    this.#isHeardOf[member] = 1
    this.#isThere[member] = hasLeft ? 0 : 1
    this.#known += Number(!hasLeft) - Number(wasThere)
    this.#onNews?.({ member, from: known, to: entry.clock, hasLeft })
    return hasLeft && !wasHeardOf ? null : entry
  }
}
