/** Waiting for something that tells nobody when it has happened: asked again and again, up to a deadline. */
import { setTimeout as pause } from 'node:timers/promises'

const POLL_MS = 10

/**
 * Resolves with the first value that is neither `false`, `null` nor `undefined`.
 * @throws Error that names what did not happen
 */
export const until = async <Value>(
  what: string,
  ask: () => Value | Promise<Value>,
  timeoutMs = 10_000,
): Promise<Exclude<Value, false | null | undefined>> => {
  const deadlineMs = performance.now() + timeoutMs
  while (true) {
    const value = await ask()
    if (value !== false && value !== null && value !== undefined) {
      return value as Exclude<Value, false | null | undefined>
    }
    if (performance.now() > deadlineMs) throw new Error(`not within ${timeoutMs} ms: ${what}`)
    await pause(POLL_MS)
  }
}
