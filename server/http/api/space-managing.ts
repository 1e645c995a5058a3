/** Spaces as their administrators see them: which there are, how they fare, and their end and new beginning. */
import { z } from 'zod'
import { toPlenumError } from '../../../shared/errors.js'
import type { SpaceName } from '../../../shared/names.js'
import { mayDo } from '../../../shared/roles.js'
import type { Scope } from '../../space/peer.js'
import type { ListedSpace, SpaceDesk, SpacePage } from '../../space/space-desk.js'
import type { Route } from './route.js'
import { scopeRoute, spaceRoute } from './routing.js'
import { Spaces, Standing, Stats } from './schemas.js'

const tag = 'Administering spaces'
const MAX_PAGE = 1000
/** How many spaces of others are passed over for one page, at most: somebody may administer one of a million. */
const MAX_LOOKED_AT = 10_000

const list = scopeRoute(
  {
    id: 'listSpaces',
    method: 'get',
    path: '/spaces',
    tag,
    needs: 'list-spaces',
    isEverywhere: false,
    summary: 'The spaces that the token administers',
    description:
      'By name, deleted ones, too. A page may be shorter than asked for, or empty, and yet not the last: that is where `next` is null.',
    query: z.strictObject({
      prefix: z.string().max(512).optional().describe('How the names begin, such as `team-a/`'),
      after: z.string().max(512).optional().describe('`next` of the page before'),
      limit: z.coerce
        .number()
        .int()
        .min(1)
        .max(MAX_PAGE)
        .default(100)
        .describe('How many on a page, at most'),
    }),
    answer: { type: 'json', schema: Spaces },
    answers: 'A page of spaces',
    refuses: ['load_failed'],
  },
  async ({ api, scope, query: { prefix, after, limit } }) => {
    const from = { ...(prefix !== undefined && { prefix }), ...(after !== undefined && { after }) }
    const { spaces, next } = await administered(api.desk, scope, { ...from, limit })
    return { spaces: spaces.map(shown), next }
  },
)

interface PageWish {
  readonly prefix?: string
  readonly after?: string
  readonly limit: number
}

/** Passes over the spaces of others, some thousands at most. */
const administered = async (desk: SpaceDesk, scope: Scope, wish: PageWish): Promise<SpacePage> => {
  const found: ListedSpace[] = []
  let at = wish
  for (let lookedAt = 0; lookedAt < MAX_LOOKED_AT; lookedAt += at.limit) {
    const page = await desk.list({ ...at, limit: MAX_PAGE })
    for (const each of page.spaces) {
      const role = scope.roleOn(each.name)
      if (role === null || !mayDo(role, 'list-spaces')) continue
      if (!(await isWelcome(desk, each.name, scope.user))) continue
      found.push(each)
      if (found.length === wish.limit) return { spaces: found, next: isLast(page, each) ? null : each.name }
    }
    if (page.next === null) return { spaces: found, next: null }
    at = { ...wish, after: page.next, limit: MAX_PAGE }
  }
  return { spaces: found, next: at.after as SpacePage['next'] }
}

/** Whoever is kept out of a space does not administer it, whatever the token says. */
const isWelcome = async (desk: SpaceDesk, space: SpaceName, user: string): Promise<boolean> => {
  try {
    await desk.expectWelcome(space, user)
    return true
  } catch (error) {
    if (toPlenumError(error).code === 'revoked') return false
    throw error
  }
}

const isLast = ({ spaces, next }: SpacePage, space: ListedSpace): boolean =>
  next === null && spaces.at(-1) === space

const stats = spaceRoute(
  {
    id: 'readStats',
    method: 'get',
    path: '/spaces/:space/stats',
    tag,
    needs: 'see-figures',
    summary: 'How a space fares',
    description: 'Sizes, positions and numbers of members, of a space that is open or not, deleted or not.',
    answer: { type: 'json', schema: Stats },
    answers: 'The figures',
    refuses: ['not_found', 'load_failed'],
  },
  async ({ api, space }) => {
    const { updatedAtMs, position, durablePosition, snapshotPosition, ...more } = await api.desk.stats(space)
    const { snapshotBytes, logBytes, membersHere, membersLeft, quarantine } = more
    const sizes = { snapshotPosition, snapshotBytes, logBytes, membersHere, membersLeft, quarantine }
    return { ...shown(more), updatedAt: updatedAtMs, position, durablePosition, ...sizes }
  },
)

const remove = spaceRoute(
  {
    id: 'deleteSpace',
    method: 'delete',
    path: '/spaces/:space',
    tag,
    needs: 'manage-spaces',
    summary: 'Delete a space',
    description:
      'Its connections are closed, and nobody enters it any more. All of it stays on the disk until it is created anew; until then it can be restored. To delete it twice does no harm.',
    answer: { type: 'nothing' },
    answers: 'It is deleted',
    refuses: ['degraded'],
  },
  ({ api, space }) => api.desk.delete(space),
)

const restore = spaceRoute(
  {
    id: 'restoreSpace',
    method: 'post',
    path: '/spaces/:space/restore',
    tag,
    needs: 'manage-spaces',
    summary: 'Take a deletion back',
    description: 'It is the same incarnation: copies that people hold fit. Harmless where it is not deleted.',
    answer: { type: 'json', schema: Standing },
    answers: 'The space is there',
    refuses: ['degraded'],
  },
  async ({ api, space }) => ({ space, ...(await api.desk.restore(space)) }),
)

const create = spaceRoute(
  {
    id: 'createSpace',
    method: 'put',
    path: '/spaces/:space',
    tag,
    needs: 'manage-spaces',
    summary: 'Create a space',
    description:
      'Nobody has to: a space begins when somebody enters it. One that was deleted begins anew and empty, under another incarnation; what it held is gone for good. A space that is there is left as it is.',
    answer: { type: 'json', schema: Standing, created: 'It was not there, and is empty' },
    answers: 'It was there, and is as it was',
    refuses: ['degraded'],
  },
  async ({ api, space, response }) => {
    const { incarnation, isNew } = await api.desk.create(space)
    if (isNew) response.status(201)
    return { space, incarnation }
  },
)

const shown = ({ name, incarnation, createdAtMs, deletedAtMs, isOpen, peers }: ListedSpace) => ({
  space: name,
  incarnation,
  createdAt: createdAtMs,
  deletedAt: deletedAtMs,
  isOpen,
  connections: peers,
})

export const SPACE_MANAGING: readonly Route[] = [list, create, remove, restore, stats]
