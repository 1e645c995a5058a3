/**
 * The desk of one process: whoever asks of a space without a connection has it opened, and administrators decide
 * which spaces there are and who may enter. What they decide is on disk before anybody notices.
 */
import { PlenumError } from '../../shared/errors.js'
import type { SpaceName } from '../../shared/names.js'
import type { Catalogue, StoredFacts } from './catalogue.js'
import type { RootsFound } from './engine.js'
import { incarnationOf } from './incarnation.js'
import type { AttestedIntentions } from './intentions-desk.js'
import type { RosterMember } from './members.js'
import { OneAtATime } from './one-at-a-time.js'
import type { Access } from './peer.js'
import type { Revocations } from './revocations.js'
import type { Rooms } from './rooms.js'
import type { Scheduler } from './scheduler.js'
import type {
  ListedSpace,
  Revocation,
  Root,
  SpaceDesk,
  SpacePage,
  SpaceSnapshot,
  SpaceStats,
  SpaceUpdate,
} from './space-desk.js'

export interface DeskOptions {
  readonly rooms: Rooms
  readonly catalogue: Catalogue
  readonly revocations: Revocations
  readonly scheduler: Scheduler
  /** The store's id: it begins every incarnation. */
  readonly storeId: string
}

export const MAX_LISTED = 1_000

export class Desk implements SpaceDesk {
  readonly #options: DeskOptions
  readonly #decisions = new OneAtATime<SpaceName>()

  constructor(options: DeskOptions) {
    this.#options = options
  }

  async snapshot(name: SpaceName): Promise<SpaceSnapshot> {
    return (await this.#options.rooms.open(name)).reader.snapshot()
  }

  async update(name: SpaceName, stateVector: Uint8Array | null): Promise<SpaceUpdate> {
    return (await this.#options.rooms.open(name)).reader.update(stateVector)
  }

  async json(name: SpaceName, roots: readonly Root[] | null): Promise<RootsFound> {
    return (await this.#options.rooms.open(name)).reader.json(roots)
  }

  async intentions(name: SpaceName): Promise<AttestedIntentions> {
    return (await this.#options.rooms.open(name)).reader.intentions()
  }

  async edit(name: SpaceName, update: Uint8Array, access: Access): Promise<{ readonly position: number }> {
    const { rooms, revocations } = this.#options
    await revocations.expectWelcome(name, access.user)
    const space = await rooms.open(name)
    revocations.expectStillWelcome(name, access.user)
    return { position: await space.edits.edit(update, access) }
  }

  async members(name: SpaceName): Promise<readonly RosterMember[]> {
    const { rooms, catalogue } = this.#options
    if (rooms.opened(name) === undefined && ((await catalogue.find(name))?.deletedAtMs ?? null) !== null) {
      throw new PlenumError('space_deleted')
    }
    return rooms.members(name)
  }

  async list(options: {
    readonly prefix?: string
    readonly after?: string
    readonly limit: number
  }): Promise<SpacePage> {
    const { prefix = '', after = '', limit } = options
    if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LISTED) {
      throw new PlenumError('bad_request', `the limit is not 1 to ${MAX_LISTED}`)
    }
    const found = await this.#options.catalogue.list({ prefix, after, limit })
    const next = found.length < limit ? null : found.at(-1)!.name
    return { spaces: found.map(facts => this.#listed(facts)), next }
  }

  async stats(name: SpaceName): Promise<SpaceStats> {
    const { catalogue, rooms } = this.#options
    const figures = await catalogue.find(name)
    if (figures === null) throw new PlenumError('not_found', 'nobody has written in this space')
    const members = await rooms.members(name)
    const { position, updatedAtMs, snapshotPosition, snapshotBytes, logBytes, quarantine } = figures
    const live = rooms.opened(name)?.reader.positions
    const membersHere = members.filter(({ left }) => left === null).length
    return {
      ...this.#listed(figures),
      updatedAtMs,
      position: live?.position ?? position,
      durablePosition: live?.durablePosition ?? position,
      snapshotPosition,
      snapshotBytes,
      logBytes,
      membersHere,
      membersLeft: members.length - membersHere,
      quarantine,
    }
  }

  delete(name: SpaceName): Promise<void> {
    const { rooms, catalogue, scheduler } = this.#options
    return this.#decisions.run(name, async () => {
      await catalogue.delete(name, scheduler.now())
      // Whoever opens it from here on is refused; who had opened it before is put out.
      await rooms.clear(name)
    })
  }

  restore(name: SpaceName): Promise<{ readonly incarnation: string }> {
    const { catalogue } = this.#options
    return this.#decisions.run(name, async () => ({
      incarnation: this.#incarnationOf(await catalogue.restore(name)),
    }))
  }

  create(name: SpaceName): Promise<{ readonly incarnation: string; readonly isNew: boolean }> {
    const { rooms, catalogue, scheduler } = this.#options
    return this.#decisions.run(name, async () => {
      if (((await catalogue.find(name))?.deletedAtMs ?? null) !== null) await rooms.whenEmpty(name)
      const { generation, isNew } = await catalogue.create(name, scheduler.now())
      return { incarnation: this.#incarnationOf(generation), isNew }
    })
  }

  async disconnect(name: SpaceName, user: string): Promise<number> {
    return this.#options.rooms.opened(name)?.dismiss(user, 'disconnected') ?? 0
  }

  async revoke(name: SpaceName | null, user: string): Promise<void> {
    const { rooms, revocations, scheduler } = this.#options
    await revocations.revoke({ space: name, user, atMs: scheduler.now() })
    for (const space of [...rooms.everyOpen()]) {
      if (name !== null && space.name !== name) continue
      space.dismiss(user, 'revoked')
      space.edits.refuse(user, 'revoked')
    }
  }

  reinstate(name: SpaceName | null, user: string): Promise<void> {
    return this.#options.revocations.reinstate(name, user)
  }

  revocations(name: SpaceName | null): Promise<readonly Revocation[]> {
    return this.#options.revocations.of(name)
  }

  expectWelcome(name: SpaceName, user: string): Promise<void> {
    return this.#options.revocations.expectWelcome(name, user)
  }

  #listed({ name, generation, createdAtMs, deletedAtMs }: StoredFacts): ListedSpace {
    const space = this.#options.rooms.opened(name)
    const incarnation = this.#incarnationOf(generation)
    return {
      name,
      incarnation,
      createdAtMs,
      deletedAtMs,
      isOpen: space !== undefined,
      peers: space?.peerCount ?? 0,
    }
  }

  #incarnationOf(generation: number): string {
    return incarnationOf(this.#options.storeId, generation)
  }
}
