/** Who a provider's user is before anything was fetched: what local copies and tabs are named by from the beginning. */
import { PlenumError } from '../../shared/errors.js'
import type { SpaceProviderOptions } from './provider-options.js'
import { tokenSubject } from './token-subject.js'

/**
 * Null where nobody has said.
 * @throws bad_request for `offline` where nobody says whose copy it is
 */
export const knownUser = ({ user, token, params, offline }: SpaceProviderOptions): string | null => {
  const known = user ?? tokenSubject(typeof token === 'string' ? token : (params?.token ?? ''))
  if (offline && known === null) {
    throw new PlenumError('bad_request', 'a copy that is kept needs the option "user"')
  }
  return known
}
