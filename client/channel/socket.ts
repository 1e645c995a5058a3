/** The part of a WebSocket that the client uses: the browser's, Node's or that of the `ws` package fits. */

export interface SocketEvents {
  open: unknown
  message: { readonly data: unknown }
  /** Always followed by `close`. */
  error: unknown
  close: { readonly code: number; readonly reason: string }
}

export interface Socket {
  binaryType: string
  /** The subprotocol that the server selected; empty before `open`, and where it selected none. */
  readonly protocol: string
  /** Bytes taken by `send` that the network has not taken yet. */
  readonly bufferedAmount: number
  send(frame: Uint8Array<ArrayBuffer>): void
  close(code?: number, reason?: string): void
  addEventListener<Name extends keyof SocketEvents>(
    name: Name,
    listener: (event: SocketEvents[Name]) => void,
  ): void
}

export type SocketClass = new (url: string, protocols: string[]) => Socket
