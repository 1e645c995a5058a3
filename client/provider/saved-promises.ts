/** The promises that somebody made of a provider's state: each is settled once, however often the state is told. */
import { PlenumError } from '../../shared/errors.js'
import { type Close, ConnectionClosed } from '../channel/connection-closed.js'
import type { ConnectionState } from '../channel/connection-state.js'
import type { Refusal, SaveState } from '../channel/save-ledger.js'
import { settleWhen } from './settle-when.js'

export interface SavingState {
  readonly isDestroyed: boolean
  readonly rejected: Refusal | null
  readonly connection: ConnectionState
  readonly saveState: SaveState
}

const DESTROYED: Close = { code: 1000, reason: 'the provider was destroyed' }

export class SavedPromises {
  readonly #state: () => SavingState
  readonly #checks = new Set<() => void>()

  constructor(state: () => SavingState) {
    this.#state = state
  }

  /** @throws the refusal's code; ConnectionClosed where nothing more is tried */
  make(): Promise<void> {
    const isReached = (): boolean => {
      const { isDestroyed, rejected, connection, saveState } = this.#state()
      if (isDestroyed) throw new ConnectionClosed(DESTROYED)
      if (rejected !== null) throw new PlenumError(rejected.code, rejected.reason)
      if ('code' in connection) throw new ConnectionClosed(connection)
      return saveState === 'saved'
    }
    return settleWhen(isReached, check => {
      this.#checks.add(check)
      return () => this.#checks.delete(check)
    })
  }

  /** The state may be another. */
  check(): void {
    for (const check of [...this.#checks]) check()
  }
}
