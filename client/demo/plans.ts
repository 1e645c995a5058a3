/** What people mean to do, in the page's words: a function of the intentions in the document and of who is known. */
import type { Intention, IntentionStatus } from '../../shared/intentions/intention.js'
import type { Member } from '../presence/member.js'
import { hueOf } from './people.js'

/** What can be done with an intention, by the names of the collection's methods. */
export type PlanAction = 'activate' | 'finish' | 'drop'

export interface Plan {
  readonly id: string
  readonly text: string
  readonly status: IntentionStatus
  readonly name: string
  readonly hue: number
  readonly note: string
  readonly actions: readonly PlanAction[]
}

export const ACTION_LABELS: Readonly<Record<PlanAction, string>> = {
  activate: 'Start',
  finish: 'Done',
  drop: 'Drop',
}

const MAX_DONE = 5
const NOTES: Readonly<Record<IntentionStatus, string>> = {
  proposed: 'planned',
  active: 'doing it now',
  done: 'done',
  dropped: 'dropped',
}
const ACTIONS: Readonly<Record<IntentionStatus, readonly PlanAction[]>> = {
  proposed: ['activate', 'drop'],
  active: ['finish', 'drop'],
  done: [],
  dropped: [],
}

/** What is being done first, then what is planned, then what was done last; what was dropped is gone. */
export const plansOf = (
  intentions: readonly Intention[],
  members: readonly Member[],
  mayEdit: boolean,
): readonly Plan[] => {
  const withStatus = (wanted: IntentionStatus) => intentions.filter(({ status }) => status === wanted)
  const done = withStatus('done').sort((a, b) => b.modifiedAt - a.modifiedAt)
  return [...withStatus('active'), ...withStatus('proposed'), ...done.slice(0, MAX_DONE)].map(
    ({ id, by, text, status }) => {
      const member = members.find(({ user }) => user === by)
      const name = member?.name ?? by
      return {
        id,
        text,
        status,
        name,
        hue: hueOf(by),
        note: `${member?.isSelf ? 'You' : name} · ${NOTES[status]}`,
        actions: mayEdit ? ACTIONS[status] : [],
      }
    },
  )
}

/** How many are neither done nor dropped. */
export const openPlans = (intentions: readonly Intention[]): number =>
  intentions.filter(({ status }) => status === 'proposed' || status === 'active').length
