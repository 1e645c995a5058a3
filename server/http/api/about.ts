/** The API about itself: its document for programs, and the same as a page for people. No token is needed. */
import { randomBytes } from 'node:crypto'
import { docsPage } from './docs-page.js'
import { type OpenApi, openApi } from './openapi.js'
import type { Route } from './route.js'
import { openRoute } from './routing.js'

const tag = 'About this API'
const NONCE_BYTES = 16

/** @param others the routes that are told of, besides these */
export const aboutRoutes = (others: readonly Route[]): readonly Route[] => {
  /** By base path: a process may serve below several. */
  const told = new Map<string, OpenApi>()
  const tell = (basePath: string): OpenApi => {
    const known = told.get(basePath) ?? openApi([...others, document, page], basePath)
    told.set(basePath, known)
    return known
  }
  const document = openRoute(
    {
      id: 'readDocument',
      method: 'get',
      path: '/openapi.json',
      tag,
      summary: 'This document',
      description: 'OpenAPI 3.1, made of what the server checks requests by.',
      answer: { type: 'document' },
      answers: 'The document',
    },
    async ({ api, response }) => {
      response.json(tell(api.basePath))
    },
  )
  const page = openRoute(
    {
      id: 'readPage',
      method: 'get',
      path: '/docs',
      tag,
      summary: 'The same as a page',
      description: 'Made of this document; it needs nothing from elsewhere, and runs nothing.',
      answer: { type: 'page' },
      answers: 'The page',
    },
    async ({ api, response }) => {
      const nonce = randomBytes(NONCE_BYTES).toString('base64')
      response
        .set('Content-Security-Policy', `default-src 'none'; style-src 'nonce-${nonce}'; ${PAGE_POLICY}`)
        .type('html')
        .send(docsPage(tell(api.basePath), nonce))
    },
  )
  return [document, page]
}

const PAGE_POLICY = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
