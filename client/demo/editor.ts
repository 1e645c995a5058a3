/** The editor: CodeMirror bound to a Y.Text, with everybody's cursors and an undo that takes back only one's own. */
import { defaultKeymap } from '@codemirror/commands'
import { Compartment, EditorState } from '@codemirror/state'
import { EditorView, keymap, placeholder } from '@codemirror/view'
import { yCollab, yUndoManagerKeymap } from 'y-codemirror.next'
import type { Awareness } from 'y-protocols/awareness'
import type * as Y from 'yjs'
import { prose } from './prose.js'
import { remoteCursors } from './remote-cursors.js'

export interface EditorOptions {
  readonly parent: HTMLElement
  readonly text: Y.Text
  readonly awareness: Awareness
  /** What the content policy asks of style elements. */
  readonly nonce: string
  /** How much of the window is covered, above and below: the cursor is kept out of it. */
  covered(): { readonly top: number; readonly bottom: number }
}

export interface Editor {
  setReadOnly(isReadOnly: boolean): void
  focus(): void
  /** Brings into sight where one writes, if one does: what covers the window has changed. */
  reveal(): void
  destroy(): void
}

const PLACEHOLDER = 'Write something. Whoever has this space open sees it as you type.'

export const createEditor = (options: EditorOptions): Editor => {
  const { parent, text, awareness, nonce, covered } = options
  const access = new Compartment()
  const view = new EditorView({
    parent,
    state: EditorState.create({
      doc: text.toString(),
      extensions: [
        EditorView.cspNonce.of(nonce),
        EditorView.lineWrapping,
        EditorView.scrollMargins.of(covered),
        EditorView.contentAttributes.of({
          'aria-label': 'The shared text',
          spellcheck: 'true',
          autocapitalize: 'sentences',
        }),
        keymap.of([...yUndoManagerKeymap, ...defaultKeymap]),
        placeholder(PLACEHOLDER),
        access.of(accessOf(true)),
        yCollab(text, null),
        remoteCursors(text, awareness),
        prose,
      ],
    }),
  })
  return {
    setReadOnly: isReadOnly => {
      if (view.state.readOnly !== isReadOnly) {
        view.dispatch({ effects: access.reconfigure(accessOf(!isReadOnly)) })
      }
    },
    focus: () => view.focus(),
    reveal: () => {
      if (view.hasFocus) view.dispatch({ scrollIntoView: true })
    },
    destroy: () => view.destroy(),
  }
}

const accessOf = (mayEdit: boolean) => [
  EditorState.readOnly.of(!mayEdit),
  EditorView.contentAttributes.of({ 'aria-readonly': String(!mayEdit) }),
]
