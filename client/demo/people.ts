/** Who is in the space, as the server vouches for it: one entry for each person, however many tabs they have. */

export interface Person {
  readonly user: string
  readonly name: string
  /** Which of the page's colours is theirs, the same in every window. */
  readonly hue: number
  /** When they came, ms since 1970; null where the server has not said. */
  readonly joinedAtMs: number | null
}

export const HUES = 8

/** Others may write whatever they like into their state: anything unexpected is left out. Null: nobody in it. */
export const personOf = (state: unknown): Person | null => {
  const { user: shown, plenum: stamp } = asRecord(state)
  const { name } = asRecord(shown)
  const { user: stamped, joinedAt } = asRecord(stamp)
  if (typeof name !== 'string' || name === '') return null
  const user = typeof stamped === 'string' ? stamped : name
  return { user, name, hue: hueOf(user), joinedAtMs: typeof joinedAt === 'number' ? joinedAt : null }
}

/** Those who have been here longest first; whoever is named by `self` before all others. */
export const peopleIn = (states: Iterable<unknown>, self: string): Person[] => {
  const people = new Map<string, Person>()
  for (const state of states) {
    const person = personOf(state)
    if (person !== null && !people.has(person.user)) people.set(person.user, person)
  }
  const rank = ({ user, joinedAtMs }: Person): number =>
    user === self ? -1 : (joinedAtMs ?? Number.MAX_SAFE_INTEGER)
  return [...people.values()].sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name))
}

const asRecord = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}

/** FNV-1a, folded to the number of hues. */
export const hueOf = (user: string): number => {
  let hash = 0x811c9dc5
  for (const character of user) hash = Math.imul(hash ^ character.codePointAt(0)!, 0x01000193)
  return ((hash >>> 16) ^ (hash & 0xffff)) % HUES
}
