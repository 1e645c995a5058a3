/** What the core and the doors tell, as metrics and log lines. */
import type { Logger } from 'pino'
import type { ErrorCode, LogLevel } from '../../shared/errors.js'
import type { CountedEvent, Observer } from '../space/observer.js'
import type { Dialect } from '../space/peer.js'
import { LineBudget } from './line-budget.js'
import type { Metrics } from './metrics.js'

/** Lines of one kind per second; the rest is counted in the next line of that kind. */
const LINES_PER_SECOND = 20

export interface ServiceObserver extends Observer {
  opened(dialect: Dialect, door: string): void
  refused(code: ErrorCode): void
  refusedRequest(code: ErrorCode): void
  closed(dialect: Dialect, cause: string, door: string): void
}

export const createObserver = (logger: Logger, metrics: Metrics, now: () => number): ServiceObserver => {
  const budget = new LineBudget(LINES_PER_SECOND)
  return {
    count: (event: CountedEvent, by = 1) => quietly(() => metrics.count(event, by)),
    timed: (event, durationMs) => quietly(() => metrics.timed(event, durationMs)),
    report: (level: LogLevel, what: string, details: Readonly<Record<string, unknown>> = {}) =>
      quietly(() => {
        const suppressed = budget.take(`${level} ${what}`, now())
        if (suppressed === null) return
        logger[level]({ ...plain(details), ...(suppressed === 0 ? {} : { suppressed }) }, what)
      }),
    opened: (dialect, door) => quietly(() => metrics.opened(dialect, door)),
    refused: code => quietly(() => metrics.refused(code)),
    refusedRequest: code => quietly(() => metrics.refusedRequest(code)),
    closed: (dialect, cause, door) => quietly(() => metrics.closed(dialect, cause, door)),
  }
}

/** What is told must never keep from what is done. */
const quietly = (tell: () => void): void => {
  try {
    tell()
  } catch {
    // There is nobody left to tell.
  }
}

/** Errors hide what they say from JSON. */
const plain = (details: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(details).map(([key, value]) => [key, value instanceof Error ? describe(value) : value]),
  )

const describe = (error: Error): Record<string, unknown> => ({
  ...('code' in error ? { code: error.code } : {}),
  message: error.message,
  stack: error.stack,
  ...(error.cause === undefined
    ? {}
    : { cause: error.cause instanceof Error ? describe(error.cause) : String(error.cause) }),
})
