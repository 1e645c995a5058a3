/** Durations and sizes as people write them: `90`, `15s`, `1h`, `64mb`. */

const DURATION_UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const SIZE_UNITS = { b: 1, kb: 2 ** 10, mb: 2 ** 20, gb: 2 ** 30, kib: 2 ** 10, mib: 2 ** 20, gib: 2 ** 30 }

/** Milliseconds, or null. Without a unit the number is taken as milliseconds. */
export const parseDurationMs = (text: string): number | null => parse(text, DURATION_UNITS, 'ms')

/** Bytes, or null. Units count in 1024s; without a unit the number is taken as bytes. */
export const parseSizeBytes = (text: string): number | null => parse(text, SIZE_UNITS, 'b')

/** The shortest way to write a duration that `parseDurationMs` reads back. */
export const formatDuration = (ms: number): string => format(ms, ['d', 'h', 'm', 's', 'ms'], DURATION_UNITS)

/** The shortest way to write a size that `parseSizeBytes` reads back. */
export const formatSize = (bytes: number): string => format(bytes, ['gb', 'mb', 'kb', 'b'], SIZE_UNITS)

const parse = (text: string, units: Readonly<Record<string, number>>, plain: string): number | null => {
  const match = /^(\d+(?:\.\d+)?) ?([a-z]*)$/i.exec(text.trim())
  if (match === null) return null
  const unit = match[2] === '' ? plain : match[2]!.toLowerCase()
  if (!Object.hasOwn(units, unit)) return null
  const value = Math.round(Number(match[1]) * units[unit]!)
  return Number.isSafeInteger(value) ? value : null
}

const format = <Unit extends string>(
  value: number,
  largestFirst: readonly Unit[],
  units: Readonly<Record<Unit, number>>,
): string => {
  const unit = largestFirst.find(unit => value >= units[unit] && value % units[unit] === 0)
  return unit === undefined ? String(value) : `${value / units[unit]}${unit}`
}
