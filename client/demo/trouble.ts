/**
 * What keeps a person from going on, why, and what they can do about it. A function of what the provider says;
 * null where there is nothing for them to do.
 */
import { ERRORS } from '../../shared/errors.js'
import type { ConnectionState } from '../channel/connection-state.js'
import type { Refusal } from '../channel/save-ledger.js'

export interface TroubleFacts {
  readonly connection: ConnectionState
  readonly rejected: Refusal | null
  readonly isConflict: boolean
  readonly hasText: boolean
  /** Whether the page's address holds anything to sign in with. */
  readonly hasEntry: boolean
  /** Why this browser keeps no copy; null where it does, or where nothing went wrong. */
  readonly storageProblem: string | null
  readonly space: string
}

export type Way = 'merge' | 'discard' | 'export' | 'retry' | 'reload'

export interface Trouble {
  readonly title: string
  readonly text: string
  /** The first is what most people want. */
  readonly ways: readonly Way[]
}

export const WAY_LABELS: Readonly<Record<Way, string>> = {
  merge: 'Merge my copy',
  discard: 'Discard my copy',
  export: 'Download my text',
  retry: 'Try again',
  reload: 'Reload the page',
}

export const troubleOf = (facts: TroubleFacts): Trouble | null => {
  const { connection, rejected, isConflict, storageProblem } = facts
  if (isConflict) {
    return {
      title: 'This space began anew',
      text: 'The server was reset since this copy was last synced. Merge brings your copy into what is there now; discard takes what is there now instead.',
      ways: ['merge', 'discard', 'export'],
    }
  }
  if (rejected !== null) {
    return {
      title: 'Your last edits were not accepted',
      text: `The server says: ${sentence(rejected.reason)} They stay on this screen and go nowhere until you decide.`,
      ways: ['export', 'discard'],
    }
  }
  if (connection.state === 'needs-auth') return signedOut(connection.reason, facts)
  if (connection.state === 'closed') return closed(connection, facts)
  if (storageProblem === null) return null
  return {
    title: 'This browser keeps no copy',
    text: `What you write is safe once it says “Saved”, and not before. The browser says: ${sentence(storageProblem)}`,
    ways: [],
  }
}

const signedOut = (reason: string, { hasEntry, hasText }: TroubleFacts): Trouble =>
  hasEntry
    ? {
        title: 'You are not signed in',
        text: `The server does not take this address any more: ${sentence(reason)} Open the one that it prints when it starts.`,
        ways: ['retry', ...exported(hasText)],
      }
    : {
        title: 'This address opens nothing',
        text: 'It lacks the part that lets you in. Open the address that the server prints when it starts.',
        ways: exported(hasText),
      }

const closed = ({ code, reason }: { code: number; reason: string }, facts: TroubleFacts): Trouble => {
  const says = `The server says: ${sentence(reason || `code ${code}`)}`
  const ways = ['retry', ...exported(facts.hasText)] as const
  switch (code) {
    case ERRORS.forbidden.close:
      return { title: `You have no access to “${facts.space}”`, text: says, ways }
    case ERRORS.space_deleted.close:
      return { title: `“${facts.space}” was deleted`, text: says, ways }
    case ERRORS.replaced.close:
      return {
        title: 'This window was replaced',
        text: 'The same window was opened somewhere else and took over.',
        ways,
      }
    case ERRORS.too_large.close:
      return {
        title: 'This is more than the server takes',
        text: says,
        ways: [...exported(facts.hasText), 'discard'],
      }
    case ERRORS.protocol_version.close:
      return { title: 'This page is out of date', text: says, ways: ['reload', ...exported(facts.hasText)] }
    default:
      return { title: 'The server ended the connection', text: says, ways }
  }
}

const exported = (hasText: boolean): readonly Way[] => (hasText ? ['export'] : [])

const sentence = (text: string): string => {
  const trimmed = text.trim()
  return /[.!?]$/.test(trimmed) ? trimmed : `${trimmed}.`
}
