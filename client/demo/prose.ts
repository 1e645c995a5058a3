/** Lines that look like what they are meant as: `# ` a heading, `- ` an item, `> ` a quotation. Text stays text. */
import { type Extension, RangeSetBuilder } from '@codemirror/state'
import { Decoration, type DecorationSet, type EditorView, ViewPlugin } from '@codemirror/view'

const KINDS: readonly (readonly [RegExp, Decoration])[] = [
  [/^# /, Decoration.line({ class: 'title' })],
  [/^#{2,6} /, Decoration.line({ class: 'heading' })],
  [/^[-*] /, Decoration.line({ class: 'item' })],
  [/^> /, Decoration.line({ class: 'quotation' })],
]

/** What makes the line what it is. */
const SIGN = Decoration.mark({ class: 'sign' })

export const prose: Extension = ViewPlugin.define(
  view => ({
    lines: linesOf(view),
    update({ view, docChanged, viewportChanged }) {
      if (docChanged || viewportChanged) this.lines = linesOf(view)
    },
  }),
  { decorations: ({ lines }) => lines },
)

const linesOf = ({ state, visibleRanges }: EditorView): DecorationSet => {
  const builder = new RangeSetBuilder<Decoration>()
  for (const { from, to } of visibleRanges) {
    for (let at = from; at <= to; ) {
      const line = state.doc.lineAt(at)
      const kind = KINDS.find(([pattern]) => pattern.test(line.text))
      if (kind !== undefined) {
        builder.add(line.from, line.from, kind[1])
        builder.add(line.from, line.from + line.text.indexOf(' '), SIGN)
      }
      at = line.to + 1
    }
  }
  return builder.finish()
}
