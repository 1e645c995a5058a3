/** Errors as HTTP callers see them: `{code, message, retryable}` with the status of the table. */
import type { ErrorRequestHandler, Response } from 'express'
import type { LogLevel } from '../../shared/errors.js'
import { PlenumError, toPlenumError } from '../../shared/errors.js'
import { GapError } from '../space/space-desk.js'
import { BadField } from './api/bad-field.js'
import { base64 } from './api/shown.js'

export type Report = (level: LogLevel, what: string, details?: Readonly<Record<string, unknown>>) => void

export const sendError = (response: Response, error: PlenumError): void => {
  const { http, retryable } = error.facts
  if (retryable && http >= 429) response.set('Retry-After', '5')
  response.status(http).json({ code: error.code, message: error.message, retryable, ...more(error) })
}

/** What some refusals tell besides. */
const more = (error: PlenumError): { readonly stateVector?: string; readonly field?: string } => {
  if (error instanceof GapError) return { stateVector: base64(error.stateVector) }
  return error instanceof BadField ? { field: error.field } : {}
}

/** For what a route threw, express's own complaints about a request included. */
export const handleErrors =
  (report: Report): ErrorRequestHandler =>
  (error, _request, response, next) => {
    if (response.headersSent) return next(error)
    const known = knownError(error)
    if (known.code === 'internal') report('error', 'a request failed', { error })
    sendError(response, known)
  }

const knownError = (error: unknown): PlenumError => {
  const { status } = error as { status?: unknown }
  if (typeof status !== 'number' || status < 400 || status >= 500) return toPlenumError(error)
  return status === 413 ? new PlenumError('too_large') : new PlenumError('bad_request', 'bad request')
}
