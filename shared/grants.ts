/**
 * Grants: space patterns mapped to roles. `*` matches one segment, `**` any number (none included). Where
 * several patterns match, the longest wins, counted in segments: the literal ones first, then `*`, so that a
 * name beats `a/*`, which beats `a/**`. Between equals the lesser role wins, whatever their order.
 */
import { PlenumError } from './errors.js'
import { MAX_NAME_SEGMENTS, parseSpaceName, type SpaceName } from './names.js'
import { isRole, ROLES, type Role } from './roles.js'

export type Grants = ReadonlyMap<string, Role>

export const MAX_GRANTS = 1000

/**
 * Checks the `spaces` claim of a token: an object of pattern → role.
 * @throws unauthenticated for anything else
 */
export const parseGrants = (claim: unknown): Grants => {
  if (typeof claim !== 'object' || claim === null || Array.isArray(claim)) {
    throw new PlenumError('unauthenticated', 'the token has no valid "spaces" claim')
  }
  const entries = Object.entries(claim)
  if (entries.length > MAX_GRANTS) {
    throw new PlenumError('unauthenticated', `the token grants more than ${MAX_GRANTS} patterns`)
  }
  const grants = new Map<string, Role>()
  for (const [pattern, role] of entries) {
    if (!isRole(role)) throw new PlenumError('unauthenticated', 'the token grants an unknown role')
    const parsed = parsePattern(pattern)
    const other = grants.get(parsed)
    grants.set(parsed, other === undefined ? role : lesserOf(role, other))
  }
  return grants
}

/** The role that these grants give on a space, or null. Pure. */
export const roleFor = (grants: Grants, space: SpaceName): Role | null => {
  const name = space.split('/')
  let best: Candidate | null = null
  for (const [pattern, role] of grants) {
    const segments = pattern.split('/')
    if (!matches(segments, name)) continue
    const candidate = { rank: rankOf(segments), role }
    if (best === null || isPreferred(candidate, best)) best = candidate
  }
  return best?.role ?? null
}

interface Candidate {
  /** How narrow the pattern is: larger wins. */
  readonly rank: number
  readonly role: Role
}

const rankOf = (segments: readonly string[]): number => {
  const many = segments.filter(segment => segment === '**').length
  const one = segments.filter(segment => segment === '*').length
  // Each count is at most MAX_NAME_SEGMENTS, so a digit apiece keeps their order.
  return (segments.length - one - many) * 100 + one * 10 - many
}

const isPreferred = (a: Candidate, b: Candidate): boolean =>
  a.rank > b.rank || (a.rank === b.rank && lesserOf(a.role, b.role) !== b.role)

const lesserOf = (a: Role, b: Role): Role => (ROLES.indexOf(a) < ROLES.indexOf(b) ? a : b)

const parsePattern = (pattern: string): string => {
  const segments = pattern.normalize('NFC').split('/')
  try {
    if (segments.length > MAX_NAME_SEGMENTS) throw new Error('too many segments')
    for (const segment of segments) if (segment !== '*' && segment !== '**') parseSpaceName(segment)
  } catch (error) {
    throw new PlenumError('unauthenticated', 'the token grants an invalid pattern', { cause: error })
  }
  return segments.join('/')
}

const matches = (pattern: readonly string[], name: readonly string[]): boolean => {
  // reached[n]: what was read of the pattern matches the first n segments. Costs pattern × name, whatever `**` it has.
  let reached = [true, ...name.map(() => false)]
  for (const part of pattern) {
    const from = reached.indexOf(true)
    if (from < 0) return false
    reached = reached.map((_, n) =>
      part === '**' ? n >= from : n > 0 && reached[n - 1] === true && (part === '*' || part === name[n - 1]),
    )
  }
  return reached.at(-1) === true
}
