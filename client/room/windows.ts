/** Who shows what in which window: the awareness states, and whose they are as far as the server vouches for it. */
import { equalityDeep } from 'lib0/function'
import type { Awareness } from 'y-protocols/awareness'
import type { Member } from '../presence/member.js'

export interface PresentWindow {
  /** Of the document in that window. */
  readonly clientId: number
  /** As the server says; null where nobody vouches: between tabs without a server. */
  readonly user: string | null
  readonly name: string | null
  /** Whether it is this window. */
  readonly isSelf: boolean
  /** What the window says of itself: somebody else's input, but for what the server has stamped on it. */
  readonly state: Readonly<Record<string, unknown>>
}

/**
 * All windows with a state, by clientId.
 * @param before those that are still the same stay the same objects
 */
export const windowsOf = (
  awareness: Awareness,
  memberOf: (clientId: number) => Member | null,
  before: readonly PresentWindow[],
): readonly PresentWindow[] => {
  const known = new Map(before.map(window => [window.clientId, window]))
  const windows = [...awareness.getStates()].map(([clientId, state]) => {
    const { user = null, name = null } = memberOf(clientId) ?? {}
    const old = known.get(clientId)
    if (old?.user === user && old.name === name && equalityDeep(old.state, state)) return old
    return Object.freeze({ clientId, user, name, isSelf: clientId === awareness.clientID, state })
  })
  return Object.freeze(windows.sort((a, b) => a.clientId - b.clientId))
}
