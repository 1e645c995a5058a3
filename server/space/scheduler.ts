/** Time as the core sees it, passed in so that tests own it. */
export interface Scheduler {
  /** Milliseconds since 1970: what is told to people and compared with tokens. */
  now(): number
  /** Milliseconds on a clock that never jumps: for windows and deadlines. */
  elapsed(): number
  /** Runs `task` once, after what is already waiting for this turn of the event loop. */
  soon(task: () => void): void
  /** Runs `task` once after `delayMs`, unless the returned function is called before. */
  after(delayMs: number, task: () => void): () => void
}

export const systemScheduler: Scheduler = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  soon: task => {
    setImmediate(task)
  },
  after: (delayMs, task) => {
    const timer = setTimeout(task, delayMs)
    return () => clearTimeout(timer)
  },
}
