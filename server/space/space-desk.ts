/**
 * What programs ask of a space and do to it without a connection: the port between the spaces and whatever answers
 * for them over HTTP or inside an application. Nothing here is acknowledged before it is durable; whoever asks is
 * not on the roster. Every method rejects with a `PlenumError`, and a space need not be open to be asked for.
 */
import { PlenumError } from '../../shared/errors.js'
import type { SpaceName } from '../../shared/names.js'
import type { Root } from './engine.js'
import type { AttestedIntentions } from './intentions-desk.js'
import type { RosterMember } from './members.js'
import type { Access } from './peer.js'
import type { AwarenessState } from './stamp.js'

export { ROOT_TYPES, type Root, type RootType } from './engine.js'

/** Somebody's awareness state, as everybody in the space sees it. */
export interface PresentClient {
  /** The Yjs clientID that announced it. */
  readonly clientId: number
  /** Whose connection it is, by its token. */
  readonly user: string
  readonly state: AwarenessState
}

/** One consistent cut: everything as of one moment of the space. */
export interface SpaceSnapshot {
  /** The life of the content: another one after a repair, and after a space was created anew. */
  readonly incarnation: string
  /** Positions mean something only within one epoch. */
  readonly epoch: string
  /** How far the log was; 0 for a space that nobody has written in. It may not be durable yet. */
  readonly position: number
  /** As Yjs encodes it. */
  readonly stateVector: Uint8Array
  readonly presence: readonly PresentClient[]
  readonly members: readonly RosterMember[]
  readonly intentions: AttestedIntentions
}

/** What a replica lacks, as one Yjs update, and where the log was. */
export interface SpaceUpdate {
  readonly update: Uint8Array
  readonly position: number
}

/** Some of the edit builds on structs that are not here. What did fit is in the document; send the rest with it. */
export class GapError extends PlenumError {
  /** What the document has: a diff against it fits. */
  readonly stateVector: Uint8Array

  constructor(stateVector: Uint8Array) {
    super('gap')
    this.stateVector = stateVector
  }
}

/** A space in a list: one that somebody has written in, or that an administrator created or deleted. */
export interface ListedSpace {
  readonly name: SpaceName
  readonly incarnation: string
  readonly createdAtMs: number
  /** Null unless it is deleted. */
  readonly deletedAtMs: number | null
  readonly isOpen: boolean
  readonly peers: number
}

export interface SpacePage {
  readonly spaces: readonly ListedSpace[]
  /** What to pass as `after` for the next page; null where this is the last. */
  readonly next: SpaceName | null
}

export interface SpaceStats extends ListedSpace {
  /** When it was last written. */
  readonly updatedAtMs: number
  /** How far the log is, and how far it is durable. */
  readonly position: number
  readonly durablePosition: number
  /** The newest verified snapshot; 0 and 0 where there is none. */
  readonly snapshotPosition: number
  readonly snapshotBytes: number
  /** What is on disk behind that snapshot. */
  readonly logBytes: number
  /** Members who are here, and members who are remembered. */
  readonly membersHere: number
  readonly membersLeft: number
  /** Why nothing may be written; null where it may. */
  readonly quarantine: string | null
}

/** A user who may not enter a space, or where `space` is null, none. */
export interface Revocation {
  readonly space: SpaceName | null
  readonly user: string
  readonly atMs: number
}

export interface SpaceDesk {
  /** @throws draining, load_failed, space_deleted, rate_limited */
  snapshot(name: SpaceName): Promise<SpaceSnapshot>
  /**
   * What a replica with this state vector lacks, the whole delete set included; null asks for everything.
   * @throws malformed for a state vector that cannot be read or names too many clients; as `snapshot`
   */
  update(name: SpaceName, stateVector: Uint8Array | null): Promise<SpaceUpdate>
  /**
   * Brings one Yjs update (v1, not trusted) into the document as any client's, and resolves when it is durable at
   * the position. What is known already is durable there as well.
   * @throws GapError; malformed, read_only, too_large, unappliable, forbidden (new clocks of a client that is live
   *   on another user's connection), revoked, quarantined, degraded, rate_limited, draining, load_failed,
   *   space_deleted, internal: it may be in the document all the same, and may be sent again
   */
  edit(name: SpaceName, update: Uint8Array, access: Access): Promise<{ readonly position: number }>
  /**
   * Roots of the document as JSON, by name; null asks for every root that the document has, each by its evident
   * type. Of a type: a map's fields, an array's elements, a text without its formats, XML as Yjs writes it, which
   * is not escaped. Bytes become base64, big integers decimal strings, what JSON has no number for null; what is
   * undefined is left out of an object, and null in a list. A root that has lost everything is null where its type is
   * not asked for: nothing tells it any more.
   * @throws bad_request for a root that is evidently of another type; too_large for one that nests too deeply; as
   *   `snapshot`
   */
  json(name: SpaceName, roots: readonly Root[] | null): Promise<Readonly<Record<string, unknown>>>
  /** Who is there and who was. @throws load_failed, space_deleted */
  members(name: SpaceName): Promise<readonly RosterMember[]>
  /** What members mean to do, and who said so. @throws as `snapshot` */
  intentions(name: SpaceName): Promise<AttestedIntentions>

  /**
   * Spaces whose names begin with `prefix`, by name (as UTF-8 bytes), behind `after`; deleted ones, too.
   * @param options.limit 1 to 1000
   * @throws load_failed
   */
  list(options: {
    readonly prefix?: string
    readonly after?: string
    readonly limit: number
  }): Promise<SpacePage>
  /** @throws not_found where nobody has written in it and nobody is in it; load_failed */
  stats(name: SpaceName): Promise<SpaceStats>
  /**
   * Closes its connections, and from then on refuses everybody with `space_deleted`. Everything stays on the disk.
   * Harmless where it is deleted already. @throws degraded: then nothing has changed
   */
  delete(name: SpaceName): Promise<void>
  /** Takes a deletion back: the same incarnation. Harmless where there is none. @throws degraded */
  restore(name: SpaceName): Promise<{ readonly incarnation: string }>
  /**
   * Makes an empty space of one that was deleted, under another incarnation: what it held is gone for good.
   * A space that is there is left as it is. @throws degraded
   */
  create(name: SpaceName): Promise<{ readonly incarnation: string; readonly isNew: boolean }>
  /** Closes a user's connections; they may come back. @returns how many were closed */
  disconnect(name: SpaceName, user: string): Promise<number>
  /**
   * Closes a user's connections to a space, or where `name` is null to all, and from then on refuses the user there
   * with `revoked`, whatever the token says. @throws degraded: then nothing has changed
   */
  revoke(name: SpaceName | null, user: string): Promise<void>
  /** Takes a revocation back. What holds for all spaces stays where one is named. @throws degraded */
  reinstate(name: SpaceName | null, user: string): Promise<void>
  /** Those of a space, or where `name` is null those for all spaces. @throws load_failed */
  revocations(name: SpaceName | null): Promise<readonly Revocation[]>
  /** The lock behind every token. @throws revoked; load_failed where it is not known who is */
  expectWelcome(name: SpaceName, user: string): Promise<void>
}
