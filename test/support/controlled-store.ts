/** A memory store whose calls the test holds and fails, over a disk that survives its server. */
import type { Catalogue } from '../../server/space/catalogue.js'
import type { MemberChange, MemberStore } from '../../server/space/member-store.js'
import type {
  CompactionOutcome,
  Delivery,
  LogEntry,
  StoredSpace,
  UpdateStore,
} from '../../server/space/update-store.js'
import { MemoryDisk, openMemoryStore } from '../../server/storage/memory-store.js'
import { type ErrorCode, PlenumError } from '../../shared/errors.js'
import type { SpaceName } from '../../shared/names.js'

type Call = 'append' | 'load' | 'reopen' | 'compact' | 'attribution' | 'catalogue'

/** What each call says that it throws. */
const FAILURES = {
  append: 'degraded',
  load: 'load_failed',
  reopen: 'degraded',
  compact: 'internal',
  attribution: 'load_failed',
  catalogue: 'degraded',
} as const

/** What the errors of calls say that were told to fail. */
export const WANTED_FAILURE = 'as the test wants it'

export class ControlledStore implements UpdateStore {
  readonly disk: MemoryDisk
  /** Every call as it was made. */
  readonly calls: Call[] = []
  /** The groups whose `append` was called, in order. */
  readonly groups: (readonly LogEntry[])[] = []
  /** What the next calls of `compact` answer instead of compacting. */
  readonly compactions: (CompactionOutcome | 'compact')[] = []
  /** What `members.save` was called with. */
  readonly memberSaves: (readonly MemberChange[])[] = []
  isMemberSaveFailing = false
  readonly #inner: UpdateStore
  readonly #failing = new Map<Call, { left: number; readonly code: ErrorCode }>()
  /** The next `append` reaches the disk, and yet fails: the answer was lost. */
  isNextAnswerLost = false
  readonly #held = new Map<Call, { gate: Promise<void>; release(): void }>()

  constructor(disk = new MemoryDisk()) {
    this.disk = disk
    this.#inner = openMemoryStore({ disk })
  }

  readonly members: MemberStore = {
    load: space => this.#inner.members.load(space),
    save: async (changes, nowMs) => {
      this.memberSaves.push(changes)
      if (this.isMemberSaveFailing) throw new PlenumError('degraded', 'as the test wants it')
      await this.#inner.members.save(changes, nowMs)
    },
  }

  /** Every call of it is one to `catalogue`. */
  readonly catalogue: Catalogue = new Proxy({} as Catalogue, {
    get:
      (_, method: keyof Catalogue) =>
      async (...args: unknown[]) => {
        await this.#pass('catalogue')
        return (this.#inner.catalogue[method] as (...args: unknown[]) => Promise<unknown>)(...args)
      },
  })

  get id(): string {
    return this.#inner.id
  }

  count(call: Call): number {
    return this.calls.filter(made => made === call).length
  }

  /** The next `times` calls fail; until `mend` without a number. */
  fail(call: Call, times = Number.POSITIVE_INFINITY, code: ErrorCode = FAILURES[call]): void {
    this.#failing.set(call, { left: times, code })
  }

  mend(...calls: Call[]): void {
    for (const call of calls) this.#failing.delete(call)
  }

  /** Calls wait at the door until they are released. */
  hold(call: Call): void {
    if (this.#held.has(call)) return
    let release = (): void => {}
    const gate = new Promise<void>(resolve => {
      release = resolve
    })
    this.#held.set(call, { gate, release })
  }

  release(call: Call): void {
    this.#held.get(call)?.release()
    this.#held.delete(call)
  }

  async load(space: SpaceName): Promise<StoredSpace> {
    // What a load that takes its time has read is as old as its start.
    const stored = this.#inner.load(space)
    await this.#pass('load')
    return stored
  }

  async attribution(space: SpaceName): Promise<readonly Delivery[]> {
    await this.#pass('attribution')
    return this.#inner.attribution(space)
  }

  async append(group: readonly LogEntry[]): Promise<void> {
    this.groups.push(group)
    await this.#pass('append')
    await this.#inner.append(group)
    if (!this.isNextAnswerLost) return
    this.isNextAnswerLost = false
    throw new PlenumError('degraded', 'the answer was lost')
  }

  async reopen(): Promise<void> {
    await this.#pass('reopen')
    await this.#inner.reopen()
  }

  async compact(space: SpaceName): Promise<CompactionOutcome> {
    await this.#pass('compact')
    const outcome = this.compactions.shift() ?? (await this.#inner.compact(space))
    return outcome === 'compact' ? this.#inner.compact(space) : outcome
  }

  close(): Promise<void> {
    return this.#inner.close()
  }

  async #pass(call: Call): Promise<void> {
    this.calls.push(call)
    await this.#held.get(call)?.gate
    const failing = this.#failing.get(call)
    if (failing === undefined || failing.left === 0) return
    failing.left--
    throw new PlenumError(failing.code, WANTED_FAILURE)
  }
}
