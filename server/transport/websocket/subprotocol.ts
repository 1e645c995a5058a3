/**
 * Reads `Sec-WebSocket-Protocol`. Only `plenum.v1` or `yjs` is ever selected: the list may hold a token, and
 * echoing the first value, as libraries do, would send it back.
 */
import { PlenumError } from '../../../shared/errors.js'
import {
  BEARER_PREFIX,
  SUBPROTOCOL_PLENUM,
  SUBPROTOCOL_PROBE,
  SUBPROTOCOL_STOCK,
} from '../../../shared/protocol/index.js'
import type { Dialect } from '../../space/peer.js'

export interface Offer {
  /** What the client offered, in order. */
  readonly values: readonly string[]
  /** What the server selects, or null where nothing was offered. */
  readonly selected: typeof SUBPROTOCOL_PLENUM | typeof SUBPROTOCOL_STOCK | null
  readonly dialect: Dialect
}

/** Whether all that is wanted is to know that a WebSocket works. */
export const isProbe = (values: readonly string[]): boolean =>
  values.length === 1 && values[0] === SUBPROTOCOL_PROBE

/** The values of the raw header, or none where there is none. */
export const offeredValues = (header: string | undefined): string[] =>
  (header ?? '')
    .split(',')
    .map(value => value.trim())
    .filter(value => value !== '')

/** @throws bad_request where something was offered, but neither `plenum.v1` nor `yjs`, or two tokens */
export const readOffer = (values: readonly string[]): Offer => {
  if (values.filter(value => value.startsWith(BEARER_PREFIX)).length > 1) {
    throw new PlenumError('bad_request', 'more than one token in the subprotocol list')
  }
  if (values.includes(SUBPROTOCOL_PLENUM)) return { values, selected: SUBPROTOCOL_PLENUM, dialect: 'plenum' }
  if (values.includes(SUBPROTOCOL_STOCK)) return { values, selected: SUBPROTOCOL_STOCK, dialect: 'stock' }
  if (values.length === 0) return { values, selected: null, dialect: 'stock' }
  throw new PlenumError(
    'bad_request',
    `offer ${SUBPROTOCOL_PLENUM} or ${SUBPROTOCOL_STOCK}, also where a token is offered`,
  )
}
