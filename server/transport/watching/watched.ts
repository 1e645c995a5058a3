/** What somebody who watches a space is told, put together from the frames that any client of it is sent. */

import type { ErrorCode } from '../../../shared/errors.js'
import type { Roster } from '../../../shared/protocol/index.js'
import { decodeAwareness, readState } from '../../space/awareness-codec.js'
import type { AttestedIntentions } from '../../space/intentions-desk.js'
import type { PresentClient, SpaceSnapshot } from '../../space/space-desk.js'

export interface PresenceNews {
  /** Whether it is everybody, or only of whom something changed. */
  readonly isWhole: boolean
  readonly present: readonly PresentClient[]
  readonly gone: readonly number[]
}

/** How each event is told; the bytes of an answer are as the API's schemas have them. */
export interface Wording {
  snapshot(snapshot: SpaceSnapshot): unknown
  presence(news: PresenceNews): unknown
  members(roster: Roster): unknown
  intentions(intentions: AttestedIntentions): unknown
  change(update: Uint8Array, position: number): unknown
  close(code: ErrorCode, reason: string): unknown
}

export const WATCHED = ['snapshot', 'presence', 'members', 'intentions', 'change'] as const
export type Watched = (typeof WATCHED)[number]

/** What an awareness frame says; null where it says nothing. */
export const presenceNews = (entries: Uint8Array): PresenceNews | null => {
  const present: PresentClient[] = []
  const gone: number[] = []
  for (const { clientId, json } of decodeAwareness(entries, () => true).entries) {
    const read = readState(json, json.length)
    if (read.type === 'state') present.push({ clientId, user: userOf(read.state), state: read.state })
    else gone.push(clientId)
  }
  return present.length + gone.length === 0 ? null : { isWhole: false, present, gone }
}

/** The server's own stamp: nobody else can write it. */
const userOf = ({ plenum }: Readonly<Record<string, unknown>>): string =>
  String((plenum as { user?: unknown } | undefined)?.user ?? '')
