/** The HTTP API below `<base>/api`: every route there is, behind the rules for pages of other origins. */
import { type RequestHandler, Router } from 'express'
import { PlenumError } from '../../../shared/errors.js'
import { aboutRoutes } from './about.js'
import { crossOrigin, crossOriginErrors } from './cross-origin.js'
import { MEMBER_MANAGING } from './member-managing.js'
import type { ApiPorts } from './ports.js'
import type { Route } from './route.js'
import { SPACE_EDITING } from './space-editing.js'
import { SPACE_MANAGING } from './space-managing.js'
import { SPACE_READING } from './space-reading.js'
import { SPACE_STREAM } from './space-stream.js'

const SPACE_ROUTES: readonly Route[] = [
  ...SPACE_READING,
  ...SPACE_STREAM,
  ...SPACE_EDITING,
  ...SPACE_MANAGING,
  ...MEMBER_MANAGING,
]

export const API_ROUTES: readonly Route[] = [...SPACE_ROUTES, ...aboutRoutes(SPACE_ROUTES)]

export const apiRouter = (api: ApiPorts): Router => {
  const routes = Router()
  // Of these paths alone: an application may have others beside them.
  const paths = new Set(API_ROUTES.map(({ spec }) => spec.path))
  for (const path of paths) routes.all(path, crossOrigin(api))
  for (const { spec, handle } of API_ROUTES) {
    const answer: RequestHandler = (request, response) => handle({ api, request, response })
    routes[spec.method](spec.path, answer)
  }
  for (const path of paths) routes.all(path, refuseMethod(path))
  routes.use(crossOriginErrors(api))
  return routes
}

/** Whatever gets this far asks for a path of ours in a way that there is none of (RFC 9110, 15.5.6). */
const refuseMethod = (path: string): RequestHandler => {
  const own = API_ROUTES.filter(({ spec }) => spec.path === path).map(({ spec }) => spec.method.toUpperCase())
  const allowed = [...own, ...(own.includes('GET') ? ['HEAD'] : []), 'OPTIONS'].join(', ')
  return (_request, response) => {
    response.set('Allow', allowed).set('Cache-Control', 'no-store')
    throw new PlenumError('no_method')
  }
}
