/** The HTTP routes: whether it lives, whether it serves, and how it fares. */
import express, { type Express, Router } from 'express'
import { PlenumError } from '../../shared/errors.js'
import { handleErrors, notFound, type Report, sendError } from './errors.js'

export interface HttpOptions {
  /** The path in front of every route, without a slash at its end; often empty. */
  readonly basePath: string
  readonly status: () => { readonly isDegraded: boolean; readonly isDraining: boolean }
  /** One scrape, or null where metrics are not served. */
  readonly metrics: { readonly contentType: string; render(): Promise<string> } | null
  readonly report: Report
}

export const createHttpApp = ({ basePath, status, metrics, report }: HttpOptions): Express => {
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
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  app.use(basePath === '' ? '/' : basePath, routes)
  app.use(notFound)
  app.use(handleErrors(report))
  return app
}
