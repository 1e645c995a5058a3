/**
 * Edits that come without a connection: each goes the way of any client's message, through the inbox and the engine
 * and on to everybody, and is acknowledged when it is durable. Whoever waits always gets an answer, and nothing of
 * an edit is kept that was not applied. One user's edits go in order, on one allowance of engine time.
 */
import { assertNever, type ErrorCode, PlenumError } from '../../shared/errors.js'
import { mayDo } from '../../shared/roles.js'
import type { EngineOutcome } from './engine.js'
import type { EngineTime } from './engine-time.js'
import { LeanMap } from './lean-collections.js'
import type { SpaceLimits } from './limits.js'
import type { Observer } from './observer.js'
import type { Access, Peer } from './peer.js'
import { closedBy, type Readings } from './readings.js'
import type { Residence } from './residence.js'
import type { Scheduler } from './scheduler.js'
import { type Receipt, Session, type SpaceInbox } from './session.js'
import { GapError } from './space-desk.js'
import type { SpaceLog } from './space-log.js'

export interface EditDeskOptions {
  readonly space: SpaceInbox
  readonly residence: Residence
  readonly readings: Readings
  readonly log: SpaceLog
  readonly engineTime: EngineTime
  readonly scheduler: Scheduler
  readonly observer: Pick<Observer, 'count'>
  readonly limits: Pick<SpaceLimits, 'maxFrameBytes' | 'maxInboxBytes'>
}

/** A user whose edits are under way, or who still owes engine time. */
interface Editor {
  /** Stands for the user where a message needs a sender; it is in no list, and nobody hears of it. */
  readonly session: Session
  readonly edits: Set<Edit>
  /** When the next may be handed over. */
  turn: Promise<void>
  /** Until when they are refused because one took the engine too long; on the clock that never jumps. */
  barredUntilMs: number
}

interface Edit extends Receipt {
  readonly bytes: number
  /** The log position that must be durable; null until it was applied. */
  position: number | null
  isEnded: boolean
  resolve(position: number): void
  reject(error: PlenumError): void
}

/** Of one user; one more is refused with rate_limited. */
export const MAX_WAITING_EDITS = 100
/** How long somebody is refused whose edit cost more engine time than anybody may owe. */
const BARRED_MS = 30_000

export class EditDesk {
  readonly #options: EditDeskOptions
  readonly #editors = new LeanMap<string, Editor>()
  #bytes = 0
  #closedBy: ErrorCode | null = null

  constructor(options: EditDeskOptions) {
    this.#options = options
  }

  /** Whether nobody waits. */
  get isIdle(): boolean {
    for (const { edits } of this.#editors.values()) if (edits.size > 0) return false
    return true
  }

  /** @returns the position at which it is durable @throws as the port says */
  async edit(update: Uint8Array, access: Access): Promise<number> {
    const { maxFrameBytes, maxInboxBytes } = this.#options.limits
    if (this.#closedBy !== null) throw closedBy(this.#closedBy)
    if (update.length > maxFrameBytes) throw new PlenumError('too_large')
    const editor = this.#editorOf(access)
    const isBarred = this.#options.scheduler.elapsed() < editor.barredUntilMs
    const isFull = this.#bytes > 0 && this.#bytes + update.length > maxInboxBytes
    if (isBarred || isFull || editor.edits.size >= MAX_WAITING_EDITS) {
      this.#options.observer.count('turned_away')
      throw new PlenumError('rate_limited', isBarred ? 'edits take too long to merge' : 'too many edits wait')
    }
    return new Promise((resolve, reject) => {
      const edit = this.#begin(editor, update.length, { resolve, reject })
      editor.turn = editor.turn.then(() => this.#handOver(editor, { edit, update, access }))
    })
  }

  /** The log is on disk up to `position`. */
  durable(position: number): void {
    for (const edit of this.#all()) {
      if (edit.position !== null && edit.position <= position) edit.resolve(position)
    }
  }

  /** The disk takes nothing: what was applied may be there later, and nobody waits for it. */
  degraded(): void {
    for (const edit of this.#all()) if (edit.position !== null) edit.refuse('degraded')
  }

  /** Refuses what one user waits for. */
  refuse(user: string, code: ErrorCode): void {
    for (const edit of [...(this.#editors.get(user)?.edits ?? [])]) edit.refuse(code)
  }

  /** Once a second: forgets who owes nothing. */
  sweep(nowMs: number): void {
    for (const [user, { session, edits, barredUntilMs }] of this.#editors) {
      if (edits.size > 0 || barredUntilMs > nowMs || this.#options.engineTime.owes(session)) continue
      this.#editors.delete(user)
      session.leave()
    }
  }

  /** Refuses whoever waits, and whoever comes. Idempotent: the first code counts. */
  close(code: ErrorCode): void {
    this.#closedBy ??= code
    for (const edit of this.#all()) edit.reject(closedBy(this.#closedBy))
    for (const { session } of this.#editors.values()) session.leave()
    this.#editors.clear()
  }

  #all(): Edit[] {
    return [...this.#editors.values()].flatMap(({ edits }) => [...edits])
  }

  #begin(
    { edits }: Editor,
    bytes: number,
    waiting: { resolve(position: number): void; reject(error: PlenumError): void },
  ): Edit {
    const end = (tell: () => void): void => {
      if (edit.isEnded) return
      edit.isEnded = true
      edits.delete(edit)
      this.#bytes -= bytes
      tell()
    }
    const edit: Edit = {
      bytes,
      position: null,
      isEnded: false,
      resolve: position =>
        end(() => {
          this.#options.observer.count('desk_edits')
          waiting.resolve(position)
        }),
      reject: error => end(() => waiting.reject(error)),
      refuse: (code, reason) => edit.reject(new PlenumError(code, reason)),
      settle: outcome => this.#settle(edit, outcome),
    }
    edits.add(edit)
    this.#bytes += bytes
    return edit
  }

  /** As a door does it: the next is not taken before the space has room and the user time. */
  async #handOver(
    { session }: Editor,
    { edit, update, access }: { edit: Edit; update: Uint8Array; access: Access },
  ): Promise<void> {
    if (edit.isEnded) return
    const mayEdit = mayDo(access.role, 'edit-document')
    const { number, reply } = session.ledger.received('update')
    const { user } = access
    await this.#options.space.submit({
      session,
      number,
      reply,
      replies: 0,
      kind: 'update',
      update,
      mayEdit,
      user,
      receipt: edit,
    })
  }

  #settle(edit: Edit, outcome: EngineOutcome): void {
    const { log, residence, readings } = this.#options
    switch (outcome.type) {
      case 'applied':
      case 'ignored':
        edit.position = log.position
        if (edit.position <= log.durablePosition) edit.resolve(log.durablePosition)
        return
      case 'gap':
      case 'pending-dropped':
        // What is told belongs to the same turn, in which nothing else is applied.
        readings
          .ask(() => residence.stateVector())
          .then(stateVector => edit.reject(new GapError(stateVector)), edit.reject)
        return
      case 'held':
        edit.refuse('forbidden', 'it holds new edits of a client that is here as another user')
        return
      case 'refused':
        edit.refuse(outcome.code, outcome.reason)
        return
      default:
        assertNever(outcome)
    }
  }

  #editorOf(access: Access): Editor {
    const { space, scheduler, limits } = this.#options
    const known = this.#editors.get(access.user)
    // Who was barred begins anew.
    const isBarred = known !== undefined && scheduler.elapsed() < known.barredUntilMs
    if (known !== undefined && (known.session.isOpen || isBarred)) return known
    const session = new Session({
      peer: this.#silentPeer(access.user),
      order: 0,
      dialect: 'stock',
      access,
      authenticate: async () => access,
      inbox: space,
      scheduler,
      maxFrameBytes: limits.maxFrameBytes,
      resumeAfter: null,
      needsRenewals: false,
    })
    const editor = { session, edits: new Set<Edit>(), turn: Promise.resolve(), barredUntilMs: 0 }
    this.#editors.set(access.user, editor)
    return editor
  }

  /** Nothing is ever sent to it; it is closed where its messages cost the engine too much. */
  #silentPeer(user: string): Peer {
    return {
      bufferedBytes: 0,
      send: () => {},
      close: code => {
        const editor = this.#editors.get(user)
        if (editor !== undefined) editor.barredUntilMs = this.#options.scheduler.elapsed() + BARRED_MS
        this.refuse(user, code)
      },
    }
  }
}
