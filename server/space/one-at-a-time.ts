/** Actions on the same thing follow each other, in the order in which they were asked for; others do not wait. */
export class OneAtATime<Key> {
  readonly #last = new Map<Key, Promise<unknown>>()

  run<Result>(key: Key, action: () => Promise<Result>): Promise<Result> {
    const before = this.#last.get(key) ?? Promise.resolve()
    const running = before.then(action)
    const ended = running
      .catch(() => {})
      .then(() => {
        if (this.#last.get(key) === ended) this.#last.delete(key)
      })
    this.#last.set(key, ended)
    return running
  }
}
