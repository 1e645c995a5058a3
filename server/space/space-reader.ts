/** What programs read of one open space: always one cut, as of one turn, and without a document where bytes tell it. */
import { PlenumError } from '../../shared/errors.js'
import type { Root, RootsFound } from './engine.js'
import type { AttestedIntentions, IntentionsDesk } from './intentions-desk.js'
import type { RosterMember } from './members.js'
import type { Readings } from './readings.js'
import type { Residence } from './residence.js'
import { MAX_STATE_VECTOR_BYTES } from './session.js'
import type { PresentClient, SpaceSnapshot, SpaceUpdate } from './space-desk.js'
import type { SpaceLog } from './space-log.js'

export interface SpaceReaderOptions {
  readonly readings: Readings
  readonly intentions: IntentionsDesk
  readonly residence: Residence
  readonly log: SpaceLog
  readonly incarnation: string
  readonly epoch: string
  readonly presence: { readonly states: readonly PresentClient[] }
  readonly roster: { readonly members: Iterable<RosterMember> }
}

export class SpaceReader {
  readonly #options: SpaceReaderOptions

  constructor(options: SpaceReaderOptions) {
    this.#options = options
  }

  get positions(): { readonly position: number; readonly durablePosition: number } {
    const { position, durablePosition } = this.#options.log
    return { position, durablePosition }
  }

  snapshot(): Promise<SpaceSnapshot> {
    const options = this.#options
    const { intentions, residence, log, presence, roster } = options
    return intentions.inTurn(async found => {
      const stateVector = await residence.stateVector()
      // From here on nothing is awaited: people come and go between turns, too.
      return {
        incarnation: options.incarnation,
        epoch: options.epoch,
        position: log.position,
        stateVector,
        presence: presence.states,
        members: [...roster.members],
        intentions: found,
      }
    })
  }

  /** @throws malformed */
  async update(stateVector: Uint8Array | null): Promise<SpaceUpdate> {
    const { readings, residence, log } = this.#options
    if (stateVector !== null && stateVector.length > MAX_STATE_VECTOR_BYTES) {
      throw new PlenumError('malformed', 'a state vector with too many clients')
    }
    return readings.ask(async () => {
      const update = stateVector === null ? await residence.full() : await residence.diff(stateVector)
      return { update, position: log.position }
    })
  }

  /** @throws bad_request, too_large */
  json(roots: readonly Root[] | null): Promise<RootsFound> {
    const { readings, residence } = this.#options
    return readings.ask(() => residence.json(roots))
  }

  intentions(): Promise<AttestedIntentions> {
    return this.#options.intentions.inTurn(async found => found)
  }
}
