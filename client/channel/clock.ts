/** Time and chance as the channel sees them, passed in so that tests own them. */

export interface Clock {
  /** Milliseconds on a clock that never jumps. */
  now(): number
  /** Runs `task` once after `delayMs`, unless the returned function is called before. */
  after(delayMs: number, task: () => void): () => void
  /** At least 0 and below 1. */
  random(): number
}

/** What a timer can wait for; more would fire at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => performance.now(),
  after: (delayMs, task) => {
    const timer = setTimeout(task, delayMs)
    return () => clearTimeout(timer)
  },
  random: () => Math.random(),
}
