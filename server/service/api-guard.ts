/** The lock of the doors for requests: the same judge, asked with what an HTTP request carries. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { finished } from 'node:stream'
import { PlenumError } from '../../shared/errors.js'
import { type SpaceName, spacePath } from '../../shared/names.js'
import { isOriginAllowed } from '../auth/origin.js'
import type { Config } from '../config.js'
import type { Exchange } from '../http/api/ports.js'
import type { Access, Scope } from '../space/peer.js'
import {
  type Caller,
  clientAddress,
  clientHost,
  type Heard,
  type Judge,
  type Place,
} from '../transport/index.js'

export interface ApiGuard {
  isOriginAllowed(request: IncomingMessage): boolean
  /** @throws what the judge refuses with, but for lack of room: a request is no connection */
  admit(exchange: Exchange, space: SpaceName): Promise<Access>
  /** As `admit`, with a place among the connections: whoever gets it leaves it. @throws what the judge refuses with */
  enter(request: IncomingMessage, space: SpaceName): Promise<Entered>
  /** @throws as `admit` */
  survey(exchange: Exchange): Promise<Scope>
}

export interface Entered {
  readonly space: SpaceName
  readonly access: Access
  readonly place: Place
}

export const createApiGuard = (
  judge: Judge,
  { trustProxy, origins }: Pick<Config, 'trustProxy' | 'origins'>,
): ApiGuard => {
  const originOf = (request: IncomingMessage) => ({
    origin: request.headers.origin,
    host: clientHost(request, trustProxy),
  })
  const callerOf = (request: IncomingMessage): Caller => ({
    address: clientAddress(request, trustProxy),
    ...originOf(request),
    credentials: {
      subprotocols: [],
      authorization: request.headers.authorization,
      // A token in an address would end up in logs.
      query: new URLSearchParams(),
      headers: request.headers,
    },
  })
  return {
    isOriginAllowed: request => isOriginAllowed(originOf(request), origins),

    async admit({ request, response }, space) {
      return untilAnswered(response, await judge.admitRequest(callerOf(request), space))
    },

    async enter(request, space) {
      const applicant = { dialect: 'plenum', spacePath: spacePath(space), ...callerOf(request) } as const
      const verdict = await judge.judge(applicant)
      if (verdict.type === 'refused') {
        const { code, message, retryAfterMs } = verdict.refusal
        throw new PlenumError(code, message, { cause: verdict.cause, retryAfterMs })
      }
      const { access, place } = verdict
      return { space, access, place }
    },

    async survey({ request, response }) {
      return untilAnswered(response, await judge.surveyRequest(callerOf(request)))
    },
  }
}

/** Whoever does not read the answer to the end has not got it yet. */
const untilAnswered = <Known>(response: ServerResponse, { known, visit }: Heard<Known>): Known => {
  finished(response, () => visit.leave())
  return known
}
