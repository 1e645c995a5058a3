/**
 * Which web pages may connect. An exact allow-list; without one, pages served from the same host, and on a
 * developer's machine from any port of it. Programs send no `Origin` and are let through: the token is what
 * admits them.
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
    if (host === undefined) return false
    const page = new URL(origin)
    const server = new URL(`http://${host}`)
    return page.host === host.toLowerCase() || (isLocal(page.hostname) && isLocal(server.hostname))
  } catch {
    return false
  }
}

const isLocal = (hostname: string): boolean =>
  hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname)
