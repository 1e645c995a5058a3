/** The memory store's spaces beside their content: which there are, which are deleted, and who may not enter. */
import type { SpaceName } from '../../shared/names.js'
import type { Catalogue, StoredFacts, StoredFigures } from '../space/catalogue.js'
import { type MemoryDisk, type MemorySpace, newSpace } from './memory-disk.js'

/** @param expectOpen throws with the code where the store is closed */
export const memoryCatalogue = (
  disk: MemoryDisk,
  expectOpen: (code: 'load_failed' | 'degraded') => void,
): Catalogue => ({
  list: async ({ prefix, after, limit }) => {
    expectOpen('load_failed')
    return [...disk.spaces]
      .filter(([name]) => name.startsWith(prefix) && byBytes(name, after) > 0)
      .sort(([a], [b]) => byBytes(a, b))
      .slice(0, limit)
      .map(([name, space]) => factsOf(name, space))
  },

  find: async name => {
    expectOpen('load_failed')
    const space = disk.spaces.get(name)
    return space === undefined ? null : figuresOf(name, space)
  },

  delete: async (name, nowMs) => {
    expectOpen('degraded')
    const space = disk.spaces.get(name)
    if (space === undefined) disk.spaces.set(name, newSpace({ createdMs: nowMs, deletedMs: nowMs }))
    else space.deletedMs ??= nowMs
  },

  restore: async name => {
    expectOpen('degraded')
    const space = disk.spaces.get(name)
    if (space !== undefined) space.deletedMs = null
    return space?.generation ?? 0
  },

  create: async (name, nowMs) => {
    expectOpen('degraded')
    const space = disk.spaces.get(name)
    if (space !== undefined && space.deletedMs === null) return { generation: space.generation, isNew: false }
    const generation = space === undefined ? 0 : space.generation + 1
    disk.spaces.set(name, newSpace({ createdMs: nowMs, generation }))
    if (space !== undefined) disk.members.delete(name)
    return { generation, isNew: true }
  },

  revocations: async () => {
    expectOpen('load_failed')
    return [...disk.revocations.values()]
  },

  revoke: async revocation => {
    expectOpen('degraded')
    const key = keyOf(revocation.space, revocation.user)
    if (!disk.revocations.has(key)) disk.revocations.set(key, revocation)
  },

  reinstate: async (space, user) => {
    expectOpen('degraded')
    disk.revocations.delete(keyOf(space, user))
  },
})

const factsOf = (name: SpaceName, { generation, createdMs, deletedMs }: MemorySpace): StoredFacts => ({
  name,
  generation,
  createdAtMs: createdMs,
  deletedAtMs: deletedMs,
})

const figuresOf = (name: SpaceName, space: MemorySpace): StoredFigures => {
  const { snapshot, rows, updatedMs, quarantine } = space
  const snapshotPosition = snapshot?.position ?? 0
  const behind = rows.filter(({ last }) => last > snapshotPosition)
  return {
    ...factsOf(name, space),
    updatedAtMs: updatedMs,
    position: behind.at(-1)?.last ?? snapshotPosition,
    snapshotPosition,
    snapshotBytes: snapshot?.update.length ?? 0,
    logBytes: behind.reduce((sum, { payload }) => sum + payload.length, 0),
    quarantine,
  }
}

const keyOf = (space: SpaceName | null, user: string): string => JSON.stringify([space, user])

const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))
