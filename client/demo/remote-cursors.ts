/**
 * Other people's cursors and selections in the editor, with their names, and one's own to them. Colours come by
 * attribute from the style sheet: a strict content policy allows no inline styles.
 */
import type { Extension, Range } from '@codemirror/state'
import {
  Decoration,
  type DecorationSet,
  type EditorView,
  ViewPlugin,
  type ViewUpdate,
  WidgetType,
} from '@codemirror/view'
import type { Awareness } from 'y-protocols/awareness'
import * as Y from 'yjs'
import { type Person, personOf } from './people.js'

interface Cursor {
  readonly person: Person
  readonly anchor: number
  readonly head: number
  /** Changes when its owner moves it, and not when text in front of it does. */
  readonly place: string
}

/** To stand behind what binds the text: positions are only good once the text has followed the editor. */
export const remoteCursors = (text: Y.Text, awareness: Awareness): Extension =>
  ViewPlugin.define(view => new RemoteCursors(view, text, awareness), { decorations: ({ drawn }) => drawn })

class RemoteCursors {
  drawn: DecorationSet = Decoration.none
  readonly #text: Y.Text
  readonly #awareness: Awareness
  readonly #onChange: (changes: { added: number[]; updated: number[]; removed: number[] }) => void

  constructor(view: EditorView, text: Y.Text, awareness: Awareness) {
    this.#text = text
    this.#awareness = awareness
    this.#onChange = ({ added, updated, removed }) => {
      const isOfOthers = [...added, ...updated, ...removed].some(id => id !== awareness.clientID)
      if (isOfOthers) view.dispatch({})
    }
    awareness.on('change', this.#onChange)
    this.#draw(view)
  }

  update(update: ViewUpdate): void {
    if (update.selectionSet || update.docChanged || update.focusChanged) this.#announce(update.view)
    this.#draw(update.view)
  }

  destroy(): void {
    this.#awareness.off('change', this.#onChange)
  }

  #announce({ state, hasFocus }: EditorView): void {
    const mine = this.#awareness.getLocalState()
    if (mine === null || !hasFocus) return
    const { anchor, head } = state.selection.main
    const cursor = { anchor: this.#placeOf(anchor), head: this.#placeOf(head) }
    if (JSON.stringify(mine.cursor) === JSON.stringify(cursor)) return
    this.#awareness.setLocalStateField('cursor', cursor)
  }

  #draw({ state }: EditorView): void {
    const ranges: Range<Decoration>[] = []
    for (const cursor of this.#cursors(state.doc.length)) {
      const { anchor, head, person } = cursor
      if (anchor !== head) {
        const mark = Decoration.mark({ class: 'selection', attributes: { 'data-hue': String(person.hue) } })
        ranges.push(mark.range(Math.min(anchor, head), Math.max(anchor, head)))
      }
      ranges.push(Decoration.widget({ widget: new Caret(cursor), side: head > anchor ? -1 : 1 }).range(head))
    }
    this.drawn = Decoration.set(ranges, true)
  }

  *#cursors(length: number): Iterable<Cursor> {
    for (const [id, state] of this.#awareness.getStates()) {
      const person = id === this.#awareness.clientID ? null : personOf(state)
      if (person === null) continue
      const anchor = this.#indexOf(state.cursor?.anchor)
      const head = this.#indexOf(state.cursor?.head)
      if (anchor === null || head === null || anchor > length || head > length) continue
      yield { person, anchor, head, place: JSON.stringify(state.cursor) }
    }
  }

  #placeOf(index: number): unknown {
    return Y.relativePositionToJSON(Y.createRelativePositionFromTypeIndex(this.#text, index))
  }

  /** Null for what is no position in this text: it comes from other people's programs. */
  #indexOf(place: unknown): number | null {
    const { doc } = this.#text
    if (doc === null || typeof place !== 'object' || place === null) return null
    try {
      const found = Y.createAbsolutePositionFromRelativePosition(Y.createRelativePositionFromJSON(place), doc)
      return found?.type === this.#text ? found.index : null
    } catch {
      return null
    }
  }
}

class Caret extends WidgetType {
  readonly #cursor: Cursor

  constructor(cursor: Cursor) {
    super()
    this.#cursor = cursor
  }

  /** Drawn anew where it moved, so that the name shows again. */
  override eq(other: Caret): boolean {
    const { person, place } = this.#cursor
    const { person: otherPerson, place: otherPlace } = other.#cursor
    return otherPlace === place && otherPerson.name === person.name && otherPerson.user === person.user
  }

  override toDOM(): HTMLElement {
    const { person } = this.#cursor
    const caret = document.createElement('span')
    caret.className = 'caret'
    caret.dataset.hue = String(person.hue)
    caret.setAttribute('aria-hidden', 'true')
    const name = document.createElement('span')
    name.className = 'caret-name'
    name.textContent = person.name
    // Word joiners: the caret is no place to break a line at.
    caret.append('\u2060', name, '\u2060')
    return caret
  }

  override ignoreEvent(): boolean {
    return true
  }
}
