/**
 * Names the life of a space's content: in which store it is, and how many lives came before it. Who has a copy of
 * another life does not merge it.
 */
export const incarnationOf = (storeId: string, generation: number): string => `${storeId}.${generation}`
