/** Errors as HTTP callers see them: `{code, message, retryable}` with the status of the table. */
import type { ErrorRequestHandler, Response } from 'express'
import type { LogLevel } from '../../shared/errors.js'
import { PlenumError, toPlenumError } from '../../shared/errors.js'

export type Report = (level: LogLevel, what: string, details?: Readonly<Record<string, unknown>>) => void

export const sendError = (response: Response, error: PlenumError): void => {
  const { http, retryable } = error.facts
  if (retryable && http >= 429) response.set('Retry-After', '5')
  response.status(http).json({ code: error.code, message: error.message, retryable })
}

/** For what a route threw, express's own complaints about a request included. */
export const handleErrors =
  (report: Report): ErrorRequestHandler =>
  (error, _request, response, next) => {
    if (response.headersSent) return next(error)
    const status = (error as { status?: unknown }).status
    const isTheirs = typeof status === 'number' && status >= 400 && status < 500
    const known = isTheirs ? new PlenumError('bad_request', 'bad request') : toPlenumError(error)
    if (known.code === 'internal') report('error', 'a request failed', { error })
    sendError(response, known)
  }
