/**
 * What is known about a local document's safety on the server: a pure state machine over what one connection
 * after the other sends and is told. It never says `saved` before the reply to the current connection's first
 * step 1 has gone out and everything sent up to now was acknowledged: 0 of 0 after a reconnect is not saved.
 */
import { assertNever, type ErrorCode, PlenumError } from '../../shared/errors.js'
import { mayDo, type Role } from '../../shared/roles.js'

export type SaveState = 'offline' | 'saving' | 'saved' | 'rejected'

export interface Refusal {
  readonly code: ErrorCode
  readonly reason: string
}

interface Counts {
  /** Document messages sent on this connection, step 2 and update alike. */
  readonly sent: number
  /** Of these, 1…`acked` are durable or needed no effect. */
  readonly acked: number
  /** Whether the reply to the server's first step 1 has gone out. */
  readonly hasReplied: boolean
  /** Whether the role has allowed edits ever since the welcome. */
  readonly isWriter: boolean
}

export type Link =
  | { readonly state: 'closed' }
  /** A socket is under way or open, and the welcome has not come. */
  | { readonly state: 'opening' }
  | ({ readonly state: 'open' } & Counts)
  /** Message `refused` was refused: what follows builds on it, and the server will not look at it. */
  | ({ readonly state: 'diverged'; readonly refused: number } & Counts)

export interface SaveLedger {
  readonly link: Link
  /** The document may hold something that is not durable on the server. */
  readonly isUnsaved: boolean
  /** Some of that may be the user's own edits, not only what peers made and a restart lost. */
  readonly hasEdits: boolean
  /** The document may hold something that the server, in this epoch, has not taken as a writer's. */
  readonly isAhead: boolean
  /** Why some of the document will not be taken; it outlives the connection, as the content does. */
  readonly refusal: Refusal | null
  readonly epoch: string | null
  readonly incarnation: string | null
  /** Everything up to this durable log position of the epoch is in the document; 0 where that is not known. */
  readonly position: number
}

export type LedgerEvent =
  | { readonly type: 'opening' }
  /** @throws incarnation_conflict where a local copy that is not empty belongs to another incarnation */
  | {
      readonly type: 'welcome'
      readonly epoch: string
      readonly incarnation: string
      readonly role: Role
      readonly isEmptyDocument: boolean
    }
  /** The document changed other than through this connection; `isEdit` unless Yjs did it by itself. */
  | { readonly type: 'changed'; readonly isEdit: boolean }
  | { readonly type: 'sent'; readonly kind: 'step2' | 'update' }
  | { readonly type: 'saved'; readonly count: number; readonly position: number }
  | ({ readonly type: 'rejected'; readonly number: number } & Refusal)
  | { readonly type: 'access'; readonly role: Role }
  /** The server left a reader's edits out of what it sent (notice `read-only`). */
  | { readonly type: 'left-out' }
  /** Something went wrong here: what the document holds is not known any more. */
  | { readonly type: 'doubted' }
  | { readonly type: 'closed' }

export interface LedgerStart {
  /** The incarnation under which the local copy was last synced; null where there is no memory of one. */
  readonly incarnation: string | null
  readonly isEmptyDocument: boolean
}

export const createLedger = ({ incarnation, isEmptyDocument }: LedgerStart): SaveLedger => ({
  link: { state: 'closed' },
  isUnsaved: !isEmptyDocument,
  hasEdits: false,
  isAhead: !isEmptyDocument,
  refusal: null,
  epoch: null,
  incarnation,
  position: 0,
})

/** With what is known of the local copy from an earlier life of the app, once it has been loaded. */
export const recallCopy = (
  ledger: SaveLedger,
  copy: { readonly incarnation: string | null; readonly hasEdits: boolean },
): SaveLedger => ({
  ...ledger,
  incarnation: ledger.incarnation ?? copy.incarnation,
  hasEdits: ledger.hasEdits || copy.hasEdits,
})

/** The local copy may be merged into whatever incarnation there is. */
export const forgetIncarnation = (ledger: SaveLedger): SaveLedger => ({
  ...ledger,
  incarnation: null,
  epoch: null,
  isUnsaved: true,
  isAhead: true,
})

export const saveState = ({ link, isUnsaved, refusal }: SaveLedger): SaveState => {
  if (refusal !== null) return 'rejected'
  switch (link.state) {
    case 'closed':
    case 'opening':
      return 'offline'
    case 'open':
      return isSettled(link) && !isUnsaved ? 'saved' : 'saving'
    case 'diverged':
      return 'rejected'
    default:
      return assertNever(link)
  }
}

/**
 * The ledger after an event; the one passed in stays as it was.
 * @throws malformed for what a server may not say at this point
 * @throws internal for an event of our own that cannot be
 */
export const advance = (ledger: SaveLedger, event: LedgerEvent): SaveLedger => {
  const { link } = ledger
  switch (event.type) {
    case 'opening':
      if (link.state !== 'closed') return impossible(ledger, event)
      return { ...ledger, link: { state: 'opening' } }
    case 'welcome':
      return welcomed(ledger, event)
    case 'changed':
      return { ...ledger, isUnsaved: true, isAhead: true, hasEdits: ledger.hasEdits || event.isEdit }
    case 'sent': {
      if (!hasCounts(link)) return impossible(ledger, event)
      const hasReplied = link.hasReplied || event.kind === 'step2'
      return { ...ledger, link: { ...link, sent: link.sent + 1, hasReplied } }
    }
    case 'saved':
      return saved(ledger, event)
    case 'rejected': {
      if (!hasCounts(link)) return untimely(event)
      if (event.number <= link.acked || event.number > link.sent) return untimely(event)
      if (link.state === 'diverged') return ledger
      const { number, code, reason } = event
      return { ...ledger, link: { ...link, state: 'diverged', refused: number }, refusal: { code, reason } }
    }
    case 'access':
      if (!hasCounts(link)) return untimely(event)
      return {
        ...ledger,
        link: { ...link, isWriter: link.isWriter && mayDo(event.role, 'edit-document') },
      }
    case 'left-out':
      if (!hasCounts(link)) return untimely(event)
      if (!ledger.hasEdits || ledger.refusal !== null) return ledger
      return { ...ledger, refusal: { code: 'read_only', reason: 'this role may not edit' } }
    case 'doubted':
      return { ...ledger, isAhead: true, position: 0 }
    case 'closed':
      return { ...ledger, link: { state: 'closed' } }
    default:
      return assertNever(event)
  }
}

const welcomed = (ledger: SaveLedger, event: LedgerEvent & { type: 'welcome' }): SaveLedger => {
  if (ledger.link.state !== 'opening') return untimely(event)
  const isOther = ledger.incarnation !== null && ledger.incarnation !== event.incarnation
  if (isOther && !event.isEmptyDocument) throw new PlenumError('incarnation_conflict')
  // What peers made and this document holds may have been lost with the epoch, although it came from there.
  const isNewEpoch = ledger.epoch !== null && (isOther || ledger.epoch !== event.epoch)
  return {
    ...ledger,
    link: {
      state: 'open',
      sent: 0,
      acked: 0,
      hasReplied: false,
      isWriter: mayDo(event.role, 'edit-document'),
    },
    isUnsaved: ledger.isUnsaved || isNewEpoch,
    isAhead: ledger.isAhead || isNewEpoch,
    epoch: event.epoch,
    incarnation: event.incarnation,
    position: ledger.epoch === null || isNewEpoch ? 0 : ledger.position,
  }
}

const saved = (ledger: SaveLedger, event: LedgerEvent & { type: 'saved' }): SaveLedger => {
  const { link } = ledger
  if (!hasCounts(link) || event.count > link.sent) return untimely(event)
  if (link.state === 'diverged' && event.count >= link.refused) return untimely(event)
  const next = { ...link, acked: Math.max(link.acked, event.count) }
  const position = Math.max(ledger.position, event.position)
  if (next.state === 'diverged' || !isSettled(next)) return { ...ledger, link: next, position }
  return {
    ...ledger,
    link: next,
    position,
    isUnsaved: false,
    isAhead: ledger.isAhead && !next.isWriter,
    // A reader's edits are left out and yet acknowledged: only a writer's connection takes these back.
    hasEdits: ledger.hasEdits && !next.isWriter,
    refusal: next.isWriter ? null : ledger.refusal,
  }
}

const isSettled = ({ sent, acked, hasReplied }: Counts): boolean => hasReplied && acked === sent

const hasCounts = (link: Link): link is Extract<Link, Counts> =>
  link.state === 'open' || link.state === 'diverged'

const untimely = (event: LedgerEvent): never => {
  throw new PlenumError('malformed', `malformed message: "${event.type}" that cannot be at this point`)
}

const impossible = (ledger: SaveLedger, event: LedgerEvent): never => {
  throw new PlenumError('internal', `"${event.type}" cannot be while the link is ${ledger.link.state}`)
}
