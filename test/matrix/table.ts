/**
 * Who may do what, at every door and route: the one table that the matrix is made of. What is not in it is not there:
 * a new message does not compile without a row, and a new route fails the test.
 */
import type { ErrorCode } from '../../shared/errors.js'
import type { ClientMessage } from '../../shared/protocol/index.js'
import type { Role } from '../../shared/roles.js'

/** Who asks: what their token is, and what it says. */
export const CALLERS = {
  nobody: { token: 'none' },
  forger: { token: 'forged', grants: 'admin' },
  late: { token: 'expired', grants: 'admin' },
  neighbour: { token: 'good', elsewhere: 'admin' },
  revoked: { token: 'good', grants: 'admin' },
  reader: { token: 'good', grants: 'read' },
  writer: { token: 'good', grants: 'write' },
  admin: { token: 'good', grants: 'admin' },
  /** An administrator of every space. */
  root: { token: 'good', everywhere: 'admin' },
} as const satisfies Record<string, CallerFacts>

interface CallerFacts {
  readonly token: 'none' | 'forged' | 'expired' | 'good'
  /** On the space that is asked for. */
  readonly grants?: Role
  /** On another space alone. */
  readonly elsewhere?: Role
  readonly everywhere?: Role
}

export type Caller = keyof typeof CALLERS

/** Whom no door lets in, whatever they want there. */
export const TURNED_AWAY: Readonly<Partial<Record<Caller, ErrorCode>>> = {
  nobody: 'unauthenticated',
  forger: 'unauthenticated',
  late: 'token_expired',
  neighbour: 'forbidden',
  revoked: 'revoked',
}

/** From the least to the most, for those who are let in. */
const INSIDE: readonly Caller[] = ['reader', 'writer', 'admin', 'root']

interface RouteRow {
  /** The least of those who may. */
  readonly least: Caller | 'anyone'
  /** What those are told who are let in and may not. */
  readonly otherwise: ErrorCode
}

const row = (least: RouteRow['least'], otherwise: ErrorCode = 'forbidden'): RouteRow => ({ least, otherwise })

/** The HTTP API, by `operationId`. */
export const ROUTES: Readonly<Record<string, RouteRow>> = {
  readSnapshot: row('reader'),
  readMembers: row('reader'),
  readIntentions: row('reader'),
  readUpdate: row('reader'),
  readJson: row('reader'),
  watchSpace: row('reader'),
  edit: row('writer', 'read_only'),
  readStats: row('admin'),
  createSpace: row('admin'),
  deleteSpace: row('admin'),
  restoreSpace: row('admin'),
  disconnectMember: row('admin'),
  listRevocations: row('admin'),
  revokeMember: row('admin'),
  reinstateMember: row('admin'),
  listUserRevocations: row('root'),
  revokeUser: row('root'),
  reinstateUser: row('root'),
  readDocument: row('anyone'),
  readPage: row('anyone'),
}

/** It names no space: whoever has a good token is told of those that it administers, and of no other. */
export const LIST_ROUTE = 'listSpaces'
export const LISTED: readonly Caller[] = ['admin', 'root']

/** Routes that tell nothing of any space. */
export const OPEN_ROUTES: Readonly<Record<string, string>> = {
  'get /healthz': 'whether it lives',
  'get /readyz': 'whether it serves',
  'get /metrics': 'figures without names',
  'get /': 'the demo page',
  'get /icon.svg': 'of the demo page',
  'get /service-worker.js': 'of the demo page',
  'post /demo/token': 'for whoever holds the invitation',
}

/** What a route answers: null where it does what it is asked. */
export const routeOutcome = (id: string, caller: Caller): ErrorCode | null => {
  const { least, otherwise } = ROUTES[id] as RouteRow
  if (least === 'anyone') return null
  // Where no space is named, a good token is good until it is asked what it is good for.
  const isOfNoSpace = least === 'root'
  const away = isOfNoSpace && caller === 'neighbour' ? undefined : TURNED_AWAY[caller]
  if (isOfNoSpace && caller === 'revoked') return otherwise
  if (away !== undefined) return away
  return INSIDE.indexOf(caller) >= INSIDE.indexOf(least) ? null : otherwise
}

/** What becomes of a message: it has its effect, is left out, refused by a code, or ends the connection. */
export type Effect = 'done' | 'left out' | 'refused' | 'closed'

interface MessageRow {
  readonly reader: Effect
  readonly writer: Effect
  readonly admin: Effect
  /** Whether only our own clients may send it: it ends the connection of others. */
  readonly isOurs: boolean
}

/** The wire's messages, by type. */
export const MESSAGES: Readonly<Record<ClientMessage['type'], MessageRow>> = {
  step1: { reader: 'done', writer: 'done', admin: 'done', isOurs: false },
  // A reader's answer holds what the server has; what it holds besides is no edit of theirs.
  step2: { reader: 'left out', writer: 'done', admin: 'done', isOurs: false },
  update: { reader: 'refused', writer: 'done', admin: 'done', isOurs: false },
  awareness: { reader: 'done', writer: 'done', admin: 'done', isOurs: false },
  'query-awareness': { reader: 'done', writer: 'done', admin: 'done', isOurs: false },
  authenticate: { reader: 'done', writer: 'done', admin: 'done', isOurs: true },
  signal: { reader: 'done', writer: 'done', admin: 'done', isOurs: true },
}

/** What a message of somebody who is inside does. */
export const messageEffect = (
  type: ClientMessage['type'],
  caller: Caller,
  dialect: 'plenum' | 'stock',
): Effect => {
  const { isOurs, ...effects } = MESSAGES[type]
  if (isOurs && dialect === 'stock') return 'closed'
  return effects[caller === 'root' ? 'admin' : (caller as 'reader' | 'writer' | 'admin')]
}
