/** The examples of a Markdown text: what stands between fences, and under which heading. */

export interface Example {
  /** The nearest heading above, without its marks. */
  readonly heading: string
  /** What stands behind the opening fence. */
  readonly language: string
  readonly code: string
  /** Counted under its heading among those of its language, from 0. */
  readonly index: number
}

export const examplesOf = (markdown: string): readonly Example[] => {
  const examples: Example[] = []
  let heading = ''
  let open: { language: string; lines: string[] } | null = null
  for (const line of markdown.split('\n')) {
    const fence = /^```(\w*)$/.exec(line)
    if (fence === null) {
      if (open !== null) open.lines.push(line)
      else heading = /^#+ (.*)$/.exec(line)?.[1] ?? heading
    } else if (open === null) open = { language: fence[1] as string, lines: [] }
    else {
      const { language, lines } = open
      const index = examples.filter(other => other.heading === heading && other.language === language).length
      examples.push({ heading, language, code: `${lines.join('\n')}\n`, index })
      open = null
    }
  }
  if (open !== null) throw new Error(`an example under "${heading}" does not end`)
  return examples
}
