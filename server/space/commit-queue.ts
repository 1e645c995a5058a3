/**
 * Group commit over all spaces: while one commit is on its way to the disk, or waits for company, what arrives
 * collects for the next. A failed group is retried, the same blobs in the same order, before anything later; until
 * it is on disk the queue is degraded and nobody is told `saved`.
 */
import { type PlenumError, toPlenumError } from '../../shared/errors.js'
import type { SpaceName } from '../../shared/names.js'
import { afterCommit, commitDelayMs, FIRST_PACE, gather, NOTHING_GATHERED } from './commit-pacing.js'
import type { Observer } from './observer.js'
import type { Scheduler } from './scheduler.js'
import type { LogEntry, LoggedFlush, UpdateStore } from './update-store.js'

const FIRST_RETRY_MS = 100
const MAX_RETRY_MS = 3000

export interface CommitQueueOptions {
  readonly store: UpdateStore
  readonly scheduler: Scheduler
  readonly observer: Observer
  /** Everything of the space up to `position` is on disk; `flushes` are what is new. */
  onDurable(space: SpaceName, position: number, flushes: readonly LoggedFlush[]): void
  /** The store refused what this space appended, for good: a bug of ours, which must not stop the others. */
  onLost(space: SpaceName): void
  onDegraded(error: PlenumError): void
  onRecovered(): void
}

export class CommitQueue {
  readonly #options: CommitQueueOptions
  #inFlight = new Map<SpaceName, LoggedFlush[]>()
  #next = new Map<SpaceName, LoggedFlush[]>()
  #bytes = new Map<SpaceName, number>()
  #totalBytes = 0
  #gathered = NOTHING_GATHERED
  #pace = FIRST_PACE
  /** How many wait for everything, or for a space, to be saved: nothing waits for company then. */
  #hurried = 0
  /** Ends the wait for company. */
  #goNow: (() => void) | null = null
  #isRunning = false
  #isDegraded = false
  #isClosed = false
  #waiters: (() => void)[] = []

  constructor(options: CommitQueueOptions) {
    this.#options = options
  }

  get isDegraded(): boolean {
    return this.#isDegraded
  }

  /** Bytes handed over and not on disk yet, of all spaces. */
  get uncommittedBytes(): number {
    return this.#totalBytes
  }

  uncommittedBytesOf(space: SpaceName): number {
    return this.#bytes.get(space) ?? 0
  }

  /** Spaces with something that is not on disk yet. */
  get uncommittedSpaces(): SpaceName[] {
    return [...this.#bytes.keys()]
  }

  /** What of this space is not known to be on disk, in order. */
  pending(space: SpaceName): readonly LoggedFlush[] {
    return [...(this.#inFlight.get(space) ?? []), ...(this.#next.get(space) ?? [])]
  }

  /** Takes a flush; its buffers must not change any more. */
  append(space: SpaceName, flush: LoggedFlush): void {
    const queued = this.#next.get(space)
    if (queued === undefined) this.#next.set(space, [flush])
    else queued.push(flush)
    const bytes = flushBytes(flush)
    this.#totalBytes += bytes
    this.#bytes.set(space, (this.#bytes.get(space) ?? 0) + bytes)
    const edits = Math.max(1, flush.deliveries.length)
    this.#gathered = gather(this.#gathered, { edits, bytes }, this.#options.scheduler.elapsed())
    if (!this.#isRunning) {
      this.#isRunning = true
      void this.#run()
    } else if (this.#goNow !== null && this.#delayMs === 0) {
      this.#goNow()
    }
  }

  /** Resolves when nothing is left to commit, or when the queue is closed. */
  whenIdle(): Promise<void> {
    return this.#hurryWhile(() => this.#isRunning)
  }

  /** Resolves when nothing of this space is left to commit, or when the queue is closed. */
  whenSaved(space: SpaceName): Promise<void> {
    return this.#hurryWhile(() => this.#bytes.has(space))
  }

  /** Gives up retrying; a commit under way still ends. Idempotent. */
  close(): void {
    this.#isClosed = true
    this.#goNow?.()
    this.#wake()
  }

  async #hurryWhile(isAwaited: () => boolean): Promise<void> {
    if (!isAwaited()) return
    this.#hurried++
    this.#goNow?.()
    while (isAwaited() && !this.#isClosed) await new Promise<void>(resolve => this.#waiters.push(resolve))
    this.#hurried--
  }

  get #delayMs(): number {
    if (this.#hurried > 0) return 0
    return commitDelayMs(this.#pace, this.#gathered, this.#options.scheduler.elapsed())
  }

  async #run(): Promise<void> {
    while (this.#next.size > 0 && !this.#isClosed) {
      const delayMs = this.#delayMs
      if (delayMs > 0) await this.#waitForCompany(delayMs)
      if (this.#isClosed) break
      this.#inFlight = this.#next
      this.#next = new Map()
      const gathered = this.#gathered
      this.#gathered = NOTHING_GATHERED
      const startMs = this.#options.scheduler.elapsed()
      const group = [...this.#inFlight].map(([space, flushes]): LogEntry => ({ space, flushes }))
      const committed = await this.#commit(group)
      if (committed === null) break
      const commit = { startMs, endMs: this.#options.scheduler.elapsed(), gathered }
      this.#pace = afterCommit(this.#pace, commit)
      this.#inFlight = new Map()
      for (const entry of group) this.#settle(entry, committed.has(entry))
      if (this.#isDegraded) {
        this.#isDegraded = false
        this.#options.observer.report('info', 'storage recovered')
        this.#options.onRecovered()
      }
      this.#wake()
    }
    this.#isRunning = false
    this.#wake()
  }

  /** @returns the entries that are on disk now; null when the queue was closed before */
  async #commit(group: readonly LogEntry[]): Promise<ReadonlySet<LogEntry> | null> {
    const { store, observer, scheduler } = this.#options
    let entries = group
    for (let retryMs = FIRST_RETRY_MS, isRetry = false; ; isRetry = true) {
      try {
        if (isRetry) await store.reopen()
        const startMs = scheduler.elapsed()
        await store.append(entries)
        observer.count('commits')
        observer.timed('commit', scheduler.elapsed() - startMs)
        return new Set(entries)
      } catch (cause) {
        const error = toPlenumError(cause)
        observer.count('commit_failures')
        if (error.code === 'internal') {
          entries = await this.#acceptable(entries)
          if (entries.length === 0) return new Set()
          continue
        }
        if (!this.#isDegraded) {
          this.#isDegraded = true
          observer.report('error', 'storage degraded', { error })
          this.#options.onDegraded(error)
        }
      }
      await this.#pause(retryMs)
      if (this.#isClosed) return null
      retryMs = Math.min(retryMs * 2, MAX_RETRY_MS)
    }
  }

  /** Tries the entries one by one, to leave out those that the store will never take. */
  async #acceptable(entries: readonly LogEntry[]): Promise<readonly LogEntry[]> {
    const { store, observer } = this.#options
    const acceptable: LogEntry[] = []
    for (const entry of entries) {
      try {
        await store.append([entry])
        acceptable.push(entry)
      } catch (cause) {
        const error = toPlenumError(cause)
        if (error.code === 'internal')
          observer.report('error', 'append refused', { space: entry.space, error })
        else acceptable.push(entry)
      }
    }
    return acceptable
  }

  /** Until the time is over, enough has gathered, or somebody is in a hurry. */
  async #waitForCompany(delayMs: number): Promise<void> {
    await new Promise<void>(resolve => {
      const cancel = this.#options.scheduler.after(delayMs, resolve)
      this.#goNow = () => {
        cancel()
        resolve()
      }
    })
    this.#goNow = null
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise(resolve => {
      const cancel = this.#options.scheduler.after(delayMs, resolve)
      this.#waiters.push(() => {
        if (!this.#isClosed) return
        cancel()
        resolve()
      })
    })
  }

  #settle({ space, flushes }: LogEntry, isCommitted: boolean): void {
    if (!isCommitted) {
      this.#forget(space)
      this.#options.onLost(space)
      return
    }
    const bytes = flushes.reduce((sum, flush) => sum + flushBytes(flush), 0)
    this.#totalBytes -= bytes
    const left = (this.#bytes.get(space) ?? 0) - bytes
    if (left > 0 || this.#next.has(space)) this.#bytes.set(space, left)
    else this.#bytes.delete(space)
    this.#options.onDurable(space, flushes.at(-1)!.position, flushes)
  }

  /** What follows a lost flush would leave a gap. */
  #forget(space: SpaceName): void {
    this.#totalBytes -= this.#bytes.get(space) ?? 0
    this.#bytes.delete(space)
    this.#next.delete(space)
  }

  #wake(): void {
    const waiters = this.#waiters
    this.#waiters = []
    for (const wake of waiters) wake()
  }
}

export const flushBytes = (flush: LoggedFlush): number =>
  flush.updates.reduce((sum, update) => sum + update.length, 0) +
  flush.inputs.reduce((sum, input) => sum + input.update.length, 0)
