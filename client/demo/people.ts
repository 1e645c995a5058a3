/** Whose an awareness state is, as the server vouches for it, and in which colour everybody sees them. */

export interface Person {
  readonly user: string
  readonly name: string
  /** Which of the page's colours is theirs, the same in every window. */
  readonly hue: number
}

export const HUES = 8

/** Others may write whatever they like into their state: anything unexpected is left out. Null: nobody in it. */
export const personOf = (state: unknown): Person | null => {
  const { user: shown, plenum: stamp } = asRecord(state)
  const { name } = asRecord(shown)
  const { user: stamped } = asRecord(stamp)
  if (typeof name !== 'string' || name === '') return null
  const user = typeof stamped === 'string' ? stamped : name
  return { user, name, hue: hueOf(user) }
}

const asRecord = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}

/** FNV-1a, folded to the number of hues. */
export const hueOf = (user: string): number => {
  let hash = 0x811c9dc5
  for (const character of user) hash = Math.imul(hash ^ character.codePointAt(0)!, 0x01000193)
  return ((hash >>> 16) ^ (hash & 0xffff)) % HUES
}
