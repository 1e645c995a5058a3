/**
 * What the server writes into awareness states before others see them: who it is, by the token, and how long they
 * have been here. A client's own word on that is overwritten.
 */

import { isForbiddenKey } from './json-text.js'

/** A state as it was parsed: plain, and nobody else's. */
export type AwarenessState = Record<string, unknown>

export interface Stamp {
  readonly user: string
  /** Null where the token names nobody: whatever name the client gives stays. */
  readonly name: string | null
  readonly joinedAtMs: number
  readonly lastSeenMs: number
}

export type IdentityClaim = 'id' | 'name'

/** Where editors look for who somebody is. */
export interface IdentityPath {
  readonly keys: readonly string[]
  readonly claim: IdentityClaim
}

const PATH = /^([^.=,\s]+(?:\.[^.=,\s]+)*)=(id|name)$/

/** @param text as in `user.name=name`; null where it cannot be read */
export const parseIdentityPath = (text: string): IdentityPath | null => {
  const [, path, claim] = PATH.exec(text) ?? []
  const keys = path?.split('.') ?? []
  if (keys.length === 0 || keys[0] === 'plenum' || keys.some(isForbiddenKey)) return null
  return { keys, claim: claim as IdentityClaim }
}

const encoder = new TextEncoder()

/** Stamps the state, which is changed, and encodes it as JSON in UTF-8. */
export const stamped = (
  state: AwarenessState,
  { user, name, joinedAtMs, lastSeenMs }: Stamp,
  paths: readonly IdentityPath[],
): Uint8Array => {
  for (const { keys, claim } of paths) {
    const value = claim === 'id' ? user : name
    if (value !== null) put(state, keys, value)
  }
  state.plenum = { user, joinedAt: joinedAtMs, lastSeen: lastSeenMs }
  return encoder.encode(JSON.stringify(state))
}

/** The user and the arrival that a state says are stamped on it, or null. */
export const stampOn = ({ plenum }: AwarenessState): { user: string; joinedAtMs: number } | null => {
  if (!isObject(plenum)) return null
  const { user, joinedAt } = plenum
  return typeof user === 'string' && typeof joinedAt === 'number' ? { user, joinedAtMs: joinedAt } : null
}

/** What an app keeps there that is no object has no such field, and stays. */
const put = (state: AwarenessState, keys: readonly string[], value: string): void => {
  let at = state
  for (const key of keys.slice(0, -1)) {
    at[key] ??= {}
    const next = at[key]
    if (!isObject(next)) return
    at = next
  }
  at[keys.at(-1)!] = value
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
