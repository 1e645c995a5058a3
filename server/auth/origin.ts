/**
 * Which web pages may connect. An exact allow-list; without one, pages served from the same host. Programs
 * send no `Origin` and are let through: the token is what admits them.
 */

export interface OriginCheck {
  /** The header `Origin`. */
  readonly origin: string | undefined
  /** The header `Host`: what the client believes to talk to. */
  readonly host: string | undefined
}

/** @param allowed exact origins such as `https://app.example`; `*` allows every page */
export const isOriginAllowed = ({ origin, host }: OriginCheck, allowed: readonly string[]): boolean => {
  if (origin === undefined) return true
  if (allowed.length > 0) return allowed.includes('*') || allowed.includes(origin)
  try {
    return host !== undefined && new URL(origin).host === host.toLowerCase()
  } catch {
    return false
  }
}
