/**
 * Reads together what comes at about the same time. To be woken for each of many small messages costs a process more
 * than most of them do: while many come, its event loop rests when it has dealt with what was there, and then finds
 * several, as network cards gather interrupts. What comes after a pause is read at once.
 */

/** Resting pays where so many reads are found at a time. */
const READS_PER_ROUND = 4
/** Whether it does is looked at after so many rounds, and before, after the reads that they would take together. */
const SAMPLED_ROUNDS = 16
const SAMPLED_READS = SAMPLED_ROUNDS * READS_PER_ROUND
/** Where it did not it is tried again after this, ms. */
const TRY_AGAIN_MS = 1_000
/** Less is not worth going to sleep for, ms. */
const MIN_REST_MS = 0.1

export interface ReadPaceOptions {
  /** How long what came may lie at most, ms. */
  readonly intervalMs: number
  /** Milliseconds on a clock that never jumps. */
  elapsed(): number
  /** Runs it once, behind whatever what was read has asked for so far. */
  soon(task: () => void): void
  /** Stops the event loop for so long, ms, or until something else than a socket needs it. */
  rest(ms: number): void
}

export class ReadPace {
  readonly #options: ReadPaceOptions
  #isResting = false
  /** Since the sample began: reads, and how often the loop came round to some. */
  #reads = 0
  #rounds = 0
  #sinceMs = Number.NEGATIVE_INFINITY
  #notBeforeMs = Number.NEGATIVE_INFINITY
  #restedMs = 0
  #asked = 0
  #latest: object | null = null

  constructor(options: ReadPaceOptions) {
    this.#options = options
  }

  /**
   * Something was read and dealt with.
   * @param connection whose it was: what one sends in a row counts once, and nobody's flood makes others wait
   */
  read(connection: object): void {
    if (connection !== this.#latest) this.#reads++
    this.#latest = connection
    if (!this.#isResting && !this.#begins()) return
    this.#asked++
    this.#options.soon(this.#endRound)
  }

  /** Whether so much came of late that resting begins. */
  #begins(): boolean {
    if (this.#reads < SAMPLED_READS) return false
    const { elapsed, intervalMs } = this.#options
    const nowMs = elapsed()
    const isMuch = nowMs - this.#sinceMs <= SAMPLED_ROUNDS * intervalMs
    this.#isResting = isMuch && nowMs >= this.#notBeforeMs
    this.#startSample(nowMs)
    return this.#isResting
  }

  /** Asked for by every read; the last is behind whatever the round has to do. */
  readonly #endRound = (): void => {
    if (--this.#asked > 0) return
    const { elapsed, intervalMs, rest } = this.#options
    const leftMs = this.#restedMs + intervalMs - elapsed()
    if (leftMs > MIN_REST_MS) rest(leftMs)
    this.#restedMs = elapsed()
    if (++this.#rounds < SAMPLED_ROUNDS) return
    if (this.#reads < SAMPLED_READS) {
      this.#isResting = false
      this.#notBeforeMs = this.#restedMs + TRY_AGAIN_MS
    }
    this.#startSample(this.#restedMs)
  }

  #startSample(nowMs: number): void {
    this.#reads = 0
    this.#rounds = 0
    this.#sinceMs = nowMs
  }
}
