/**
 * What the page's address says: everything is in the fragment, which no server and no log ever sees. Written as
 * `#space=demo&as=Ada&key=…`, or with `token=…` for one token that was signed elsewhere.
 */

export type DemoRole = 'read' | 'write'

/** What the page may ask for, or has. */
export type Entry =
  /** Signs its holder in under any name, in either role. */
  | { readonly type: 'invitation'; readonly key: string }
  | { readonly type: 'token'; readonly token: string }
  | { readonly type: 'none' }

export interface DemoAddress {
  readonly space: string
  readonly name: string
  readonly role: DemoRole
  readonly entry: Entry
}

const DEFAULT_SPACE = 'demo'
const DEFAULT_NAME = 'Ada'

/** @param fragment with or without its `#` */
export const readAddress = (fragment: string): DemoAddress => {
  const said = new URLSearchParams(fragment.replace(/^#/, ''))
  return {
    space: said.get('space') || DEFAULT_SPACE,
    name: said.get('as')?.trim() || DEFAULT_NAME,
    role: said.get('role') === 'read' ? 'read' : 'write',
    entry: entryOf(said.get('key'), said.get('token')),
  }
}

/** The fragment with its `#`; `readAddress` reads it back. */
export const writeAddress = ({ space, name, role, entry }: DemoAddress): string => {
  const said = new URLSearchParams({ space, as: name })
  if (role === 'read') said.set('role', role)
  if (entry.type === 'invitation') said.set('key', entry.key)
  if (entry.type === 'token') said.set('token', entry.token)
  return `#${said}`
}

const entryOf = (key: string | null, token: string | null): Entry => {
  if (token) return { type: 'token', token }
  return key ? { type: 'invitation', key } : { type: 'none' }
}
