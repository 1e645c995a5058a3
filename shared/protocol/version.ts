/**
 * The version of the `plenum.v1` extensions, told in the welcome.
 * History: 1 – the first: messages 100–107.
 */
export const PROTOCOL_VERSION = 1
export const MIN_SUPPORTED_VERSION = 1

/** WebSocket subprotocols; nothing else is ever selected. */
export const SUBPROTOCOL_PLENUM = 'plenum.v1'
export const SUBPROTOCOL_STOCK = 'yjs'
/** A token may travel beside them in the subprotocol list, with this prefix. */
export const BEARER_PREFIX = 'bearer.'
