/**
 * The kinds of options that the configuration table is made of: each reads a string into a typed value, or
 * says in a few words what it expects.
 */
import { formatDuration, formatSize, parseDurationMs, parseSizeBytes } from './quantities.js'

export interface Option<Value> {
  /** The environment variable. */
  readonly env: string
  /** The command-line flag without its dashes; null where a command line is no place for it. */
  readonly flag: string | null
  readonly description: string
  readonly fallback: Value
  /** @throws Error with what is expected, to follow "must be" */
  read(text: string): Value
  /** The default as a user would write it. */
  show(value: Value): string
}

export interface Naming {
  readonly env: string
  readonly flag: string | null
  readonly description: string
}

export interface Range {
  readonly min: number
  readonly max?: number
}

const expected = (what: string): never => {
  throw new Error(what)
}

const within = ({ min, max = Number.MAX_SAFE_INTEGER }: Range, value: number | null): value is number =>
  value !== null && value >= min && value <= max

const bounds = ({ min, max }: Range, show: (value: number) => string): string =>
  max === undefined ? `of at least ${show(min)}` : `from ${show(min)} to ${show(max)}`

export const integer = (naming: Naming, fallback: number, range: Range): Option<number> => ({
  ...naming,
  fallback,
  read: text => {
    const value = /^\d+$/.test(text.trim()) ? Number(text) : null
    return within(range, value) ? value : expected(`a whole number ${bounds(range, String)}`)
  },
  show: String,
})

/** A whole number, or `auto` for what the machine suggests. */
export const integerOrAuto = (naming: Naming, range: Range): Option<number | 'auto'> => ({
  ...naming,
  fallback: 'auto',
  read: text => {
    if (text.trim() === 'auto') return 'auto'
    const value = /^\d+$/.test(text.trim()) ? Number(text) : null
    return within(range, value) ? value : expected(`auto or a whole number ${bounds(range, String)}`)
  },
  show: String,
})

export const duration = (naming: Naming, fallbackMs: number, range: Range): Option<number> => ({
  ...naming,
  fallback: fallbackMs,
  read: text => {
    const value = parseDurationMs(text)
    return within(range, value)
      ? value
      : expected(`a duration such as 1500 (ms), 15s or 2h, ${bounds(range, formatDuration)}`)
  },
  show: formatDuration,
})

export const size = (naming: Naming, fallbackBytes: number, range: Range): Option<number> => ({
  ...naming,
  fallback: fallbackBytes,
  read: text => {
    const value = parseSizeBytes(text)
    return within(range, value)
      ? value
      : expected(`a size such as 65536 (bytes), 64kb or 10mb, ${bounds(range, formatSize)}`)
  },
  show: formatSize,
})

export const text = (
  naming: Naming,
  fallback: string,
  check: (value: string) => string | null = () => null,
): Option<string> => ({
  ...naming,
  fallback,
  read: value => {
    const problem = check(value)
    return problem === null ? value : expected(problem)
  },
  show: value => value,
})

export const optionalText = (
  naming: Naming,
  check: (value: string) => string | null = () => null,
): Option<string | null> => ({
  ...naming,
  fallback: null,
  read: value => {
    const problem = check(value)
    return problem === null ? value : expected(problem)
  },
  show: value => value ?? '',
})

/** A list separated by commas; each entry is checked by itself. */
export const list = (
  naming: Naming,
  check: (value: string) => string | null,
  fallback: readonly string[] = Object.freeze([]),
): Option<readonly string[]> => ({
  ...naming,
  fallback,
  read: joined => {
    const values = joined
      .split(',')
      .map(value => value.trim())
      .filter(value => value !== '')
    for (const value of values) {
      const problem = check(value)
      if (problem !== null) expected(problem)
    }
    return Object.freeze(values)
  },
  show: values => values.join(','),
})

export const choice = <const Value extends string>(
  naming: Naming,
  fallback: Value,
  values: readonly Value[],
): Option<Value> => ({
  ...naming,
  fallback,
  read: text => values.find(value => value === text) ?? expected(`one of ${values.join(', ')}`),
  show: value => value,
})
