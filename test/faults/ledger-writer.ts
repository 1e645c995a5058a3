/**
 * A writer that keeps books: every edit carries an id of its own, and the id is `acknowledged` when the server
 * said that the document message with it is saved. The books rest on message 101 and on nothing else that the
 * client knows.
 */
import { setImmediate as breathe, setTimeout as pause } from 'node:timers/promises'
import { WebSocket } from 'ws'
import * as Y from 'yjs'
import { connectSpace, type SpaceConnection } from '../../client/index.js'
import { chance, int, type Rng } from '../support/rng.js'

export interface WriterOptions {
  readonly name: string
  readonly space: string
  /** Shared by all writers: the acknowledged ids of each space. */
  readonly books: Books
  readonly rng: Rng
}

/** Acknowledged ids by space. */
export type Books = Map<string, Set<string>>

interface Edit {
  readonly id: string
  /** The document message of the current connection that holds it. */
  number: number
}

/** A message of a connection is its first step 2; it holds whatever was not acknowledged before. */
const FIRST_REPLY = 1
const MAX_UNACKNOWLEDGED = 40
const MAX_TEXT = 5_000
const LETTERS = 'abcdefghijklmnopqrstuvwxyz '

export class LedgerWriter {
  readonly doc = new Y.Doc()
  readonly name: string
  readonly space: string
  /** Edits that were made and not acknowledged. */
  readonly open = new Map<string, Edit>()
  readonly #books: Books
  readonly #rng: Rng
  #connection: SpaceConnection | null = null
  #edits = 0

  constructor({ name, space, books, rng }: WriterOptions) {
    this.name = name
    this.space = space
    this.#books = books
    this.#rng = rng
  }

  get connection(): SpaceConnection {
    if (this.#connection === null) throw new Error('never connected')
    return this.#connection
  }

  /** With the same document and what is known about it, as an app does that comes back. */
  connect(url: string, token: string): SpaceConnection {
    const { doc, space } = this
    const ledger = this.#connection?.ledger
    const connection = connectSpace({ url, space, token, doc, WebSocket, ...(ledger && { ledger }) })
    this.#connection = connection
    for (const edit of this.open.values()) edit.number = FIRST_REPLY
    connection.on('saved', ({ count }) => this.#acknowledge(count))
    return connection
  }

  /** Idempotent; the document stays. */
  close(): void {
    this.#connection?.close()
  }

  /** One transaction with an id of its own and some change of the text. */
  edit(characters = int(this.#rng, 1, 30)): string {
    const id = `${this.name}.${++this.#edits}`
    this.doc.transact(() => {
      this.doc.getMap('ids').set(id, this.#edits)
      this.#changeText(characters)
    })
    const link = this.#connection?.ledger.link
    const isSent = link?.state === 'open' && link.hasReplied
    this.open.set(id, { id, number: isSent ? link.sent : FIRST_REPLY })
    return id
  }

  /** Edits at a typist's pace or faster until the connection ends, never far ahead of the acknowledgements. */
  async write(characters?: number): Promise<void> {
    while (this.connection.closed === null) {
      if (this.open.size < MAX_UNACKNOWLEDGED) this.edit(characters)
      const waitMs = int(this.#rng, 0, 4)
      await (waitMs === 0 ? breathe() : pause(waitMs))
    }
  }

  #changeText(characters: number): void {
    const text = this.doc.getText('text')
    const at = int(this.#rng, 0, text.length)
    if (text.length > MAX_TEXT) text.delete(0, text.length >> 1)
    else if (text.length > 0 && chance(this.#rng, 0.2))
      text.format(0, at, { bold: chance(this.#rng, 0.5) || null })
    else if (at < text.length && chance(this.#rng, 0.2)) text.delete(at, 1)
    const letters = Array.from({ length: characters }, () => LETTERS[int(this.#rng, 0, LETTERS.length - 1)])
    text.insert(Math.min(at, text.length), letters.join(''))
  }

  #acknowledge(count: number): void {
    const ids = this.#books.get(this.space) ?? new Set()
    this.#books.set(this.space, ids)
    for (const { id, number } of this.open.values()) {
      if (number > count) continue
      this.open.delete(id)
      ids.add(id)
    }
  }
}
