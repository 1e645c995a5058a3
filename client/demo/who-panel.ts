/**
 * Who is here, as faces in the bar and as a list that opens from them. Ages are said anew when their words change,
 * and only while the list is open: no timer runs for what nobody sees.
 */
import type { Presence } from '../presence/roster-view.js'
import { faceOf, replaceIfOther, textSpan } from './face.js'
import { part, setText } from './page.js'
import { type Row, type Who, whoIs } from './who.js'

export interface WhoSource {
  readonly presence: Presence
  serverNow(): number | null
}

const MAX_FACES = 4

export class WhoPanel {
  readonly #source: WhoSource
  readonly #self: string
  readonly #panel = part('who')
  #shown: Presence | null = null
  #timer: ReturnType<typeof setTimeout> | undefined

  /** @param self who one is, until the server says it */
  constructor(source: WhoSource, self: string) {
    this.#source = source
    this.#self = self
    this.#panel.addEventListener('toggle', () => this.#show())
    document.addEventListener('visibilitychange', () => this.#show())
  }

  /** Something may have changed. */
  update(): void {
    if (this.#source.presence !== this.#shown) this.#show()
  }

  #show(): void {
    const { presence } = this.#source
    this.#shown = presence
    const who = whoIs(presence, this.#source.serverNow(), this.#self)
    part('people').dataset.live = String(presence.isLive)
    setText(part('people-label'), `${who.title}: `)
    showFaces(who)
    setText(part('here-title'), who.title)
    showList(part('here'), who.here, who.moreHere)
    part('were-title').hidden = who.were.length === 0
    showList(part('were'), who.were)
    this.#wait(who.changesInMs)
  }

  #wait(changesInMs: number | null): void {
    clearTimeout(this.#timer)
    const isSeen = this.#panel.matches(':popover-open') && document.visibilityState === 'visible'
    if (isSeen && changesInMs !== null) this.#timer = setTimeout(() => this.#show(), changesInMs)
  }
}

const showFaces = ({ here, moreHere }: Who): void => {
  const shown = here.slice(0, MAX_FACES)
  const more = here.length - shown.length + moreHere
  replaceIfOther(part('faces'), [shown.map(({ text: _, ...row }) => row), more], () => [
    ...shown.map(row => spanOf(row, 'person', faceOf(row.name), textSpan('name', row.name))),
    ...(more > 0 ? [textSpan('more', `+${more}`)] : []),
  ])
}

const showList = (list: HTMLElement, rows: readonly Row[], more = 0): void => {
  replaceIfOther(list, [rows, more], () => {
    const items = rows.map(row => {
      const item = document.createElement('li')
      item.append(
        spanOf(row, 'person', faceOf(row.name), textSpan('name', row.name), textSpan('when', row.text)),
      )
      return item
    })
    if (more === 0) return items
    const rest = document.createElement('li')
    rest.textContent = `and ${more} more`
    return [...items, rest]
  })
}

const spanOf = ({ hue, isHere }: Row, className: string, ...content: HTMLElement[]): HTMLElement => {
  const span = textSpan(className, '')
  span.dataset.hue = String(hue)
  span.dataset.here = String(isHere)
  span.append(...content)
  return span
}
