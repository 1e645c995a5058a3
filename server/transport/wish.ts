/** How a client wants to be spoken to, by the URL that it came with. Whatever cannot be read is no wish. */
import {
  NO_RENEWALS,
  parseResumePoint,
  RENEWALS_PARAMETER,
  RESUME_PARAMETER,
  type ResumePoint,
} from '../../shared/protocol/index.js'
import type { Dialect } from '../space/peer.js'

export interface Wish {
  readonly dialect: Dialect
  /** From where it wants to go on. */
  readonly after: ResumePoint | null
  /** Whether it takes others for gone that are not renewed. */
  readonly needsRenewals: boolean
}

export const wishIn = (query: URLSearchParams, dialect: Dialect): Wish => {
  const isOurs = dialect === 'plenum'
  return {
    dialect,
    after: isOurs ? parseResumePoint(query.get(RESUME_PARAMETER)) : null,
    needsRenewals: !(isOurs && query.get(RENEWALS_PARAMETER) === NO_RENEWALS),
  }
}
