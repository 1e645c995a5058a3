/** Points in time as people say them, and when the words for them change: nobody need look more often. */

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

/** @param ageMs how long ago; what has yet to come is just now */
export const agoText = (ageMs: number): string => {
  if (ageMs < MINUTE_MS) return 'just now'
  if (ageMs < HOUR_MS) return `${Math.floor(ageMs / MINUTE_MS)} min ago`
  if (ageMs < DAY_MS) return `${Math.floor(ageMs / HOUR_MS)} h ago`
  const days = Math.floor(ageMs / DAY_MS)
  return days === 1 ? 'a day ago' : `${days} days ago`
}

/** How long until `agoText` says something else. */
export const agoChangesInMs = (ageMs: number): number => {
  const age = Math.max(0, ageMs)
  const stepMs = age < HOUR_MS ? MINUTE_MS : age < DAY_MS ? HOUR_MS : DAY_MS
  return stepMs - (age % stepMs)
}

/** The time of day, and the day as well where it is another one than that of `nowMs`. */
export const timeText = (ms: number, nowMs: number): string => {
  const date = new Date(ms)
  const time = { hour: '2-digit', minute: '2-digit' } as const
  const isToday = date.toDateString() === new Date(nowMs).toDateString()
  return isToday
    ? date.toLocaleTimeString([], time)
    : date.toLocaleString([], { day: 'numeric', month: 'short', ...time })
}
