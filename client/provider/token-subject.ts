/** Whom a token is of. Read without a check, to name local things by; only the server judges tokens. */

/** The `sub` of a JWT; null for anything else. */
export const tokenSubject = (token: string): string | null => {
  try {
    const payload = token.split('.')[1] ?? ''
    const text = atob(payload.replaceAll('-', '+').replaceAll('_', '/'))
    const bytes = Uint8Array.from(text, character => character.charCodeAt(0))
    const { sub } = JSON.parse(new TextDecoder().decode(bytes))
    return typeof sub === 'string' && sub !== '' ? sub : null
  } catch {
    return null
  }
}
