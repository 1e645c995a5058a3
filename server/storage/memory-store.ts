/**
 * The store's contract without a disk, for tests of what stands on it. Rows are kept as the same encoded bytes
 * that a database holds, and come back through the same checks.
 */
import { PlenumError } from '../../shared/errors.js'
import type { SpaceName } from '../../shared/names.js'
import type { Catalogue } from '../space/catalogue.js'
import * as replayer from '../space/engine/replay.js'
import type { MemberChange, MemberStore } from '../space/member-store.js'
import { ended, type RosterMember } from '../space/members.js'
import type {
  CompactionOutcome,
  Delivery,
  LogEntry,
  StoredSpace,
  UpdateStore,
} from '../space/update-store.js'
import { mergeDeliveries } from './attribution.js'
import { planCompaction, type Replayer } from './compaction.js'
import { decodeRow, encodeRow, type LogRow } from './log-row.js'
import { memoryCatalogue } from './memory-catalogue.js'
import { MemoryDisk, type MemorySpace, newSpace } from './memory-disk.js'

export { MemoryDisk } from './memory-disk.js'

export interface MemoryStoreOptions {
  readonly disk?: MemoryDisk
  /** Called before each commit with the group; where it throws, the commit fails. */
  readonly beforeCommit?: (group: readonly LogEntry[]) => void | Promise<void>
  readonly replayer?: Replayer
  /** The clock, ms since 1970. */
  readonly now?: () => number
}

export const openMemoryStore = (options: MemoryStoreOptions = {}): UpdateStore => new MemoryStore(options)

class MemoryStore implements UpdateStore {
  readonly #disk: MemoryDisk
  readonly #options: MemoryStoreOptions
  #isClosed = false

  constructor(options: MemoryStoreOptions) {
    this.#options = options
    this.#disk = options.disk ?? new MemoryDisk()
    this.catalogue = memoryCatalogue(this.#disk, code => this.#expectOpen(code))
    endStays(this.#disk)
  }

  readonly members: MemberStore = {
    load: async space => {
      this.#expectOpen('load_failed')
      return [...(this.#disk.members.get(space)?.values() ?? [])]
    },
    save: async (changes, nowMs) => {
      this.#expectOpen('degraded')
      for (const change of changes) keepMember(this.#disk, change)
      this.#disk.aliveMs = nowMs
    },
  }

  readonly catalogue: Catalogue

  get id(): string {
    return this.#disk.id
  }

  async load(name: SpaceName): Promise<StoredSpace> {
    this.#expectOpen('load_failed')
    const space = this.#disk.spaces.get(name)
    if (space === undefined || space.deletedMs === null) return read(space)
    return { ...read(undefined), generation: space.generation, isDeleted: true }
  }

  async attribution(name: SpaceName): Promise<readonly Delivery[]> {
    this.#expectOpen('load_failed')
    const rows = this.#disk.spaces.get(name)?.rows ?? []
    return mergeDeliveries(rows.flatMap(decodeRow).flatMap(({ deliveries }) => deliveries))
  }

  async append(group: readonly LogEntry[]): Promise<void> {
    this.#expectOpen('degraded')
    const rows = group.map(entry => ({ space: entry.space, row: encodeRow(entry) }))
    try {
      await this.#options.beforeCommit?.(group)
    } catch (cause) {
      throw new PlenumError('degraded', undefined, { cause })
    }
    // The whole group is checked on copies before any of it is kept.
    const changed = new Map<SpaceName, LogRow[]>()
    for (const { space, row } of rows) {
      const kept = changed.get(space) ?? [...(this.#disk.spaces.get(space)?.rows ?? [])]
      changed.set(space, kept)
      appendRow(kept, row, this.#disk.spaces.get(space)?.snapshot?.position ?? 0)
    }
    for (const [space, kept] of changed) {
      const nowMs = (this.#options.now ?? Date.now)()
      const there = this.#disk.spaces.get(space) ?? newSpace({ createdMs: nowMs })
      there.rows = kept
      there.updatedMs = nowMs
      this.#disk.spaces.set(space, there)
    }
  }

  async reopen(): Promise<void> {
    this.#expectOpen('degraded')
  }

  async compact(name: SpaceName): Promise<CompactionOutcome> {
    this.#expectOpen('internal')
    const space = this.#disk.spaces.get(name)
    const plan = planCompaction(read(space), this.#options.replayer ?? replayer)
    if (space === undefined || plan.type === 'nothing') return { type: 'skipped', why: 'nothing-to-do' }
    if (plan.type === 'quarantine') {
      space.quarantine ??= plan.reason
      return { type: 'quarantined', reason: plan.reason }
    }
    const { position, update } = plan
    space.snapshot = { update, position }
    if (plan.type === 'snapshot') return { type: 'compacted', position, bytes: update.length }
    space.generation++
    return { type: 'repaired', position, bytes: update.length, dropped: plan.dropped }
  }

  async close(): Promise<void> {
    this.#isClosed = true
  }

  #expectOpen(code: 'load_failed' | 'degraded' | 'internal'): void {
    if (this.#isClosed) throw new PlenumError(code, 'the store is closed')
  }
}

const keepMember = ({ members }: MemoryDisk, { space, user, member }: MemberChange): void => {
  const known = members.get(space) ?? new Map<string, RosterMember>()
  members.set(space, known)
  if (member === null) known.delete(user)
  else known.set(user, member)
}

/** Whoever was here when the last store on this disk ended has left. */
const endStays = ({ members, aliveMs }: MemoryDisk): void => {
  for (const known of members.values()) {
    for (const [user, member] of known) known.set(user, ended(member, aliveMs))
  }
}

const read = (space: MemorySpace | undefined): StoredSpace => {
  if (space === undefined)
    return { generation: 0, position: 0, snapshot: null, tail: [], quarantine: null, isDeleted: false }
  const { generation, quarantine, snapshot, rows } = space
  const base = snapshot?.position ?? 0
  const behind = rows.filter(({ last }) => last > base)
  return {
    generation,
    position: behind.at(-1)?.last ?? base,
    snapshot: snapshot === null ? null : { ...snapshot, update: snapshot.update.slice() },
    tail: behind.flatMap(row => decodeRow({ ...row, payload: row.payload.slice() })),
    quarantine,
    isDeleted: false,
  }
}

const appendRow = (rows: LogRow[], row: LogRow, snapshotPosition: number): void => {
  const there = rows.find(({ last }) => last >= row.first)
  if (there !== undefined) {
    if (there.first === row.first && there.last === row.last && there.checksum === row.checksum) return
    throw new PlenumError(
      'internal',
      `positions ${row.first}–${row.last} of ${row.space} are stored otherwise`,
    )
  }
  const last = rows.at(-1)?.last ?? snapshotPosition
  if (row.first !== last + 1) {
    throw new PlenumError(
      'internal',
      `positions ${row.first}–${row.last} of ${row.space} do not follow ${last}`,
    )
  }
  rows.push(row)
}
