/** The store of a room's intentions. The document is looked at once somebody asks for them: most apps have none. */
import type * as Y from 'yjs'
import { type Intentions, intentions } from '../intentions/intentions.js'
import { actionsOf, type IntentionActions, type IntentionBoard } from './intention-board.js'
import { isShallowEqual } from './same.js'
import { View } from './store.js'

export interface BoardSource {
  readonly doc: Y.Doc
  readonly by: () => string
  readonly now: () => number | null
}

interface Opened {
  readonly board: Intentions
  readonly actions: IntentionActions
}

export class BoardView {
  readonly store = new View<IntentionBoard>(() => this.#read(), { isSame: isShallowEqual })
  readonly #source: () => BoardSource
  readonly #onChange: () => void
  #opened: Opened | null = null

  /** @param onChange told when the intentions are different, once somebody has asked for them */
  constructor(source: () => BoardSource, onChange: () => void) {
    this.#source = source
    this.#onChange = onChange
  }

  /** There is another document. */
  renew(): void {
    this.close()
    this.store.changed()
  }

  /** Idempotent. */
  close(): void {
    this.#opened?.board.destroy()
    this.#opened = null
  }

  #read(): IntentionBoard {
    const { board, actions } = this.#open()
    return Object.freeze({ intentions: board.list(), invalid: board.invalid(), ...actions })
  }

  #open(): Opened {
    if (this.#opened === null) {
      const { doc, by, now } = this.#source()
      const board = intentions(doc, { by, now })
      board.observe(() => {
        this.store.changed()
        this.#onChange()
      })
      this.#opened = { board, actions: actionsOf(board) }
    }
    return this.#opened
  }
}
