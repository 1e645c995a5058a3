/**
 * How it stands with the connection and with what was written, in the page's words. A function of what the
 * provider says: `saved` is shown for nothing else than the provider's `saved`.
 */
import { assertNever } from '../../shared/errors.js'
import type { ConnectionState } from '../channel/connection-state.js'
import type { SaveState } from '../channel/save-ledger.js'

export interface Facts {
  readonly connection: ConnectionState
  readonly saveState: SaveState
  readonly hasUnsavedEdits: boolean
  /** Whether all edits survive the closing of the page. */
  readonly isKeptLocally: boolean
  /** Whether nothing has gone wrong with keeping them. */
  readonly isKeeping: boolean
  /** Whether the server began anew and this copy waits for a decision. */
  readonly isConflict: boolean
  /** Whether the person turned the connection off. */
  readonly isSwitchedOff: boolean
}

export interface Shown {
  readonly tone: 'good' | 'busy' | 'calm' | 'bad'
  readonly text: string
  /** The whole of it, for whoever wants to know. */
  readonly detail: string
}

export const saveStatus = (facts: Facts): Shown => {
  switch (facts.saveState) {
    case 'saved':
      return { tone: 'good', text: 'Saved', detail: 'All of this is on the disk of the server.' }
    case 'saving':
      return { tone: 'busy', text: 'Saving…', detail: 'The server has not yet said that it has everything.' }
    case 'rejected':
      return { tone: 'bad', text: 'Not accepted', detail: 'The server does not take your last edits.' }
    case 'offline':
      return offlineStatus(facts)
    default:
      return assertNever(facts.saveState)
  }
}

const offlineStatus = ({ hasUnsavedEdits, isKeptLocally, isKeeping, isConflict }: Facts): Shown => {
  if (isConflict) {
    return { tone: 'bad', text: 'Not on the server', detail: 'The server no longer has what you see here.' }
  }
  if (!hasUnsavedEdits) {
    return { tone: 'calm', text: 'No unsaved edits', detail: 'You wrote nothing since it was last saved.' }
  }
  if (isKeptLocally) {
    return {
      tone: 'calm',
      text: 'Kept in this browser',
      detail: 'Your edits survive closing this page. They go to the server once it can be reached.',
    }
  }
  return isKeeping
    ? {
        tone: 'busy',
        text: 'Keeping…',
        detail: 'Your last edits are on their way to the disk of this computer.',
      }
    : {
        tone: 'bad',
        text: 'Only in this tab',
        detail: 'Your edits are on no disk: keep this page open until they are saved.',
      }
}

/** @param retryInMs how long until the next attempt, where one is planned */
export const connectionStatus = (facts: Facts, retryInMs: number | null): Shown => {
  const { connection, isSwitchedOff } = facts
  switch (connection.state) {
    case 'connected':
      return { tone: 'good', text: 'Connected', detail: 'Others see what you write as you write it.' }
    case 'connecting':
      return { tone: 'busy', text: 'Connecting…', detail: 'You can go on writing.' }
    case 'offline':
      return isSwitchedOff
        ? { tone: 'calm', text: 'Offline', detail: 'You chose to work offline. You can go on writing.' }
        : {
            tone: 'busy',
            text: nextTry(retryInMs),
            detail: 'The server cannot be reached. You can go on writing.',
          }
    case 'needs-auth':
      return { tone: 'bad', text: 'Not signed in', detail: connection.reason }
    case 'closed':
      return { tone: 'bad', text: 'Disconnected', detail: connection.reason }
    default:
      return assertNever(connection)
  }
}

const nextTry = (retryInMs: number | null): string => {
  // An attempt is about to begin.
  if (retryInMs === null) return 'Connecting…'
  const seconds = Math.ceil(retryInMs / 1000)
  return seconds <= 0 ? 'Offline, trying again' : `Offline, trying again in ${seconds} s`
}
