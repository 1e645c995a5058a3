/** The intentions of a document as a store reads them: what they are, and what can be done about them. */
import type { Intention, InvalidIntention } from '../../shared/intentions/intention.js'
import type { IntentionChange, Intentions, NewIntention } from '../intentions/intentions.js'

/** They throw as those of `Intentions` do. */
export interface IntentionActions {
  readonly propose: (text: string, options?: NewIntention) => Intention
  readonly activate: (id: string) => void
  readonly finish: (id: string) => void
  readonly drop: (id: string) => void
  readonly edit: (id: string, change: IntentionChange) => void
  readonly remove: (id: string) => void
}

export interface IntentionBoard extends IntentionActions {
  readonly intentions: readonly Intention[]
  /** Entries that are none. */
  readonly invalid: readonly InvalidIntention[]
}

/** The same functions as long as it is the same collection. */
export const actionsOf = (board: Intentions): IntentionActions =>
  Object.freeze({
    propose: (text: string, options?: NewIntention) => board.propose(text, options),
    activate: (id: string) => board.activate(id),
    finish: (id: string) => board.finish(id),
    drop: (id: string) => board.drop(id),
    edit: (id: string, change: IntentionChange) => board.edit(id, change),
    remove: (id: string) => board.remove(id),
  })
