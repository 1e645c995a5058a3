/** Errors as HTTP callers see them: `{code, message, retryable}` with the status of the table. */
import type { ErrorRequestHandler, Response } from 'express'
import type { ErrorCode, LogLevel } from '../../shared/errors.js'
import { PlenumError, toPlenumError } from '../../shared/errors.js'
import { GapError } from '../space/space-desk.js'
import { BadField } from './api/bad-field.js'
import { base64 } from './api/shown.js'

/** When to come back after a refusal that is worth another try and does not say when, ms. */
const DEFAULT_RETRY_MS = 5_000

export type Report = (level: LogLevel, what: string, details?: Readonly<Record<string, unknown>>) => void

export const sendError = (response: Response, error: PlenumError): void => {
  const { http, retryable } = error.facts
  // A retryable 401 wants another token, not another moment.
  const waitMs = error.retryAfterMs ?? (retryable && http >= 429 ? DEFAULT_RETRY_MS : null)
  if (waitMs !== null) response.set('Retry-After', String(Math.max(1, Math.ceil(waitMs / 1000))))
  // What a 401 must say (RFC 9110, 11.6.1).
  if (http === 401) response.set('WWW-Authenticate', 'Bearer')
  response.status(http).json({ code: error.code, message: error.message, retryable, ...more(error) })
}

/** What some refusals tell besides. */
const more = (error: PlenumError): { readonly stateVector?: string; readonly field?: string } => {
  if (error instanceof GapError) return { stateVector: base64(error.stateVector) }
  return error instanceof BadField ? { field: error.field } : {}
}

/** Whoever is told of requests that fail. */
export interface RequestObserver {
  report: Report
  refusedRequest(code: ErrorCode): void
}

/** For what a route threw, express's own complaints about a request included. */
export const handleErrors =
  (observer: RequestObserver): ErrorRequestHandler =>
  (error, _request, response, next) => {
    if (response.headersSent) return next(error)
    const known = knownError(error)
    if (known.code === 'internal') observer.report('error', 'a request failed', { error })
    observer.refusedRequest(known.code)
    sendError(response, known)
  }

const knownError = (error: unknown): PlenumError => {
  const { status } = error as { status?: unknown }
  if (typeof status !== 'number' || status < 400 || status >= 500) return toPlenumError(error)
  return status === 413 ? new PlenumError('too_large') : new PlenumError('bad_request', 'bad request')
}
