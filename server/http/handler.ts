/**
 * The routes as a request handler, alone or among an application's own. What is not theirs is passed on as it came:
 * nothing of the request or the answer is changed.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Request, Response } from 'express'
import { ERRORS, PlenumError } from '../../shared/errors.js'
import { sendError } from './errors.js'

/** As express, connect and Node's http call it. */
export type Handler = (
  request: IncomingMessage,
  response: ServerResponse,
  next?: (error?: unknown) => void,
) => void

/** An express application. Its own type is not told: whoever installs the package need not have it. */
export type App = (request: never, response: never, done: (error?: unknown) => void) => void

/** What there is to answer with. */
export type Routes =
  | {
      readonly type: 'serving'
      readonly app: App
      /** Asked first, with the request as it came: whether it takes it. */
      readonly door?: { handle(request: IncomingMessage, response: ServerResponse): boolean }
    }
  /** Not yet: whoever asks may come back. */
  | { readonly type: 'starting' }
  /** Nothing any more. */
  | { readonly type: 'ended' }

export interface HandlerOptions {
  /** The whole path in front of every route as this process sees it, also where the handler is mounted below one. */
  readonly basePath: string
  readonly routes: () => Routes
}

export const createHandler = ({ basePath, routes }: HandlerOptions): Handler => {
  const isBelow = (target: string): boolean =>
    target.startsWith(basePath) &&
    (basePath === '' || ['/', '?', undefined].includes(target[basePath.length]))
  /** Where the routes are among an application's own, and cannot say yet which are theirs. */
  const isOthers = (target: string, next: Exchange['next']): boolean =>
    basePath === '' && next !== undefined && !OWN.test(target)
  return (request, response, next) => {
    const target = (request as Partial<Request>).originalUrl ?? request.url ?? ''
    const current = routes()
    if (!isBelow(target) || current.type === 'ended') passOn(response, next)
    else if (current.type === 'starting' && isOthers(target, next)) passOn(response, next)
    else if (current.type === 'starting')
      answer(response, new PlenumError('draining', 'the server is starting'))
    else if (current.door?.handle(request, response) !== true)
      serve(current.app, target, { request, response, next })
  }
}

const OWN = /^\/(?:sync|api|healthz|readyz|metrics)(?:[/?]|$)/

interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly next: ((error?: unknown) => void) | undefined
}

const serve = (app: App, target: string, { request, response, next }: Exchange): void => {
  const restore = next === undefined ? null : remember(request, response)
  // The routes are below the whole base path, whatever the application has taken off its beginning.
  Object.assign(request, { url: target, baseUrl: '' })
  const done = (error?: unknown): void => {
    // An answer that broke off cannot be mended, and is nobody else's.
    if (error !== undefined) response.destroy()
    else if (restore === null)
      sendError(response as Response, new PlenumError('not_found', 'there is no such route'))
    else {
      restore()
      next?.()
    }
  }
  app(request as never, response as never, done)
}

const TOUCHED = ['url', 'baseUrl', 'originalUrl', 'params', 'next', 'res', 'body', 'query'] as const

/** What express changes of a request and its answer on the way, to be taken back. */
const remember = (request: IncomingMessage, response: ServerResponse): (() => void) => {
  const requestPrototype = Object.getPrototypeOf(request)
  const responsePrototype = Object.getPrototypeOf(response)
  const touched = TOUCHED.map(name => [name, Object.getOwnPropertyDescriptor(request, name)] as const)
  const headers = new Map(Object.entries(response.getHeaders()))
  return () => {
    Object.setPrototypeOf(request, requestPrototype)
    Object.setPrototypeOf(response, responsePrototype)
    for (const [name, before] of touched) {
      if (before === undefined) Reflect.deleteProperty(request, name)
      else Object.defineProperty(request, name, before)
    }
    for (const name of response.getHeaderNames()) if (!headers.has(name)) response.removeHeader(name)
    for (const [name, value] of headers) if (value !== undefined) response.setHeader(name, value)
  }
}

const passOn = (response: ServerResponse, next: Exchange['next']): void => {
  if (next === undefined) answer(response, new PlenumError('not_found', 'there is no such route'))
  else next()
}

/** Without express, which has not seen the request. */
const answer = (response: ServerResponse, { code, message }: PlenumError): void => {
  const { http, retryable } = ERRORS[code]
  response.writeHead(http, {
    'Content-Type': 'application/json; charset=utf-8',
    'Cache-Control': 'no-store',
    ...(retryable && { 'Retry-After': '5' }),
  })
  response.end(JSON.stringify({ code, message, retryable }))
}
