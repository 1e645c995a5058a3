/** What a test and the process of a stock client say to each other. */
import type { Patch, TraceName } from './trace.js'
import type { Fingerprint, Turn } from './trace-turns.js'

/** Released versions of y-websocket by what they are installed as. */
export const STOCK_PACKAGES = {
  '2.1.0': 'y-websocket-2',
  '3.0.0': 'y-websocket-3.0',
  '3.1.0': 'y-websocket',
} as const

export type StockVersion = keyof typeof STOCK_PACKAGES
export const STOCK_VERSIONS = Object.keys(STOCK_PACKAGES) as StockVersion[]

/** Ours takes the stock one's place in the same process, by the same constructor. */
export type ClientVersion = StockVersion | 'plenum'

export interface OpenOptions {
  readonly version: ClientVersion
  /** The server URL as a stock provider takes it: without the space. */
  readonly url: string
  readonly space: string
  readonly token: string
  /** The document's clientID, where it matters. */
  readonly clientId?: number
}

export interface StockState {
  readonly clientId: number
  readonly isSynced: boolean
  /** Clocks by client, ascending. */
  readonly stateVector: readonly (readonly [client: number, clock: number])[]
  /** Of the state vector and the delete set: equal for replicas that hold the same. */
  readonly snapshotHash: string
  readonly textLength: number
  readonly isPending: boolean
  /** The close codes of this provider's connections so far; null where it closed by itself. */
  readonly closes: readonly (number | null)[]
}

/** Answers by name of the call; each takes one argument. */
export type StockCalls = {
  open: (options: OpenOptions) => void
  connect: () => void
  disconnect: () => void
  untilSynced: () => void
  /** Types a sequential trace, keystroke by keystroke, as fast as the socket takes it. */
  replay: (trace: TraceName) => void
  /** Types one author's turns, each on exactly what the recording says that its author saw. */
  play: (part: { readonly turns: readonly Turn[]; readonly otherClientId: number }) => void
  /** During `play`: this many of its own keystrokes may reach the server by now. */
  release: (keystrokes: number) => void
  edit: (patches: readonly Patch[]) => void
  /** Resolves when all that was typed is on the server's disk; only ours can know. */
  whenSaved: () => void
  text: () => string
  untilText: (wanted: Fingerprint) => void
  state: () => StockState
  setAwareness: (state: Record<string, unknown> | null) => void
  awareness: () => readonly (readonly [client: number, state: Record<string, unknown>])[]
}

export type CallName = keyof StockCalls

export interface Call {
  readonly id: number
  readonly name: CallName
  readonly argument: unknown
}

export type FromProcess =
  | { readonly type: 'result'; readonly id: number; readonly result: unknown }
  | { readonly type: 'failure'; readonly id: number; readonly text: string }
  /** During `play`: the next turn wants this many keystrokes of the other author, and no more. */
  | { readonly type: 'wants'; readonly keystrokes: number }
