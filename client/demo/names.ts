/** Who a second window is opened as: people whose colours differ. */

const NAMES = ['Ada', 'Barbara', 'Alan', 'Radia', 'Dennis', 'Donald', 'Linus'] as const

/** @param taken who is here already */
export const otherName = (taken: readonly string[]): string =>
  NAMES.find(name => !taken.includes(name)) ?? `Guest ${taken.length + 1}`
