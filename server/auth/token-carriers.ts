/**
 * Where a token travels: beside the subprotocol, in a header, or in the query for stock clients, in that
 * order. The first carrier that is there decides; a bad token in it is not made good by a later one.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { BEARER_PREFIX } from '../../shared/protocol/index.js'

export interface Credentials {
  /** What the client offered in `Sec-WebSocket-Protocol`, in order. */
  readonly subprotocols: readonly string[]
  /** The header `Authorization`. */
  readonly authorization: string | undefined
  /** The decoded query. */
  readonly query: URLSearchParams
  /** All of the request's: an application may know its users by a cookie. */
  readonly headers?: IncomingHttpHeaders
  /** The client's. */
  readonly address?: string
}

/** The token, or null where no carrier has one. */
export const findToken = ({ subprotocols, authorization, query }: Credentials): string | null => {
  const offered = subprotocols.find(value => value.startsWith(BEARER_PREFIX))
  if (offered !== undefined) return offered.slice(BEARER_PREFIX.length)
  const header = authorization === undefined ? null : /^Bearer +(\S+)\s*$/i.exec(authorization)
  return header?.[1] ?? query.get('token')
}
