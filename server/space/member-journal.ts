/**
 * Writes down who came, went and did something, for all spaces together: within a second for those who come
 * and go, and seldom for what they did. What is not written yet is known here; a write that fails is repeated.
 */
import { toPlenumError } from '../../shared/errors.js'
import type { SpaceName } from '../../shared/names.js'
import type { MemberChange, MemberStore } from './member-store.js'
import { ended, type RosterMember } from './members.js'
import type { Observer } from './observer.js'
import type { RosterJournal } from './roster.js'
import type { Scheduler } from './scheduler.js'

/** How long what members did may go unwritten, and how often it is written that the process lives, ms. */
const CALM_MS = 10_000
/** In one commit: edits that wait for the disk do not wait for more. */
const MAX_CHANGES = 1_000

export interface MemberJournalOptions {
  readonly store: MemberStore
  readonly observer: Observer
  readonly scheduler: Scheduler
  readonly memberRetentionMs: number
}

type Changes = Map<SpaceName, Map<string, RosterMember | null>>

export class MemberJournal implements RosterJournal {
  readonly #options: MemberJournalOptions
  #changes: Changes = new Map()
  #writing: Changes = new Map()
  #isUrgent = false
  #flushing: Promise<void> | null = null
  #writtenMs: number

  constructor(options: MemberJournalOptions) {
    this.#options = options
    this.#writtenMs = options.scheduler.elapsed()
  }

  put(space: SpaceName, user: string, member: RosterMember | null, isUrgent: boolean): void {
    if (isUrgent) this.#isUrgent = true
    let users = this.#changes.get(space)
    if (users === undefined) {
      users = new Map()
      this.#changes.set(space, users)
    }
    users.set(user, member)
  }

  /** Everybody who is known of a space that is not open: nobody of them is here. @throws load_failed */
  async load(space: SpaceName): Promise<readonly RosterMember[]> {
    const { store, scheduler, memberRetentionMs } = this.#options
    // Taken before the store is read: whatever is written meanwhile is then in one of the two.
    const unwritten = [...(this.#writing.get(space) ?? []), ...(this.#changes.get(space) ?? [])]
    const known = new Map<string, RosterMember | null>()
    for (const member of await store.load(space)) known.set(member.user, member)
    for (const [user, member] of unwritten) known.set(user, member)
    const sinceMs = scheduler.now() - memberRetentionMs
    return [...known.values()]
      .filter(member => member !== null)
      .map(member => ended(member))
      .filter(({ left }) => left !== null && left.atMs >= sinceMs)
  }

  /** What is not written yet of a space, never will be. Nobody may be there. */
  async forget(space: SpaceName): Promise<void> {
    while (this.#flushing !== null) await this.#flushing
    this.#changes.delete(space)
  }

  /** Once a second. @param isAnybodyHere whether a crash would have to be told from a leave */
  sweep(isAnybodyHere: boolean): void {
    if (this.#flushing !== null) return
    const isDue = this.#options.scheduler.elapsed() - this.#writtenMs >= CALM_MS
    if (this.#isUrgent || (isDue && (isAnybodyHere || this.#changes.size > 0))) void this.flush()
  }

  /** Writes all there is; never rejects. */
  async flush(): Promise<void> {
    while (this.#flushing !== null) await this.#flushing
    this.#flushing = this.#write()
    await this.#flushing
    // Not where it was written: a store that throws at once is done before it is known to have begun.
    this.#flushing = null
  }

  async #write(): Promise<void> {
    const { store, observer, scheduler } = this.#options
    this.#writing = this.#changes
    this.#changes = new Map()
    this.#isUrgent = false
    this.#writtenMs = scheduler.elapsed()
    try {
      const changes = listed(this.#writing)
      // Also where there is no change: that the process lives.
      for (let at = 0; at === 0 || at < changes.length; at += MAX_CHANGES) {
        await store.save(changes.slice(at, at + MAX_CHANGES), scheduler.now())
      }
    } catch (error) {
      observer.report('warn', 'who is there could not be written down', { error: toPlenumError(error) })
      // What came since is newer.
      const newer = this.#changes
      this.#changes = this.#writing
      for (const [space, users] of newer) {
        for (const [user, member] of users) this.put(space, user, member, false)
      }
    }
    this.#writing = new Map()
  }
}

const listed = (changes: Changes): MemberChange[] =>
  [...changes].flatMap(([space, users]) => [...users].map(([user, member]) => ({ space, user, member })))
