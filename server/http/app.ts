/**
 * The HTTP routes: whether it lives, whether it serves, how it fares, and the demo where it is wanted. What is none
 * of them falls through.
 */
import express, { type Express, Router } from 'express'
import { PlenumError } from '../../shared/errors.js'
import { apiRouter } from './api/api-router.js'
import type { ApiPorts } from './api/ports.js'
import type { DemoDesk } from './demo-desk.js'
import { demoPage } from './demo-page.js'
import { demoTokens } from './demo-tokens.js'
import { handleErrors, type RequestObserver, sendError } from './errors.js'
import { securityHeaders } from './security-headers.js'

export interface HttpOptions {
  /** The path in front of every route, without a slash at its end; often empty. */
  readonly basePath: string
  readonly status: () => { readonly isDegraded: boolean; readonly isDraining: boolean }
  /** One scrape, or null where metrics are not served. */
  readonly metrics: { readonly contentType: string; render(): Promise<string> } | null
  /** The demo page and who signs tokens for its visitors, if anybody does; null where there is no demo. */
  readonly demo: { readonly folder: string; readonly desk: DemoDesk | null } | null
  /** What is told about spaces to whoever has a token; null where nothing is. */
  readonly api: Omit<ApiPorts, 'basePath'> | null
  readonly observer: RequestObserver
}

export const createHttpApp = ({ basePath, status, metrics, demo, api, observer }: HttpOptions): Express => {
  const routes = Router()
  routes.get('/healthz', (_request, response) => {
    response.set('Cache-Control', 'no-store').json({ status: 'alive' })
  })
  routes.get('/readyz', (_request, response) => {
    response.set('Cache-Control', 'no-store')
    const { isDegraded, isDraining } = status()
    if (isDraining) sendError(response, new PlenumError('draining'))
    else if (isDegraded) sendError(response, new PlenumError('degraded'))
    else response.json({ status: 'ready' })
  })
  if (metrics !== null) {
    routes.get('/metrics', async (_request, response) => {
      const text = await metrics.render()
      response.set('Content-Type', metrics.contentType).set('Cache-Control', 'no-store').send(text)
    })
  }
  if (api !== null) routes.use('/api', apiRouter({ ...api, basePath }))
  if (demo !== null) routes.use(demoPage(demo.folder))
  if (demo !== null && demo.desk !== null) routes.use(demoTokens(demo.desk))
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  app.use(securityHeaders)
  app.use(basePath === '' ? '/' : basePath, routes)
  app.use(handleErrors(observer))
  return app
}
