/**
 * Space names: 1–8 segments joined by `/`, each 1–128 characters of letters, digits (any script) and
 * `._~:@!$&()+,;=-`, never `.` or `..`; NFC; at most 512 bytes in all. A name is decoded and checked once,
 * at the edge; inside, a `SpaceName` is known to be good.
 */
import { PlenumError } from './errors.js'

export type SpaceName = string & { readonly __brand: 'SpaceName' }

export const MAX_NAME_BYTES = 512
export const MAX_NAME_SEGMENTS = 8
export const MAX_SEGMENT_CHARACTERS = 128

const SEGMENT = /^[\p{L}\p{M}\p{N}._~:@!$&()+,;=-]+$/u
const encoder = new TextEncoder()

/**
 * Checks a decoded name and normalises it to NFC.
 * @throws bad_name
 */
export const parseSpaceName = (decoded: string): SpaceName => {
  const bad = (why: string): never => {
    throw new PlenumError('bad_name', `not a valid space name: ${why}`)
  }
  // Normalising can grow a string, so the cheap bound comes first and the exact one after.
  if (decoded.length > MAX_NAME_BYTES) bad(`longer than ${MAX_NAME_BYTES} bytes`)
  const name = decoded.normalize('NFC')
  if (encoder.encode(name).length > MAX_NAME_BYTES) bad(`longer than ${MAX_NAME_BYTES} bytes`)
  const segments = name.split('/')
  if (segments.length > MAX_NAME_SEGMENTS) bad(`more than ${MAX_NAME_SEGMENTS} segments`)
  for (const segment of segments) {
    if (segment === '') bad('an empty segment')
    if (segment === '.' || segment === '..') bad('a segment of dots')
    if (segment.length > MAX_SEGMENT_CHARACTERS && [...segment].length > MAX_SEGMENT_CHARACTERS)
      bad(`a segment over ${MAX_SEGMENT_CHARACTERS} characters`)
    if (!SEGMENT.test(segment)) bad('a character that is not allowed')
  }
  return name as SpaceName
}

/**
 * Decodes the part of a URL path behind `/sync/`. Percent-escapes are decoded exactly once, segment by
 * segment, so that an encoded slash is never taken for a separator.
 * @throws bad_name
 */
export const parseSpacePath = (path: string): SpaceName => {
  let segments: string[]
  try {
    segments = path.split('/').map(decodeURIComponent)
  } catch {
    throw new PlenumError('bad_name', 'not a valid space name: a broken percent-escape')
  }
  if (segments.some(segment => segment.includes('/'))) {
    throw new PlenumError('bad_name', 'not a valid space name: an escaped slash')
  }
  return parseSpaceName(segments.join('/'))
}

/** The inverse of `parseSpacePath`. */
export const spacePath = (name: SpaceName): string => name.split('/').map(encodeURIComponent).join('/')
