/** Where a space is reached, and what a connection offers there. The token never becomes part of the URL. */
import { parseSpaceName, spacePath } from '../../shared/names.js'
import {
  BEARER_PREFIX,
  formatResumePoint,
  NO_RENEWALS,
  RENEWALS_PARAMETER,
  RESUME_PARAMETER,
  type ResumePoint,
  SUBPROTOCOL_PLENUM,
} from '../../shared/protocol/index.js'

/**
 * @param base the server, with its base path if it has one: `wss://host/base`, or the same with `https:`
 * @throws bad_name; TypeError for a base that is no URL
 */
export const spaceUrl = (base: string, space: string): string => {
  const url = new URL(base)
  url.protocol = url.protocol.replace(/^http/, 'ws')
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/sync/${spacePath(parseSpaceName(space))}`
  return url.href
}

/** The same place, reached by somebody who wants to go on from a point. */
export const resumeUrl = (url: string, point: ResumePoint | null): string => {
  if (point === null) return url
  return withParameter(url, RESUME_PARAMETER, encodeURIComponent(formatResumePoint(point)))
}

/** The same place, reached by somebody who shows others until it is told that they left. */
export const steadyUrl = (url: string): string => withParameter(url, RENEWALS_PARAMETER, NO_RENEWALS)

/** @param token null where the URL carries it */
export const subprotocols = (token: string | null): string[] =>
  token === null ? [SUBPROTOCOL_PLENUM] : [SUBPROTOCOL_PLENUM, `${BEARER_PREFIX}${token}`]

const withParameter = (url: string, name: string, value: string): string =>
  `${url}${url.includes('?') ? '&' : '?'}${name}=${value}`
