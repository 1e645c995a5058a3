/** What of a provider's options is its dialer's: the token of one user, the ways to the server, and when to come back. */
import type { WebsocketProvider } from 'y-websocket'
import type * as Y from 'yjs'
import { isPermanentClose } from '../channel/attempt-state.js'
import { DEFAULT_PACE } from '../channel/backoff.js'
import type { DialerOptions } from '../channel/dialer.js'
import { throwUncaught } from '../channel/emitter.js'
import { fallbackTransport } from '../channel/fallback-transport.js'
import { createLedger } from '../channel/save-ledger.js'
import { isEmptyDocument } from '../document-link.js'
import type { Identity } from './identity.js'
import type { SpaceProviderOptions } from './provider-options.js'

export interface DialerOwner {
  readonly doc: Y.Doc
  readonly identity: Identity
  /** Whom the app's `shouldReconnect` is asked about. */
  readonly provider: WebsocketProvider
}

export const dialerOptions = (
  options: SpaceProviderOptions,
  { doc, identity, provider }: DialerOwner,
): DialerOptions => {
  const { token, transport, WebSocketPolyfill, maxBackoffTime, shouldReconnect, ...rest } = options
  const { openTimeoutMs, tokenTimeoutMs, clock, hints, doors } = rest
  return {
    token: token === undefined ? undefined : identity.guard(token),
    transport:
      transport ?? fallbackTransport({ WebSocket: WebSocketPolyfill, doors, clock, hints, openTimeoutMs }),
    ledger: createLedger({ incarnation: null, isEmptyDocument: isEmptyDocument(doc) }),
    isEmptyDocument: () => isEmptyDocument(doc),
    isSteady: true,
    pace: { ...DEFAULT_PACE, ...(maxBackoffTime !== undefined && { maxMs: maxBackoffTime }) },
    isPermanent: close => {
      try {
        if (shouldReconnect !== undefined) return !shouldReconnect(close as CloseEvent, provider)
      } catch (error) {
        throwUncaught(error)
      }
      return isPermanentClose(close)
    },
    openTimeoutMs,
    tokenTimeoutMs,
    clock,
    hints,
  }
}
