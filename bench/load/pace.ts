/**
 * An open loop: what is due is done when it is due or as soon as the process gets to it, whatever has come back.
 * Times are those of the plan, so a server that stalls cannot hide what it kept waiting.
 */
import { setImmediate as breathe, setTimeout as pause } from 'node:timers/promises'
import { Latencies } from './latencies.js'

export interface Pace {
  readonly actors: number
  /** Of each actor. */
  readonly perSecond: number
  readonly seconds: number
  /** Ends it early. */
  readonly signal?: AbortSignal
  /** @param dueMs by `performance.now()` */
  act(actor: number, dueMs: number): void
}

/** So many at a time, before what has arrived is read. */
const MAX_BURST = 200

/** Resolves when all has been done. @returns how late it was done */
export const atPace = async ({ actors, perSecond, seconds, act, signal }: Pace): Promise<Latencies> => {
  const total = Math.round(actors * perSecond * seconds)
  const everyMs = 1000 / (actors * perSecond)
  const startMs = performance.now()
  const lateness = new Latencies()
  for (let next = 0; next < total && signal?.aborted !== true; ) {
    const nowMs = performance.now()
    for (let burst = 0; burst < MAX_BURST && next < total; burst++, next++) {
      const dueMs = startMs + next * everyMs
      if (dueMs > nowMs) break
      act(next % actors, dueMs)
      lateness.add(nowMs - dueMs)
    }
    const waitMs = startMs + next * everyMs - performance.now()
    if (waitMs > 1) await pause(waitMs)
    else await breathe()
  }
  return lateness
}
