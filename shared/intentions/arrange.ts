/** What of a document's intentions is listed, and what is told apart from them: the same on client and server. */
import { INTENTION_LIMITS, type Intention, type InvalidIntention, inOrder, isIntention } from './intention.js'

type Entries = Iterable<Intention | InvalidIntention>

/** The oldest first, as many as are read. */
export const listIntentions = (entries: Entries): Intention[] =>
  sorted(entries).slice(0, INTENTION_LIMITS.readEntries)

/** What is no intention, and what there are too many of. */
export const listInvalid = (entries: Entries): InvalidIntention[] => {
  const { readEntries, invalidEntries } = INTENTION_LIMITS
  const invalid = [...entries].filter((entry): entry is InvalidIntention => !isIntention(entry))
  const beyond = sorted(entries)
    .slice(readEntries)
    .map(({ id }) => ({ key: id, reason: `beyond the first ${readEntries}` }))
  return [...invalid, ...beyond].slice(0, invalidEntries)
}

const sorted = (entries: Entries): Intention[] => [...entries].filter(isIntention).sort(inOrder)
