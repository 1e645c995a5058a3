/** Members as administrators see them: closing their connections, and keeping them out, of one space or of all. */
import { z } from 'zod'
import type { Revocation } from '../../space/space-desk.js'
import type { Route } from './route.js'
import { scopeRoute, spaceRoute } from './routing.js'
import { Disconnected, Revocations } from './schemas.js'

const tag = 'Administering members'
const needs = 'manage-members'

const params = z.strictObject({
  user: z.string().min(1).max(512).describe("The `sub` of the user's tokens, percent-encoded"),
})

const disconnect = spaceRoute(
  {
    id: 'disconnectMember',
    method: 'post',
    path: '/spaces/:space/members/:user/disconnect',
    tag,
    needs,
    summary: "Close a user's connections",
    description: 'They may come back, and will: to keep somebody out, revoke.',
    params,
    answer: { type: 'json', schema: Disconnected },
    answers: 'They are closed',
  },
  async ({ api, space, params: { user } }) => ({
    space,
    user,
    closed: await api.desk.disconnect(space, user),
  }),
)

const revoke = spaceRoute(
  {
    id: 'revokeMember',
    method: 'put',
    path: '/spaces/:space/revocations/:user',
    tag,
    needs,
    summary: 'Keep a user out of a space',
    description:
      "Their connections are closed, and none of their tokens opens this space any more, until the revocation is taken back. It outlives the server's restart.",
    params,
    answer: { type: 'nothing' },
    answers: 'They are out',
    refuses: ['degraded'],
  },
  ({ api, space, params: { user } }) => api.desk.revoke(space, user),
)

const reinstate = spaceRoute(
  {
    id: 'reinstateMember',
    method: 'delete',
    path: '/spaces/:space/revocations/:user',
    tag,
    needs,
    summary: 'Let a user into a space again',
    description: 'As far as their token goes, and unless they are kept out of all spaces.',
    params,
    answer: { type: 'nothing' },
    answers: 'They may come back',
    refuses: ['degraded'],
  },
  ({ api, space, params: { user } }) => api.desk.reinstate(space, user),
)

const revocations = spaceRoute(
  {
    id: 'listRevocations',
    method: 'get',
    path: '/spaces/:space/revocations',
    tag,
    needs,
    summary: 'Who is kept out of a space',
    description: 'Those who are kept out of all spaces are listed apart.',
    answer: { type: 'json', schema: Revocations },
    answers: 'The revocations',
    refuses: ['load_failed'],
  },
  async ({ api, space }) => ({ space, revocations: (await api.desk.revocations(space)).map(shown) }),
)

const EVERYWHERE = 'The token must administer every space.'

const revokeEverywhere = scopeRoute(
  {
    id: 'revokeUser',
    method: 'put',
    path: '/revocations/:user',
    tag,
    needs,
    isEverywhere: true,
    summary: 'Keep a user out of all spaces',
    description: `As for one space. ${EVERYWHERE}`,
    params,
    answer: { type: 'nothing' },
    answers: 'They are out',
    refuses: ['degraded'],
  },
  ({ api, params: { user } }) => api.desk.revoke(null, user),
)

const reinstateEverywhere = scopeRoute(
  {
    id: 'reinstateUser',
    method: 'delete',
    path: '/revocations/:user',
    tag,
    needs,
    isEverywhere: true,
    summary: 'Let a user in again',
    description: `Spaces that they are kept out of by name stay closed to them. ${EVERYWHERE}`,
    params,
    answer: { type: 'nothing' },
    answers: 'They may come back',
    refuses: ['degraded'],
  },
  ({ api, params: { user } }) => api.desk.reinstate(null, user),
)

const revocationsEverywhere = scopeRoute(
  {
    id: 'listUserRevocations',
    method: 'get',
    path: '/revocations',
    tag,
    needs,
    isEverywhere: true,
    summary: 'Who is kept out of all spaces',
    description: EVERYWHERE,
    answer: { type: 'json', schema: Revocations },
    answers: 'The revocations',
    refuses: ['load_failed'],
  },
  async ({ api }) => ({ space: null, revocations: (await api.desk.revocations(null)).map(shown) }),
)

const shown = ({ user, atMs }: Revocation) => ({ user, at: atMs })

export const MEMBER_MANAGING: readonly Route[] = [
  disconnect,
  revocations,
  revoke,
  reinstate,
  revocationsEverywhere,
  revokeEverywhere,
  reinstateEverywhere,
]
