/** The HTTP API below `<base>/api`: every route there is, behind the rules for pages of other origins. */
import { type RequestHandler, Router } from 'express'
import { aboutRoutes } from './about.js'
import { crossOrigin } from './cross-origin.js'
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
  for (const path of new Set(API_ROUTES.map(({ spec }) => spec.path))) routes.all(path, crossOrigin(api))
  for (const { spec, handle } of API_ROUTES) {
    const answer: RequestHandler = (request, response) => handle({ api, request, response })
    routes[spec.method](spec.path, answer)
  }
  return routes
}
