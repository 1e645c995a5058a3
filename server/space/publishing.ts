/** What was applied goes into the log, and as the same bytes to everybody who is up to date. */
import { encodeMessage } from '../../shared/protocol/index.js'
import { deliveriesOf } from './deliveries.js'
import type { EngineOutcome } from './engine.js'
import type { Holding } from './holding.js'
import type { IntentionsDesk } from './intentions-desk.js'
import type { Membership } from './membership.js'
import type { Observer } from './observer.js'
import type { Residence } from './residence.js'
import { loneSender } from './senders.js'
import type { Inbound, Session } from './session.js'
import type { SpaceLog } from './space-log.js'
import type { RawInput } from './update-store.js'

/** What was applied: an outcome per message, and every update event. */
export interface Applied {
  readonly messages: readonly Inbound[]
  readonly outcomes: readonly EngineOutcome[]
  readonly updates: readonly Uint8Array[]
}

export interface PublishingOptions {
  readonly sessions: ReadonlySet<Session>
  readonly observer: Observer
  readonly log: SpaceLog
  readonly residence: Residence
  /** Who wants to know what has come, and from whom. */
  readonly members: Membership
  readonly holding: Holding
  readonly intentions: IntentionsDesk
}

export class Publishing {
  readonly #options: PublishingOptions
  #frames = 0
  #isClosed = false

  constructor(options: PublishingOptions) {
    this.#options = options
  }

  publish({ messages, outcomes, updates }: Applied): void {
    if (updates.length === 0 || this.#isClosed) return
    const { members, log, holding, intentions, residence } = this.#options
    members.edited(messages, outcomes)
    // What recovery would replay without one sender: a lone sender's flush is that by itself.
    const isShared = messages.some(({ user }) => user !== messages[0]!.user)
    const inputs = isShared ? inputsOf(messages, outcomes) : []
    const deliveries = deliveriesOf(messages, outcomes)
    log.append({ updates, inputs, deliveries })
    holding.delivered(deliveries)
    intentions.delivered(deliveries)
    residence.changed(log.position, updates)
    // A lone sender has every byte of a lone event; a second event is a clean-up that it may lack.
    this.#relay(updates, updates.length === 1 ? loneSender(messages) : null)
  }

  /** Positions may be another's from here on: nothing more is logged or sent. */
  close(): void {
    this.#isClosed = true
  }

  /** How many frames were sent since this was last asked. */
  takeFrames(): number {
    const frames = this.#frames
    this.#frames = 0
    return frames
  }

  #relay(updates: readonly Uint8Array[], except: Session | null): void {
    const { sessions, observer, log } = this.#options
    const frames = updates.map(update => encodeMessage({ type: 'update', update }))
    let sent = 0
    for (const session of sessions) {
      if (session.flow.type !== 'live') continue
      session.sentPosition = log.position
      if (session === except) continue
      for (const frame of frames) session.sendFrame(frame)
      sent += frames.length
    }
    this.#frames += sent
    observer.count('updates_relayed', sent)
  }
}

/** What of the messages took effect, as it was sent. */
const inputsOf = (messages: readonly Inbound[], outcomes: readonly EngineOutcome[]): RawInput[] =>
  messages.flatMap(({ user, update }, i) => {
    const outcome = outcomes[i]!
    if (!('ranges' in outcome)) return []
    return [{ user, update: outcome.type === 'held' ? outcome.update : update }]
  })
