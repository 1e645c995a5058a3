/**
 * The sessions of the second door, found by the key that a request carries. The key alone opens nothing: the bearer
 * of the request has to be who opened the session, and is asked for the token again unless it is the very same.
 */
import { createHash, randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { PlenumError } from '../../../shared/errors.js'
import { SESSION_HEADER } from '../../../shared/protocol/index.js'
import type { Access } from '../../space/peer.js'
import type { UpgradeTarget } from '../upgrade-request.js'
import type { EventStreamConnection, Owner } from './connection.js'
import type { PollDelivery } from './poll-delivery.js'

/** What was verified last: of the token only this much is kept. */
interface Bearer {
  /** Null where nothing of it is known to us: an application may judge by any header. */
  readonly digest: string | null
  readonly spacePath: string
  readonly expiresAtMs: number | null
}

export interface StreamSession {
  readonly connection: EventStreamConnection
  /** Null where the answer does not end. */
  readonly polls: { readonly delivery: PollDelivery; last: number } | null
  bearer: Bearer
}

const KEY_BYTES = 18

export const newKey = (): string => randomBytes(KEY_BYTES).toString('base64url')

export class Sessions {
  readonly #byKey = new Map<string, StreamSession>()

  get size(): number {
    return this.#byKey.size
  }

  add(session: StreamSession): void {
    this.#byKey.set(session.connection.key, session)
  }

  remove({ key }: EventStreamConnection): void {
    this.#byKey.delete(key)
  }

  /** By the header alone. */
  named(request: IncomingMessage): StreamSession | undefined {
    const key = request.headers[SESSION_HEADER]
    return typeof key === 'string' ? this.#byKey.get(key) : undefined
  }
}

export const bearerOf = (
  { headers: { authorization = '', cookie = '' } }: IncomingMessage,
  { query, spacePath }: UpgradeTarget,
  expiresAtMs: Access['expiresAtMs'],
): Bearer => {
  const carriers = [authorization, query.get('token') ?? '', cookie]
  const isBlank = carriers.every(carrier => carrier === '')
  const digest = isBlank ? null : createHash('sha256').update(JSON.stringify(carriers)).digest('base64')
  return { digest, spacePath, expiresAtMs }
}

/** Whether nothing has changed since the bearer was verified. */
export const isSameBearer = (known: Bearer, now: Bearer, nowMs: number): boolean =>
  known.digest !== null &&
  known.digest === now.digest &&
  known.spacePath === now.spacePath &&
  (known.expiresAtMs === null || nowMs < known.expiresAtMs)

/** @throws forbidden, no_session */
export const checkOwner = (session: StreamSession | undefined, { space, user }: Owner): StreamSession => {
  if (session === undefined || session.connection.owner.space !== space) throw new PlenumError('no_session')
  if (session.connection.owner.user !== user) {
    throw new PlenumError('forbidden', 'the session is of another user')
  }
  return session
}
