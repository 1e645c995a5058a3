/** What a request at a door asks for, read from its raw target and headers. Pure; the target is decoded once. */
import type { IncomingMessage } from 'node:http'
import type { Dialect } from '../space/peer.js'
import type { Applicant } from './judge.js'

export interface UpgradeTarget {
  /** What follows `/sync/`, still escaped. */
  readonly spacePath: string
  readonly query: URLSearchParams
}

/**
 * The target of a request below `<basePath>/sync/`, or null for any other. The raw target is used: parsing it
 * as a URL would resolve `..` before anybody can refuse it.
 */
export const readTarget = (target: string, basePath: string): UpgradeTarget | null => {
  const mark = target.indexOf('?')
  const path = mark === -1 ? target : target.slice(0, mark)
  const prefix = `${basePath}/sync/`
  if (!path.startsWith(prefix)) return null
  const query = new URLSearchParams(mark === -1 ? '' : target.slice(mark + 1))
  return { spacePath: path.slice(prefix.length), query }
}

/**
 * The client's address. Behind proxies it is the entry of `X-Forwarded-For` that the outermost trusted one
 * wrote; what is left of it is hearsay.
 * @param trustedProxies how many proxies of our own stand in front
 */
export const clientAddress = (request: IncomingMessage, trustedProxies: number): string => {
  const socketAddress = request.socket.remoteAddress ?? 'unknown'
  if (trustedProxies === 0) return socketAddress
  const header = request.headers['x-forwarded-for']
  const hops = (Array.isArray(header) ? header.join(',') : (header ?? ''))
    .split(',')
    .map(hop => hop.trim())
    .filter(hop => hop !== '')
  return hops[Math.max(0, hops.length - trustedProxies)] ?? socketAddress
}

/** The host that the client asked for, as the outermost trusted proxy tells it. */
export const clientHost = (request: IncomingMessage, trustedProxies: number): string | undefined => {
  const forwarded = request.headers['x-forwarded-host']
  if (trustedProxies > 0 && typeof forwarded === 'string') return forwarded.split(',')[0]!.trim()
  return request.headers.host
}

/** What somebody asks for at a door. */
export interface Asked {
  readonly target: UpgradeTarget
  readonly dialect: Dialect
  /** What was offered in `Sec-WebSocket-Protocol`. */
  readonly subprotocols: readonly string[]
}

export const originOf = (request: IncomingMessage, trustedProxies: number) => ({
  origin: request.headers.origin,
  host: clientHost(request, trustedProxies),
})

export const applicantOf = (
  request: IncomingMessage,
  { target, dialect, subprotocols }: Asked,
  trustedProxies: number,
): Applicant => {
  const { headers } = request
  return {
    dialect,
    spacePath: target.spacePath,
    address: clientAddress(request, trustedProxies),
    ...originOf(request, trustedProxies),
    credentials: { subprotocols, authorization: headers.authorization, query: target.query, headers },
  }
}
