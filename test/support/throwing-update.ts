/**
 * An update that passes every check before a document sees it, and throws while it is integrated: it claims
 * clocks that are a GC struct here. Its sender has used one clientID twice.
 */
const CLIENT = 2

/** Five clocks of the client, deleted and collected. */
export const GROUND = Uint8Array.of(1, 1, CLIENT, 0, 0, 5, 0)

/** Ten deleted clocks of the same client, from the same clock on, in the root "a". */
export const THROWING = Uint8Array.of(1, 1, CLIENT, 0, 1, 1, 1, 97, 10, 0)
