/**
 * When a thread counts as stuck: the same call was at work at so many looks in a row. Looks are counted and not
 * the clock, so that a server that was itself held up (a paused machine, a long collection) accuses nobody. Pure.
 */

/** Looks within the shortest limit: the limit is exceeded by a quarter at most. */
export const LOOKS_PER_LIMIT = 4

export interface Watch {
  /** The call that was at work at the last look. */
  readonly call: number | null
  /** At how many looks in a row. */
  readonly looks: number
}

export const IDLE: Watch = { call: null, looks: 0 }

export const look = (watch: Watch, atWork: number | null): Watch => {
  if (atWork === null) return IDLE
  return { call: atWork, looks: atWork === watch.call ? watch.looks + 1 : 0 }
}

/** @param limitMs of that call */
export const isStuck = ({ call, looks }: Watch, limitMs: number, lookMs: number): boolean =>
  call !== null && looks * lookMs >= limitMs
