/** The server's stamp in an awareness state: whose state it is. */

/** The user that the server says this state is of; null where it says nothing. */
export const stampedUser = (state: unknown): string | null => {
  const { plenum } = (state ?? {}) as { plenum?: { user?: unknown } | null }
  return typeof plenum?.user === 'string' ? plenum.user : null
}
