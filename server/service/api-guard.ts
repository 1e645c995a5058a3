/** The lock of the doors for requests: the same judge, asked with what an HTTP request carries. */
import type { IncomingMessage } from 'node:http'
import { PlenumError } from '../../shared/errors.js'
import { type SpaceName, spacePath } from '../../shared/names.js'
import { isOriginAllowed } from '../auth/origin.js'
import type { Config } from '../config.js'
import { clientAddress, clientHost, type Judge } from '../transport/index.js'

export interface ApiGuard {
  isOriginAllowed(request: IncomingMessage): boolean
  /** @throws what the judge refuses with */
  admit(request: IncomingMessage, space: SpaceName): Promise<void>
}

export const createApiGuard = (
  judge: Judge,
  { trustProxy, origins }: Pick<Config, 'trustProxy' | 'origins'>,
): ApiGuard => {
  const originOf = (request: IncomingMessage) => ({
    origin: request.headers.origin,
    host: clientHost(request, trustProxy),
  })
  return {
    isOriginAllowed: request => isOriginAllowed(originOf(request), origins),

    async admit(request, space) {
      const verdict = await judge.judge({
        dialect: 'stock',
        spacePath: spacePath(space),
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
      if (verdict.type === 'refused') {
        const { refusal, cause } = verdict
        throw new PlenumError(refusal.code, refusal.message, { cause })
      }
      // A request is no connection: it holds no place while it is answered.
      verdict.place.leave()
    },
  }
}
