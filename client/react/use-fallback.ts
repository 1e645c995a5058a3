/**
 * What is shown also without a connection, and how old it is. No timer runs unless one is asked for, and then only
 * while what is shown is stale.
 */
import { useEffect, useReducer } from 'react'
import type { Origin } from '../room/fallback.js'
import type { IntentionsWithFallback, PresenceWithFallback } from '../room/room-fallback.js'
import { useRoomIfOpen } from './room-context.js'
import { useRoomStore } from './use-room-store.js'

export interface FallbackOptions {
  /** While it is stale, render anew so often, for an age that grows on the screen, ms. By default never. */
  readonly tickMs?: number
}

export interface Aged {
  /** How old it is as of this rendering, ms; null where it is live, or nobody knows. */
  readonly ageMs: number | null
}

/** Who is here while there is a connection; else as last known, `stale`. */
export const usePresenceWithFallback = (
  options: FallbackOptions = {},
): Omit<PresenceWithFallback, 'atMs'> & Aged => useAged(useRoomStore('presenceWithFallback'), options)

/** What members mean to do: live, or as the kept copy or the last snapshot has it, `stale`. */
export const useIntentionsWithFallback = (
  options: FallbackOptions = {},
): Omit<IntentionsWithFallback, 'atMs'> & Aged => useAged(useRoomStore('intentionsWithFallback'), options)

const useAged = <Value extends Origin>(
  value: Value,
  { tickMs }: FallbackOptions,
): Omit<Value, 'atMs'> & Aged => {
  const room = useRoomIfOpen()
  const [, renderAgain] = useReducer((count: number) => count + 1, 0)
  const { stale } = value
  useEffect(() => {
    if (!stale || tickMs === undefined) return
    const timer = setInterval(renderAgain, tickMs)
    return () => clearInterval(timer)
  }, [stale, tickMs])
  const { atMs: _atMs, ...shown } = value
  return { ...shown, ageMs: room?.age(value) ?? null }
}
