/**
 * Deadlines that a sleep does not bring forward: a page that was frozen or throttled finds its timers due before it
 * has read what came meanwhile, so that a timer which fires late proves nothing.
 */
import type { Clock } from './clock.js'

const LATE_MS = 1_000
const GRACE_MS = 3_000
/** A page whose timers are never on time must come to an end, too. */
const MAX_GRACES = 4

/**
 * Runs `task` after `delayMs`; where its timer fires late, only after what waits has had its chance. An infinite delay
 * is none at all: the clock's timers would take it for no time.
 */
export const patiently = (clock: Clock, delayMs: number, task: () => void): (() => void) => {
  if (delayMs === Number.POSITIVE_INFINITY) return () => {}
  let cancel = (): void => {}
  const wait = (waitMs: number, graces: number): void => {
    const dueMs = clock.now() + waitMs
    cancel = clock.after(waitMs, () => {
      if (graces > 0 && clock.now() - dueMs > LATE_MS) wait(GRACE_MS, graces - 1)
      else task()
    })
  }
  wait(delayMs, MAX_GRACES)
  return () => cancel()
}

export interface SilenceOptions {
  readonly clock: Clock
  readonly limitMs: number
  /** How long nothing has been heard. */
  silentMs(): number
  onSilent(): void
}

/** Runs `onSilent` once nothing has been heard for so long, until the returned function is called. */
export const watchSilence = ({ clock, limitMs, silentMs, onSilent }: SilenceOptions): (() => void) => {
  let cancel = (): void => {}
  const watch = (delayMs: number): void => {
    cancel = patiently(clock, delayMs, () => {
      const leftMs = limitMs - silentMs()
      if (leftMs > 0) watch(leftMs)
      else onSilent()
    })
  }
  watch(limitMs)
  return () => cancel()
}
