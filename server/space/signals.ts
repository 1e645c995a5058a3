/**
 * Signals of one space: each is passed on once to the plenum connections that are there and read, and kept
 * nowhere. What one connection may send is limited, and so is what all of them together cost the process.
 */
import type { Signal } from '../../shared/protocol/index.js'
import { encodeMessage } from '../../shared/protocol/index.js'
import { mayDo } from '../../shared/roles.js'
import { type Allowance, type AllowanceTerms, leftAt, newAllowance, spend } from './allowance.js'
import { isPlainJson } from './json-text.js'
import type { SpaceLimits } from './limits.js'
import type { Observer } from './observer.js'
import type { Scheduler } from './scheduler.js'
import type { Session } from './session.js'

/** What the signals of a space may cost, ms of a core: a tenth of it for long, and more at once after a pause. */
const SPACE_TERMS: AllowanceTerms = { share: 0.1, burstMs: 100, maxDebtMs: 1_000 }
/** Every space's, until its first signal. */
const WHOLE_ALLOWANCE = newAllowance(SPACE_TERMS, 0)
const COST_PER_FRAME_MS = 0.012
const COST_PER_BYTE_MS = 1e-6
/** What a connection may send at once after a pause: as much as in one second. */
const BURST_MS = 1_000

export interface SignalsOptions {
  readonly sessions: ReadonlySet<Session>
  readonly observer: Observer
  readonly scheduler: Scheduler
  readonly limits: SpaceLimits
}

export class Signals {
  readonly #options: SignalsOptions
  /** Most spaces never have a signal. */
  #senders: WeakMap<Session, Allowance> | null = null
  #space: Allowance = WHOLE_ALLOWANCE

  constructor(options: SignalsOptions) {
    this.#options = options
  }

  /** Passes a signal on, or tells its sender why not. */
  pass(sender: Session, signal: Signal): void {
    const { observer } = this.#options
    if (!this.#maySend(sender) || !isPlainJson(signal.json)) {
      observer.count('signals_refused')
      this.#tell(sender, 'signals-refused', 0)
      return
    }
    const waitMs = this.#charge(sender)
    if (waitMs > 0) {
      observer.count('signals_limited')
      this.#tell(sender, 'signals-limited', Math.ceil(waitMs))
      return
    }
    observer.count('signals')
    this.#send(sender, signal)
  }

  #send(sender: Session, { to, json }: Signal): void {
    const { sessions, scheduler } = this.#options
    const from = sender.access.user
    let frame: Uint8Array | null = null
    let frames = 0
    for (const session of sessions) {
      if (session === sender || session.dialect !== 'plenum' || !this.#isReading(session)) continue
      if (to !== null && session.access.user !== to) continue
      frame ??= encodeMessage({ type: 'signalled', from, isDirect: to !== null, json })
      session.sendFrame(frame)
      frames++
    }
    const costMs = frames * (COST_PER_FRAME_MS + (frame?.length ?? 0) * COST_PER_BYTE_MS)
    this.#space = spend(this.#space, SPACE_TERMS, { costMs, nowMs: scheduler.elapsed() })
  }

  #maySend({ access: { role } }: Session): boolean {
    const { readersSignal } = this.#options.limits
    return mayDo(role, 'send-signals') && (readersSignal === 'on' || mayDo(role, 'edit-document'))
  }

  /** @returns how long the sender has to wait, ms; 0 where it may send now, and has paid */
  #charge(sender: Session): number {
    const { scheduler, limits } = this.#options
    const nowMs = scheduler.elapsed()
    const terms = { share: 1, burstMs: BURST_MS, maxDebtMs: 0 }
    const costMs = BURST_MS / limits.signalsPerSecond
    const own = this.#senders?.get(sender) ?? newAllowance(terms, nowMs)
    const ownWaitMs = costMs - leftAt(own, terms, nowMs)
    const spaceWaitMs = -leftAt(this.#space, SPACE_TERMS, nowMs) / SPACE_TERMS.share
    const waitMs = Math.max(ownWaitMs, spaceWaitMs)
    if (waitMs > 0) return waitMs
    this.#senders ??= new WeakMap()
    this.#senders.set(sender, spend(own, terms, { costMs, nowMs }))
    return 0
  }

  /** What is not worth a queue is not queued for whoever reads too slowly. */
  #isReading({ flow, peer }: Session): boolean {
    return flow.type !== 'behind' && peer.bufferedBytes <= this.#options.limits.peerBudgetBytes
  }

  #tell(sender: Session, kind: 'signals-refused' | 'signals-limited', retryAfterMs: number): void {
    if (this.#isReading(sender)) sender.notify(kind, retryAfterMs)
  }
}
