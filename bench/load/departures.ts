/** Who has left, who still shows them, and how long each of the others did. */
import { Latencies } from './latencies.js'

interface Departure {
  readonly atMs: number
  readonly showingMembers: Set<number>
}

export class Departures {
  /** From when a member left to when another member no longer showed it. */
  readonly latencies = new Latencies()
  readonly #departures = new Map<number, Departure>()
  #longestMs = 0

  /** The longest of them, exactly. */
  get longestMs(): number {
    return this.#longestMs
  }

  /** How many members show somebody who is not there. */
  get ghosts(): number {
    return [...this.#departures.values()].reduce((sum, { showingMembers }) => sum + showingMembers.size, 0)
  }

  /** @param others who has to notice: those who stay */
  left(member: number, atMs: number, others: Iterable<number>): void {
    this.#departures.set(member, { atMs, showingMembers: new Set(others) })
    // Who is not there shows nobody.
    for (const { showingMembers } of this.#departures.values()) showingMembers.delete(member)
  }

  noticed(member: number, by: number, nowMs: number): void {
    const departure = this.#departures.get(member)
    if (departure?.showingMembers.delete(by) !== true) return
    this.latencies.add(nowMs - departure.atMs)
    this.#longestMs = Math.max(this.#longestMs, nowMs - departure.atMs)
  }
}
