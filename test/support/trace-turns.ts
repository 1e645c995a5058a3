/**
 * The trace of two authors, as each of them lived it: their own keystrokes in turns, and before each turn how
 * many keystrokes of the other they had seen. A turn must be typed on exactly that: neither less nor more.
 *
 * Where both typed at the same place at the same time, the order of the result is the recorder's, and Yjs
 * orders by clientID: the first author's must be the lower one (checked: with 1 and 2 the replay ends in
 * `endContent`, with 2 and 1 it does not).
 */
import * as Y from 'yjs'
import { applyPatch, type Patch, type Trace } from './trace.js'

export type Agent = 0 | 1

export interface Turn {
  /** How many keystrokes of the other author are merged before this turn. */
  readonly seen: number
  /** The text that the author then sees, and how many clocks of the other's client it has taken. */
  readonly textBefore: Fingerprint
  readonly clockBefore: number
  readonly patches: readonly Patch[]
}

export interface Fingerprint {
  readonly length: number
  readonly hash: number
}

/** In the order of the agents. */
export const TURN_CLIENT_IDS = [1, 2] as const

export const fingerprint = (text: string): Fingerprint => {
  // FNV-1a, 32 bits: it is to tell states of one text apart, not to withstand anyone.
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193) >>> 0
  return { length: text.length, hash }
}

/** Replays the trace on two replicas in memory. @throws where it does not end in `endContent` on both */
export const turnsOf = (trace: Trace): readonly [Turn[], Turn[]] => {
  const authors = TURN_CLIENT_IDS.map(createAuthor) as [Author, Author]
  for (const { agent, patches, sees } of withSeen(trace)) {
    const [author, other] = agent === 0 ? authors : [authors[1], authors[0]]
    if (author.turns.length === 0 || sees > author.seen) {
      merge(author, other, sees)
      author.patches = []
      author.turns.push({
        seen: sees,
        textBefore: fingerprint(author.text.toString()),
        clockBefore: Y.getState(author.doc.store, other.doc.clientID),
        patches: author.patches,
      })
    }
    if (sees < author.seen) throw new Error('an author who sees less than before')
    for (const patch of patches) {
      applyPatch(author.text, patch)
      author.patches.push(patch)
    }
  }
  merge(authors[0], authors[1], authors[1].updates.length)
  merge(authors[1], authors[0], authors[0].updates.length)
  for (const { doc, text } of authors) {
    if (text.toString() !== trace.endContent) throw new Error('the replay does not end in endContent')
    doc.destroy()
  }
  return [authors[0].turns, authors[1].turns]
}

interface Author {
  readonly doc: Y.Doc
  readonly text: Y.Text
  /** One per keystroke of their own. */
  readonly updates: Uint8Array[]
  readonly turns: Turn[]
  /** Those of the turn that goes on. */
  patches: Patch[]
  seen: number
}

const createAuthor = (clientId: number): Author => {
  const doc = new Y.Doc()
  doc.clientID = clientId
  const author: Author = { doc, text: doc.getText('text'), updates: [], turns: [], patches: [], seen: 0 }
  doc.on('update', (update: Uint8Array, origin: unknown) => {
    if (origin !== author) author.updates.push(update)
  })
  return author
}

const merge = (author: Author, other: Author, sees: number): void => {
  author.doc.transact(() => {
    for (const update of other.updates.slice(author.seen, sees)) Y.applyUpdate(author.doc, update, author)
  }, author)
  author.seen = sees
}

/** Each keystroke with how many of the other author's it sees: the number among all of its ancestors. */
const withSeen = (trace: Trace): readonly { agent: Agent; patches: readonly Patch[]; sees: number }[] => {
  const counts: [number, number][] = []
  const typed: [number, number] = [0, 0]
  return trace.txns.map(({ agent, parents = [], patches }, at) => {
    if ((agent !== 0 && agent !== 1) || patches.length !== 1) throw new Error(`keystroke ${at} is unexpected`)
    const count: [number, number] = [0, 0]
    for (const parent of parents) {
      const known = counts[parent] as [number, number]
      count[0] = Math.max(count[0], known[0])
      count[1] = Math.max(count[1], known[1])
    }
    if (count[agent] !== typed[agent]) throw new Error(`keystroke ${at}: its author had not seen their own`)
    const sees = count[agent === 0 ? 1 : 0]
    count[agent] = ++typed[agent]
    counts.push(count)
    return { agent, patches, sees }
  })
}
