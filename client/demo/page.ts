/** The parts of the page, and what is shown in them. Nothing is touched that has not changed. */
import type { DemoRole } from './address.js'
import type { Shown } from './status.js'
import { type Trouble, WAY_LABELS, type Way } from './trouble.js'

/** @throws Error where the page lacks it: script and page are of different builds */
export const part = <Kind extends HTMLElement = HTMLElement>(id: string): Kind => {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`the page has no #${id}`)
  return found as Kind
}

/** @param id of an element with a text beside it, `<id>-text` */
export const showStatus = (id: string, { tone, text, detail }: Shown): void => {
  const shown = part(id)
  if (shown.dataset.tone !== tone) shown.dataset.tone = tone
  if (shown.title !== detail) shown.title = detail
  setText(part(`${id}-text`), text)
}

export const showTrouble = (trouble: Trouble | null, take: (way: Way) => void): void => {
  const box = part('trouble')
  const key = JSON.stringify(trouble)
  if (box.dataset.key === key) return
  box.dataset.key = key
  box.hidden = trouble === null
  setText(part('trouble-title'), trouble?.title ?? '')
  setText(part('trouble-text'), trouble?.text ?? '')
  const buttons = (trouble?.ways ?? []).map(way => {
    const button = document.createElement('button')
    button.type = 'button'
    button.className = 'button'
    button.dataset.way = way
    button.textContent = WAY_LABELS[way]
    button.addEventListener('click', () => take(way))
    return button
  })
  part('trouble-actions').replaceChildren(...buttons)
}

export const showRole = (role: DemoRole): void => {
  for (const choice of roleChoices()) choice.checked = choice.value === role
}

export const roleChoices = (): HTMLInputElement[] => [
  ...part('role').querySelectorAll<HTMLInputElement>('input[name=role]'),
]

/** Resolves with whether the person really wants to lose what cannot be had again. */
export const askWhetherSure = (): Promise<boolean> => {
  const dialog = part<HTMLDialogElement>('sure')
  const asked = new AbortController()
  return new Promise(resolve => {
    const answer = (isSure: boolean): void => {
      asked.abort()
      resolve(isSure)
    }
    // Not the dialog's `close`, which comes so late that it could answer the next question.
    const { signal } = asked
    dialog.addEventListener(
      'submit',
      ({ submitter }) => answer(submitter?.getAttribute('value') === 'discard'),
      { signal },
    )
    dialog.addEventListener('cancel', () => answer(false), { signal })
    dialog.showModal()
  })
}

export const setText = (element: HTMLElement, text: string): void => {
  if (element.textContent !== text) element.textContent = text
}
