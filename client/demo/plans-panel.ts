/** The board of what people mean to do: a list that everybody who may edit can add to and change. */
import type { Intention } from '../../shared/intentions/intention.js'
import type { Intentions } from '../intentions/intentions.js'
import type { Member } from '../presence/member.js'
import { faceOf, replaceIfOther, textSpan } from './face.js'
import { part, setText } from './page.js'
import { ACTION_LABELS, openPlans, type Plan, type PlanAction, plansOf } from './plans.js'

export interface PlansSource {
  /** Another one after a copy was discarded. */
  readonly intentions: Intentions
  readonly members: readonly Member[]
  readonly mayEdit: boolean
}

interface Shown {
  readonly list: readonly Intention[]
  readonly members: readonly Member[]
  readonly mayEdit: boolean
}

export class PlansPanel {
  readonly #source: PlansSource
  readonly #input = part<HTMLInputElement>('plan-text')
  #shown: Shown | null = null

  constructor(source: PlansSource) {
    this.#source = source
    this.#input.addEventListener('input', () => this.#input.setCustomValidity(''))
    part('plan-form').addEventListener('submit', event => {
      event.preventDefault()
      this.#propose()
    })
    part('plan-list').addEventListener('click', ({ target }) => {
      const { action, id } = (target as HTMLElement).dataset
      if (action !== undefined && id !== undefined) this.#take(action as PlanAction, id)
    })
  }

  /** Something may have changed. */
  update(): void {
    const { intentions, members, mayEdit } = this.#source
    const list = intentions.list()
    const before = this.#shown
    if (before?.list === list && before.members === members && before.mayEdit === mayEdit) return
    this.#shown = { list, members, mayEdit }
    const open = openPlans(list)
    setText(part('plans-button'), open === 0 ? 'Plans' : `Plans: ${open}`)
    part('plan-form').hidden = !mayEdit
    part('plan-none').hidden = list.length > 0
    showPlans(plansOf(list, members, mayEdit))
  }

  #propose(): void {
    const text = this.#input.value.trim()
    if (text === '' || !this.#source.mayEdit) return
    try {
      this.#source.intentions.propose(text)
      this.#input.value = ''
    } catch (error) {
      // Too many, or too long.
      this.#input.setCustomValidity(error instanceof Error ? error.message : String(error))
      this.#input.reportValidity()
    }
  }

  #take(action: PlanAction, id: string): void {
    const { intentions, mayEdit } = this.#source
    if (mayEdit) intentions[action](id)
    // The button that was pressed is gone with what it was for.
    if (document.activeElement === document.body) this.#input.focus()
  }
}

const showPlans = (plans: readonly Plan[]): void => {
  replaceIfOther(part('plan-list'), plans, () => plans.map(planItem))
}

const planItem = ({ id, text, status, name, hue, note, actions }: Plan): HTMLElement => {
  const item = document.createElement('li')
  item.dataset.status = status
  item.dataset.hue = String(hue)
  const buttons = actions.map(action => {
    const button = document.createElement('button')
    button.type = 'button'
    button.className = 'button'
    button.dataset.action = action
    button.dataset.id = id
    button.textContent = ACTION_LABELS[action]
    button.setAttribute('aria-label', `${ACTION_LABELS[action]}: ${text}`)
    return button
  })
  item.append(faceOf(name), textSpan('name', text), textSpan('when', note), ...buttons)
  return item
}
