/** What the bench can measure: a kind of server, and one of them that runs. */
import type { Dialect } from '../dialects/dialect.js'
import type { Usage } from '../process-usage.js'

export interface Memory {
  readonly rssBytes: number
  /** JavaScript's heap and what it holds outside, after a forced collection. */
  readonly heldBytes: number
}

export interface Address {
  readonly url: string
  /** What is offered as subprotocols, a token among them. */
  readonly protocols: readonly string[]
}

export interface StartOptions {
  /** What a relay sends to whoever joins; an empty step 2 without it. */
  readonly greeting?: Uint8Array
  /** Further flags of Plenum. */
  readonly flags?: readonly string[]
  /** Flags of Node: `--cpu-prof`. */
  readonly nodeFlags?: readonly string[]
  /** Further variables of Plenum's environment. */
  readonly env?: Readonly<Record<string, string>>
  /** Whether it may use every core: for threads that are to run beside each other. */
  readonly isOnAllCores?: boolean
}

export interface RunningServer {
  readonly dialect: Dialect
  /** Where a user's client connects for a space, with a token where one is needed. */
  address(space: string, user: string): Promise<Address>
  /** @throws where this is a server of which only the address is known */
  usage(): Usage
  memory(): Promise<Memory>
  /** Bytes of all files that it keeps. */
  storedBytes(): number
  /** Lets it save and end, and starts it again on the same data. */
  restart(): Promise<void>
  /** As a power cut would. */
  kill9(): Promise<void>
  start(): Promise<void>
  /** Ends it and removes its data. */
  dispose(): Promise<void>
}

export interface Target {
  readonly name: string
  readonly version: string
  /** Plenum itself, a peer to compare with, or the ceiling. */
  readonly role: 'ours' | 'peer' | 'ceiling'
  /** Whether anything survives its end. */
  readonly isPersistent: boolean
  /** Whether it keeps documents, and so answers who joins. */
  readonly hasDocuments: boolean
  /** Whether usage and memory can be told. */
  readonly isMeasured: boolean
  /** Why it cannot run here; null where it can. */
  readonly unavailable: string | null
  readonly notes: string
  start(options?: StartOptions): Promise<RunningServer>
}
