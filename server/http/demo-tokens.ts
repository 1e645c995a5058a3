/**
 * Tokens for whoever was invited to the demo: `POST /demo/token` with the invitation as bearer and
 * `{name, role}` answers `{token}`. In an app of yours the login does this.
 */
import express, { Router, type Router as Routes } from 'express'
import { PlenumError } from '../../shared/errors.js'
import { isRole } from '../../shared/roles.js'
import type { DemoDesk, DemoWish } from './demo-desk.js'

const MAX_BODY = '1kb'
const MAX_NAME_CHARACTERS = 40

export const demoTokens = (desk: DemoDesk): Routes => {
  const routes = Router()
  routes.post('/demo/token', express.json({ limit: MAX_BODY }), async (request, response) => {
    const [, invitation = ''] = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '') ?? []
    const token = await desk.tokenFor(invitation, wishOf(request.body))
    if (token === null) throw new PlenumError('unauthenticated', 'not the invitation of this server')
    response.set('Cache-Control', 'no-store').json({ token })
  })
  return routes
}

const wishOf = (body: unknown): DemoWish => {
  const { name, role } = (body ?? {}) as Partial<Record<keyof DemoWish, unknown>>
  const isName =
    typeof name === 'string' && /^[^\p{Cc}]+$/u.test(name.trim()) && name.length <= MAX_NAME_CHARACTERS
  if (!isName || typeof role !== 'string' || !isRole(role) || role === 'admin') {
    throw new PlenumError('bad_request', 'a name and a role, read or write, are needed')
  }
  return { name: name.trim(), role }
}
