/**
 * TypeScript sources as data: what a file imports, and its code without comments and texts. Made for code
 * that the formatter has been over; not a parser.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'

/** Path from the project's root, with slashes → source text. */
export type Sources = ReadonlyMap<string, string>

export interface Import {
  readonly specifier: string
  /** Path from the root for a file of ours (which may not exist), null for a package. */
  readonly target: string | null
}

export const SOURCE_FOLDERS = ['server', 'client', 'shared', 'test', 'bench'] as const

/** The bench's peers have packages of their own. */
const NOT_OURS = /(^|[\\/])node_modules[\\/]/

export const root = join(import.meta.dirname, '../../..')

export const readSources = (): Sources => {
  const sources = new Map<string, string>()
  for (const folder of SOURCE_FOLDERS) {
    for (const name of filesUnder(folder)) {
      const path = posix.join(folder, name.replaceAll('\\', '/'))
      if (/\.tsx?$/.test(path)) sources.set(path, readFileSync(join(root, path), 'utf8'))
    }
  }
  return sources
}

const filesUnder = (folder: string): string[] => {
  try {
    const names = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    return names.filter(name => !NOT_OURS.test(name))
  } catch {
    return []
  }
}

// Leftmost match wins, so that a quote in a comment or a slash in a text is never taken for a beginning.
const COMMENT = String.raw`\/\/[^\n]*|\/\*[\s\S]*?\*\/`
const TEXT = String.raw`'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"`
const TEMPLATE = '`(?:\\\\.|[^`\\\\])*`'
const REGEXP = String.raw`(?<=(?:[=(,:[!&|?{};\n]|=>|return)\s*)\/(?![*\/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^\/\\\n[])+\/[a-z]*`
const TOKEN = new RegExp(`(${COMMENT})|(${TEXT})|(${TEMPLATE}|${REGEXP})`, 'g')

/** Texts that no import could name go as well: they may hold code. */
const withoutComments = (source: string): string =>
  source.replace(TOKEN, (_all, comment?: string, text?: string) => {
    if (comment !== undefined) return ' '
    return text === undefined || /[\s(]/.test(text) ? "''" : text
  })

/** The code of a file, its comments, texts, templates and regular expressions left out. */
export const codeOf = (source: string): string => withoutComments(source).replace(new RegExp(TEXT, 'g'), "''")

const STATEMENT = /(?:^|[\n;}])\s*(?:import|export)\s(?:[^'";]*?[\s}*]from\s*)?(['"])([^'"\n]+)\1/g
const DYNAMIC = /(?<![\w.$])import\s*\(\s*(?:(['"])([^'"\n]+)\1)?/g
const WORKER = /new\s+URL\s*\(\s*(['"])(\.[^'"\n]+\.js)\1\s*,\s*import\.meta\.url/g

/** A dynamic import whose file is only known when it runs. */
export const UNKNOWN_SPECIFIER = '(computed)'

/** Every import of a file: statements, `import type`, `export … from`, `import()` and worker files. */
export const importsOf = (path: string, source: string, sources: Sources): Import[] => {
  const code = withoutComments(source)
  return [STATEMENT, DYNAMIC, WORKER].flatMap(pattern =>
    [...code.matchAll(pattern)].map(([, , specifier = UNKNOWN_SPECIFIER]) => ({
      specifier,
      target: specifier.startsWith('.') ? targetOf(path, specifier, sources) : null,
    })),
  )
}

const targetOf = (from: string, specifier: string, sources: Sources): string => {
  const compiled = posix.join(posix.dirname(from), specifier)
  const source = compiled.replace(/\.js$/, '.ts')
  return sources.has(`${source}x`) ? `${source}x` : source
}
