/** What is told must never keep from what is done: an observer that throws goes unheard, and the work goes on. */
import type { Observer } from './observer.js'

export const unfailing = (observer: Observer): Observer => ({
  count: (event, by) => {
    try {
      observer.count(event, by)
    } catch {
      // There is nobody left to tell.
    }
  },
  timed: (event, durationMs) => {
    try {
      observer.timed(event, durationMs)
    } catch {
      // As above.
    }
  },
  report: (level, what, details) => {
    try {
      observer.report(level, what, details)
    } catch {
      // As above.
    }
  },
})
