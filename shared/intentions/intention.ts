/**
 * What a member means to do in a space: an entry of the document's map "intentions". Entries are written by
 * whoever may edit, with whatever client, so what is read is checked, on the client and on the server alike; what
 * an app adds of its own is nobody's business here.
 */

/** The name of the document's map: its keys are ids, its values maps of the fields. */
export const INTENTIONS_KEY = 'intentions'

export const INTENTION_STATUSES = ['proposed', 'active', 'done', 'dropped'] as const
export type IntentionStatus = (typeof INTENTION_STATUSES)[number]

export interface Intention {
  readonly id: string
  /** The user whose intention it is, as they say; whether they said it, the server knows. */
  readonly by: string
  readonly text: string
  readonly status: IntentionStatus
  /** Epoch ms, by the clock of whoever wrote. */
  readonly createdAt: number
  readonly modifiedAt: number
  /** What it is about, in the app's own words: a chapter, a cell, an encoded position. */
  readonly target?: string
}

export interface InvalidIntention {
  /** Cut to the length of an id. */
  readonly key: string
  readonly reason: string
}

export const INTENTION_LIMITS = Object.freeze({
  idCharacters: 64,
  /** As long as a user may be in a token. */
  byCharacters: 512,
  textCharacters: 1_000,
  targetCharacters: 500,
  /** From so many on nothing is proposed; people who do so apart may have more in the end. */
  entries: 1_000,
  /** More are not read. */
  readEntries: 2_000,
  /** More are not told. */
  invalidEntries: 100,
})

/** One of the fields, as read; undefined where there is none. */
export type ReadField = (name: keyof Intention) => unknown

/** @returns the intention, or what is wrong with the entry */
export const readIntention = (key: string, field: ReadField): Intention | InvalidIntention => {
  const invalid = (reason: string): InvalidIntention => ({ key: cutKey(key), reason })
  const id = field('id')
  const by = field('by')
  const text = field('text')
  const status = field('status')
  const createdAt = field('createdAt')
  const modifiedAt = field('modifiedAt')
  const target = field('target')
  const { idCharacters, byCharacters, textCharacters, targetCharacters } = INTENTION_LIMITS
  if (id !== key || !isText(id, idCharacters)) return invalid('"id" is not the key')
  if (!isText(by, byCharacters)) return invalid(`"by" is not a text of 1 to ${byCharacters} characters`)
  if (!isText(text, textCharacters))
    return invalid(`"text" is not a text of 1 to ${textCharacters} characters`)
  if (!isStatus(status)) return invalid('"status" is none that there is')
  if (!isTime(createdAt)) return invalid('"createdAt" is not a time')
  if (!isTime(modifiedAt)) return invalid('"modifiedAt" is not a time')
  if (target === undefined) return { id, by, text, status, createdAt, modifiedAt }
  if (!isText(target, targetCharacters)) {
    return invalid(`"target" is not a text of 1 to ${targetCharacters} characters`)
  }
  return { id, by, text, status, createdAt, modifiedAt, target }
}

/** For a value that is no map of fields. */
export const notAnEntry = (key: string): InvalidIntention => ({
  key: cutKey(key),
  reason: 'not a map of fields',
})

export const isIntention = (entry: Intention | InvalidIntention): entry is Intention => 'id' in entry

/** Whether both say the same. */
export const isSameIntention = (a: Intention, b: Intention): boolean =>
  a.id === b.id &&
  a.by === b.by &&
  a.text === b.text &&
  a.status === b.status &&
  a.createdAt === b.createdAt &&
  a.modifiedAt === b.modifiedAt &&
  a.target === b.target

/** From when they were proposed, the same everywhere. */
export const inOrder = (a: Intention, b: Intention): number =>
  a.createdAt - b.createdAt || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)

/** Where a status leads. What is done or dropped is taken up again by becoming active. */
const NEXT: Readonly<Record<IntentionStatus, readonly IntentionStatus[]>> = {
  proposed: ['active', 'dropped'],
  active: ['done', 'dropped'],
  done: ['active', 'dropped'],
  dropped: ['active'],
}

export const mayBecome = (from: IntentionStatus, to: IntentionStatus): boolean => NEXT[from].includes(to)

const cutKey = (key: string): string => key.slice(0, INTENTION_LIMITS.idCharacters)

const isText = (value: unknown, maxCharacters: number): value is string =>
  typeof value === 'string' && value !== '' && value.length <= maxCharacters

const isStatus = (value: unknown): value is IntentionStatus =>
  INTENTION_STATUSES.includes(value as IntentionStatus)

/** What a `Date` can hold. */
const MAX_TIME_MS = 8.64e15

const isTime = (value: unknown): value is number =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0 && value <= MAX_TIME_MS
