/**
 * The demo's files, as Vite built them. The page gets a fresh nonce with each answer: nothing runs or styles it
 * but its own files and what its own script injects.
 */
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import express, { type RequestHandler, Router } from 'express'
import { PlenumError } from '../../shared/errors.js'

/** Where the build left a place for the nonce. */
const NONCE_PLACE = 'PLENUM_NONCE'
const NONCE_BYTES = 16
/** What a `Host` header looks like, where it is to become part of a policy. */
const HOST = /^[A-Za-z0-9.-]+(:\d+)?$|^\[[0-9A-Fa-f:.]+\](:\d+)?$/

/** @param folder with `index.html`, `service-worker.js` and `assets/` */
export const demoPage = (folder: string): Router => {
  const routes = Router()
  routes.get('/', withSlash, async (request, response) => {
    const nonce = randomBytes(NONCE_BYTES).toString('base64')
    const page = await readFile(join(folder, 'index.html'), 'utf8').catch(() => {
      throw new PlenumError('not_found', 'the demo page has not been built')
    })
    response
      .set('Content-Security-Policy', pagePolicy(nonce, request.headers.host))
      .set('Cache-Control', 'no-cache')
      .type('html')
      .send(page.replaceAll(NONCE_PLACE, nonce))
  })
  // Their names change with their content.
  routes.use('/assets', express.static(join(folder, 'assets'), { ...PLAIN, immutable: true, maxAge: '1y' }))
  routes.get('/icon.svg', express.static(folder, PLAIN))
  routes.get('/service-worker.js', workerPolicy, express.static(folder, PLAIN))
  return routes
}

const PLAIN = { index: false, redirect: false } as const

/** The page's own addresses are relative to a folder, also where a base path is in front. */
const withSlash: RequestHandler = (request, response, next) => {
  const [path = ''] = request.originalUrl.split('?', 1)
  if (path.endsWith('/')) next()
  else response.redirect(308, `${path.slice(path.lastIndexOf('/') + 1)}/`)
}

/** A worker is under the policy of its own file. */
const workerPolicy: RequestHandler = (_request, response, next) => {
  response.set('Content-Security-Policy', "default-src 'none'; connect-src 'self'")
  next()
}

/** Named beside 'self', which does not cover WebSockets in every browser. */
const socketSources = (host = ''): string => (HOST.test(host) ? ` ws://${host} wss://${host}` : '')

const pagePolicy = (nonce: string, host: string | undefined): string =>
  [
    "default-src 'none'",
    "base-uri 'none'",
    `connect-src 'self'${socketSources(host)}`,
    "font-src 'self'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "img-src 'self'",
    "manifest-src 'self'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    "worker-src 'self'",
  ].join('; ')
