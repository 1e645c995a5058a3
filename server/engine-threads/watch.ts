/**
 * When a thread counts as stuck: the same call was at work at look after look, and took so much time. The time that
 * the thread really had is counted where it is known, and never more than one look's between two: a server that was
 * itself held up, or a thread that got no processor, accuses nobody. Pure.
 */

/** Looks within the shortest limit: it is exceeded by a quarter at most. */
export const LOOKS_PER_LIMIT = 4
/** A thread that has nothing of the processor is stuck, too, in the end. */
const LEAST_SHARE = 0.02

export interface Watch {
  /** The call that was at work at the last look. */
  readonly call: number | null
  /** Since when it was first seen. */
  readonly workedMs: number
}

export const IDLE: Watch = { call: null, workedMs: 0 }

export interface Look {
  readonly atWork: number | null
  /** Processor time of the thread since the last look; null where that is not known. */
  readonly cpuMs: number | null
  /** From one look to the next. */
  readonly lookMs: number
}

export const look = (watch: Watch, { atWork, cpuMs, lookMs }: Look): Watch => {
  if (atWork === null) return IDLE
  if (atWork !== watch.call) return { call: atWork, workedMs: 0 }
  const workedMs = Math.min(lookMs, Math.max(cpuMs ?? lookMs, lookMs * LEAST_SHARE))
  return { call: atWork, workedMs: watch.workedMs + workedMs }
}

export const isStuck = ({ call, workedMs }: Watch, limitMs: number): boolean =>
  call !== null && workedMs >= limitMs
