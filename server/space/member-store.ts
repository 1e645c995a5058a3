/** The port to where members are kept, so that who was in a space is known after a restart. */
import type { SpaceName } from '../../shared/names.js'
import type { RosterMember } from './members.js'

export interface MemberChange {
  readonly space: SpaceName
  readonly user: string
  /** Null where they are forgotten. */
  readonly member: RosterMember | null
}

export interface MemberStore {
  /**
   * Everybody who is known of a space, open or not. Whoever was here when the process ended has left by the time
   * that it is opened again: when it was last heard of, with the reason `timeout`.
   * @throws load_failed
   */
  load(space: SpaceName): Promise<readonly RosterMember[]>
  /** Keeps all of them, as one commit, and that the process lived at that time. @throws degraded */
  save(changes: readonly MemberChange[], nowMs: number): Promise<void>
}
