/** The copy that a provider keeps in this browser: none unless it is asked for, and none of nobody. */
import { LocalCopy, type LocalCopyOptions } from '../offline/local-copy.js'
import type { SpaceProviderOptions } from './provider-options.js'

type Kept = Omit<LocalCopyOptions, 'user' | 'open' | 'texts'> & { readonly user: string | null }

export const localCopy = (
  { offline = false }: SpaceProviderOptions,
  { user, ...kept }: Kept,
): LocalCopy | null => {
  if (offline === false || user === null) return null
  return new LocalCopy({ ...kept, user, ...(offline === true ? {} : offline) })
}
