/** Whose provider this is: what local copies and tabs are named by. It never becomes somebody else's. */
import type { TokenSource } from '../channel/token-source.js'
import { tokenSubject } from './token-subject.js'

export class Identity {
  readonly #onKnown: () => void
  #user: string | null
  /** Of the first token whose subject could be read. */
  #subject: string | null = null

  /** @param onKnown called when the user is known, where that is later */
  constructor(user: string | null, onKnown: () => void) {
    this.#user = user
    this.#onKnown = onKnown
  }

  /** Null as long as nobody has said and no token could be read. */
  get user(): string | null {
    return this.#user
  }

  /** The same source, except that it has no token to give where that would be another user's. */
  guard(source: TokenSource): TokenSource {
    if (typeof source === 'string') return this.#isSame(source) ? source : ''
    return async () => {
      const token = await source()
      return token === null || this.#isSame(token) ? token : null
    }
  }

  #isSame(token: string): boolean {
    const subject = tokenSubject(token)
    if (subject === null) return true
    this.#subject ??= subject
    if (this.#user === null) {
      this.#user = subject
      this.#onKnown()
    }
    return subject === this.#subject
  }
}
