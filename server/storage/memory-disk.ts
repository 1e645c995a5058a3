/** What a disk would hold for the memory store: it outlives the stores that are opened on it. */
import { randomUUID } from 'node:crypto'
import type { SpaceName } from '../../shared/names.js'
import type { StoredRevocation } from '../space/catalogue.js'
import type { RosterMember } from '../space/members.js'
import type { StoredSpace } from '../space/update-store.js'
import type { LogRow } from './log-row.js'

export interface MemorySpace {
  generation: number
  quarantine: string | null
  snapshot: StoredSpace['snapshot']
  rows: LogRow[]
  createdMs: number
  updatedMs: number
  deletedMs: number | null
}

export class MemoryDisk {
  readonly id: string = randomUUID()
  readonly spaces = new Map<SpaceName, MemorySpace>()
  readonly members = new Map<SpaceName, Map<string, RosterMember>>()
  /** By space and user, as JSON. */
  readonly revocations = new Map<string, StoredRevocation>()
  /** When a store on this disk was last known to live. */
  aliveMs = 0
}

export const newSpace = (known: Partial<MemorySpace> & { readonly createdMs: number }): MemorySpace => ({
  generation: 0,
  quarantine: null,
  snapshot: null,
  rows: [],
  updatedMs: known.createdMs,
  deletedMs: null,
  ...known,
})
