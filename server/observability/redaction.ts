/** Takes tokens out of what is about to be logged: by the shape of a token and by the names of its carriers. */

/** Three base64url parts, the first of which begins a JSON object: a JWT, whatever stands around it. */
const JWT = /eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*/g
const CARRIER = /((?:\?|&|&amp;)token=|bearer[. ] *)[^&\s"',#]+/gi

export const redact = (line: string): string => line.replace(JWT, '[token]').replace(CARRIER, '$1[token]')
