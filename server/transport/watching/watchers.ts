/**
 * Everybody who watches a space over an event stream. Whoever may not, or whose space cannot be opened, is refused
 * before the stream begins; from then on it ends with a last event that says why.
 */
import type { ServerResponse } from 'node:http'
import type { ErrorCode } from '../../../shared/errors.js'
import type { SpaceName } from '../../../shared/names.js'
import type { ResumePoint } from '../../../shared/protocol/index.js'
import type { Access, Dialect, Peer } from '../../space/peer.js'
import type { SpaceDesk } from '../../space/space-desk.js'
import type { DoorObserver, Gate, Place } from '../ports.js'
import type { Watched, Wording } from './watched.js'
import { type WatchedSession, Watcher } from './watcher.js'

export interface WatchersOptions {
  readonly gate: Pick<Gate, 'renew'>
  readonly desk: Pick<SpaceDesk, 'snapshot' | 'intentions'>
  readonly spaces: {
    join(
      space: SpaceName,
      peer: Peer,
      options: {
        readonly dialect: Dialect
        readonly access: Access
        authenticate: Gate['renew']
        readonly after: ResumePoint | null
        readonly needsRenewals: boolean
      },
    ): Promise<WatchedSession>
  }
  readonly observer: DoorObserver
  /** The clock, ms since 1970. */
  /** Milliseconds on a clock that never jumps. */
  readonly elapsed: () => number
  readonly beatMs: number
  readonly stuckMs: number
}

export interface WatchWish {
  readonly events: ReadonlySet<Watched>
  /** Of the copy that the changes are for; null for an empty one. */
  readonly stateVector: Uint8Array | null
  readonly after: ResumePoint | null
}

export interface Watch {
  readonly space: SpaceName
  readonly access: Access
  /** The watcher's now, to be left when the stream is gone. */
  readonly place: Pick<Place, 'closed' | 'leave'>
  readonly wish: WatchWish
  readonly wording: Wording
}

const EMPTY_STATE_VECTOR = Uint8Array.of(0)

const HEADERS = {
  'Content-Type': 'text/event-stream; charset=utf-8',
  'Cache-Control': 'no-cache, no-store, no-transform',
  // Proxies of nginx's kind must not wait for more.
  'X-Accel-Buffering': 'no',
}

export class Watchers {
  readonly #options: WatchersOptions
  readonly #watchers = new Set<Watcher>()
  #onEmpty = (): void => {}

  constructor(options: WatchersOptions) {
    this.#options = options
  }

  get connections(): number {
    return this.#watchers.size
  }

  /** Resolves when the stream has begun, or its reader is gone. @throws as joining a space; nothing was written then */
  async watch(response: ServerResponse, { space, access, place, wish, wording }: Watch): Promise<void> {
    const { desk, spaces, gate, beatMs, stuckMs } = this.#options
    // It went while it was judged, and will not say so again.
    if (response.destroyed || response.closed) {
      place.leave()
      return
    }
    const watcher = new Watcher({
      response,
      wording,
      wanted: wish.events,
      beatMs,
      stuckMs,
      intentions: () => desk.intentions(space),
      onEnded: code => this.#onEnded(watcher, place, code),
    })
    this.#watchers.add(watcher)
    this.#options.observer.opened('plenum', 'watch')
    try {
      const snapshot = await desk.snapshot(space)
      const authenticate: Gate['renew'] = (token, of, user) => gate.renew(token, of, user)
      const { after } = wish
      const options = { dialect: 'plenum', access, authenticate, after, needsRenewals: false } as const
      const session = await spaces.join(space, watcher, options)
      for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value)
      const isResumed = wish.after?.epoch === snapshot.epoch
      const wantsChanges = wish.events.has('change')
      // Whoever wants no changes holds what there is: nothing of it is sent.
      const held = wantsChanges ? (wish.stateVector ?? EMPTY_STATE_VECTOR) : snapshot.stateVector
      watcher.begin(session, { snapshot, isResumed }, held)
    } catch (error) {
      // The refusal is an answer of its own; its end is this watcher's.
      if (response.closed) return
      throw error
    }
  }

  /**
   * Ends what is left once the spaces have closed everybody.
   * @param graceMs how long last events that are under way may take
   */
  async close(graceMs: number): Promise<void> {
    if (this.#watchers.size > 0) {
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, graceMs)
        this.#onEmpty = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    for (const watcher of [...this.#watchers]) watcher.terminate()
  }

  /** Once a second. */
  sweep(nowMs: number): void {
    for (const watcher of this.#watchers) watcher.sweep(nowMs)
  }

  #onEnded(watcher: Watcher, place: Watch['place'], code: ErrorCode | null): void {
    if (!this.#watchers.delete(watcher)) return
    if (this.#watchers.size === 0) this.#onEmpty()
    const { observer, elapsed } = this.#options
    if (code !== null) place.closed(code, elapsed())
    place.leave()
    observer.closed('plenum', code ?? 'peer', 'watch')
  }
}
