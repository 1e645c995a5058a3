/** Why a connection ended, and the error with which promises about it reject. */

export interface Close {
  /** A WebSocket close code: 4400–4499 permanent, 4500–4599 come back later; 1006 where nothing was told. */
  readonly code: number
  readonly reason: string
}

export class ConnectionClosed extends Error {
  readonly close: Close

  constructor(close: Close) {
    super(`the connection closed: ${close.code}${close.reason === '' ? '' : ` ${close.reason}`}`)
    this.name = 'ConnectionClosed'
    this.close = close
  }
}
