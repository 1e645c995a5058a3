/**
 * The spaces of a process as its desk sees them, which has no connection to any. A space that was deleted is gone
 * from here only when what was logged of it is on disk: nothing of it comes up again in the one created after it.
 */
import { PlenumError } from '../../shared/errors.js'
import type { SpaceName } from '../../shared/names.js'
import type { CommitQueue } from './commit-queue.js'
import type { Compactions } from './compactions.js'
import type { EventSink } from './events.js'
import type { MemberJournal } from './member-journal.js'
import type { RosterMember } from './members.js'
import type { OpenSpaces } from './open-spaces.js'
import type { Space } from './space.js'

export interface RoomsOptions {
  readonly spaces: OpenSpaces
  readonly commits: CommitQueue
  readonly compactions: Compactions
  readonly journal: MemberJournal
  readonly events: EventSink
}

export class Rooms {
  readonly #options: RoomsOptions

  constructor(options: RoomsOptions) {
    this.#options = options
  }

  /** Opens a space where it is not; it is open when the promise resolves. @throws as a join */
  async open(name: SpaceName): Promise<Space> {
    const { spaces } = this.#options
    let space = await spaces.open(name)
    while (spaces.opened(name) !== space) space = await spaces.open(name)
    return space
  }

  opened(name: SpaceName): Space | undefined {
    return this.#options.spaces.opened(name)
  }

  everyOpen(): Iterable<Space> {
    return this.#options.spaces.everyOpen()
  }

  /** Who is in a space and who was, open or not. @throws load_failed */
  async members(name: SpaceName): Promise<readonly RosterMember[]> {
    const { spaces, journal } = this.#options
    const opened = (await spaces.loading(name)) ?? spaces.opened(name)
    return opened?.members ?? journal.load(name)
  }

  /**
   * Closes a space that was deleted for good, and its connections, whoever waits for it included; what of it was
   * logged is still on the way to the disk then.
   */
  async clear(name: SpaceName): Promise<void> {
    const { spaces, commits, events } = this.#options
    events.tell('space-deleted', { space: name })
    // It may have read what was there before, and then others come in with it.
    await spaces.loading(name)
    const space = spaces.opened(name)
    if (space === undefined) return
    space.closeSessions('space_deleted')
    void spaces.retire(space, { code: 'space_deleted', work: () => commits.whenSaved(name) })
  }

  /** Resolves when nothing of a space that was deleted is anywhere but on the disk. @throws degraded */
  async whenEmpty(name: SpaceName): Promise<void> {
    const { spaces, commits, compactions, journal } = this.#options
    // Nobody waits for a disk that takes nothing.
    const isWaiting = commits.uncommittedBytesOf(name) > 0
    if (isWaiting && commits.isDegraded) throw new PlenumError('degraded')
    await spaces.closing(name)
    await compactions.whenDone(name)
    await journal.forget(name)
  }
}
