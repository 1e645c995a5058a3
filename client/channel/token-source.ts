/** Where the token of an attempt comes from, and when a fresh one is due. */

/** A token, or what is asked for a fresh one at each attempt; null or an empty text: nobody is logged in. */
export type TokenSource = string | (() => string | null | Promise<string | null>)

/** Asks for the token. Rejects with what the app's function threw. */
export const fetchToken = async (source: TokenSource): Promise<string | null> => {
  const token = typeof source === 'string' ? source : await source()
  return token === '' ? null : token
}

const MIN_RENEWAL_MS = 1_000
const MAX_LEAD_MS = 60_000

/**
 * When to ask for the next token, counted from now; null where the time left is too short to bother.
 * @param expiresInMs how long the present token is still good
 */
export const renewalDelayMs = (expiresInMs: number): number | null => {
  const delayMs = expiresInMs - Math.min(MAX_LEAD_MS, expiresInMs / 5)
  return delayMs < MIN_RENEWAL_MS ? null : delayMs
}
