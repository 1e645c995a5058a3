/**
 * Keeps a flood of one kind of line from becoming the log: so many a second of each kind, and how many were
 * left out when the next one passes. Pure but for what it counts.
 */

const WINDOW_MS = 1_000
/** Kinds are texts of our own, so there are few; this is for the case that they are not. */
const MAX_KINDS = 1_000

interface Kind {
  startMs: number
  lines: number
  suppressed: number
}

export class LineBudget {
  readonly #linesPerSecond: number
  readonly #kinds = new Map<string, Kind>()

  constructor(linesPerSecond: number) {
    this.#linesPerSecond = linesPerSecond
  }

  /** How many lines of this kind were left out before this one, or null where this one is left out too. */
  take(kind: string, nowMs: number): number | null {
    let known = this.#kinds.get(kind)
    if (known === undefined) {
      if (this.#kinds.size >= MAX_KINDS) this.#kinds.clear()
      known = { startMs: nowMs, lines: 0, suppressed: 0 }
      this.#kinds.set(kind, known)
    }
    if (nowMs - known.startMs >= WINDOW_MS) {
      known.startMs = nowMs
      known.lines = 0
    }
    if (known.lines >= this.#linesPerSecond) {
      known.suppressed++
      return null
    }
    known.lines++
    const { suppressed } = known
    known.suppressed = 0
    return suppressed
  }
}
