/**
 * The port to what is known of spaces beside their content: which there are, which were deleted, and who may not
 * enter. Every change is durable (fsynced) when its promise resolves; when it rejects, it may be made again.
 */
import type { SpaceName } from '../../shared/names.js'

/** A space that is stored: somebody wrote in it, or an administrator created or deleted it. */
export interface StoredFacts {
  readonly name: SpaceName
  readonly generation: number
  readonly createdAtMs: number
  /** Null unless it is deleted. */
  readonly deletedAtMs: number | null
}

export interface StoredFigures extends StoredFacts {
  /** When it was last written. */
  readonly updatedAtMs: number
  readonly position: number
  /** The newest snapshot; 0 and 0 where there is none. */
  readonly snapshotPosition: number
  readonly snapshotBytes: number
  /** What the log holds behind it. */
  readonly logBytes: number
  readonly quarantine: string | null
}

export interface StoredRevocation {
  /** Null where it holds for all spaces. */
  readonly space: SpaceName | null
  readonly user: string
  readonly atMs: number
}

export interface Catalogue {
  /**
   * Names that begin with `prefix` and come behind `after`, in the order of their UTF-8 bytes.
   * @throws load_failed
   */
  list(options: {
    readonly prefix: string
    readonly after: string
    readonly limit: number
  }): Promise<readonly StoredFacts[]>
  /** Null where it is not stored. @throws load_failed */
  find(space: SpaceName): Promise<StoredFigures | null>
  /** Marks it; everything stays. The first mark counts. @throws degraded */
  delete(space: SpaceName, nowMs: number): Promise<void>
  /** Takes the mark back. @returns the generation, as it was @throws degraded */
  restore(space: SpaceName): Promise<number>
  /**
   * Where the space is marked as deleted, drops everything that is stored of it and raises the generation; where
   * none is stored, stores an empty one. Nothing of it may be on its way to the disk. @throws degraded
   */
  create(space: SpaceName, nowMs: number): Promise<{ readonly generation: number; readonly isNew: boolean }>
  /** Every one. @throws load_failed */
  revocations(): Promise<readonly StoredRevocation[]>
  /** The first one counts. @throws degraded */
  revoke(revocation: StoredRevocation): Promise<void>
  /** @throws degraded */
  reinstate(space: SpaceName | null, user: string): Promise<void>
}
