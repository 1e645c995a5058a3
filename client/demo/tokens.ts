/** Where the page's tokens come from: its address, or the server's demo desk, asked anew for each connection. */
import type { TokenSource } from '../channel/token-source.js'
import type { DemoRole, Entry } from './address.js'

export interface Visitor {
  readonly name: string
  readonly role: DemoRole
  readonly entry: Entry
}

/** @param base the server's address with a slash at its end */
export const tokensFor = ({ name, role, entry }: Visitor, base: string): TokenSource => {
  switch (entry.type) {
    case 'token':
      return entry.token
    case 'none':
      return () => null
    case 'invitation':
      return () => askDesk(base, entry.key, { name, role })
  }
}

/** Null where the invitation is not good here; rejects where nobody answers, which is worth another try. */
const askDesk = async (
  base: string,
  key: string,
  wish: { readonly name: string; readonly role: DemoRole },
): Promise<string | null> => {
  const response = await fetch(`${base}demo/token`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
    body: JSON.stringify(wish),
  })
  if (response.ok) return ((await response.json()) as { token: string }).token
  if (response.status >= 500) throw new Error(`no token: ${response.status}`)
  return null
}
