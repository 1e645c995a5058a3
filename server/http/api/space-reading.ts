/** What may be read of a space, open or not, by whoever may read it: who is there, what it holds, what it lacks. */
import { z } from 'zod'
import { ROOT_TYPES, type Root, type RootType } from '../../space/space-desk.js'
import type { Route } from './route.js'
import { spaceRoute } from './routing.js'
import { Content, Intentions, Members, Snapshot } from './schemas.js'
import { shownIntentions, shownMembers, shownSnapshot } from './shown.js'
import { StateVector } from './state-vector.js'

const needs = 'read-document'
const tag = 'Reading'

const members = spaceRoute(
  {
    id: 'readMembers',
    method: 'get',
    path: '/spaces/:space/members',
    tag,
    needs,
    summary: 'Who is here, and who was',
    description:
      'Those who are here come first, in the order of their arrival; then those who left, the latest first.',
    answer: { type: 'json', schema: Members },
    answers: 'The roster',
    refuses: ['load_failed', 'space_deleted'],
  },
  async ({ api, space }) => ({
    space,
    serverTime: api.now(),
    members: shownMembers(await api.desk.members(space)),
  }),
)

const intentions = spaceRoute(
  {
    id: 'readIntentions',
    method: 'get',
    path: '/spaces/:space/intentions',
    tag,
    needs,
    summary: 'What members mean to do, and who said so',
    description: '`verified` tells whether it was the user in `by` who wrote an intention.',
    answer: { type: 'json', schema: Intentions },
    answers: 'The intentions',
    refuses: ['load_failed', 'space_deleted'],
  },
  async ({ api, space }) => {
    const found = await api.desk.intentions(space)
    return { space, serverTime: api.now(), ...shownIntentions(found) }
  },
)

const snapshot = spaceRoute(
  {
    id: 'readSnapshot',
    method: 'get',
    path: '/spaces/:space/snapshot',
    tag,
    needs,
    summary: 'Everything about a space but its document, as of one moment',
    description:
      'State vector, presence, members and intentions belong together. For the document itself there is `update`, for its content `json`, and for what comes next `stream`.',
    answer: { type: 'json', schema: Snapshot },
    answers: 'The snapshot',
    refuses: ['load_failed', 'space_deleted'],
  },
  async ({ api, space }) => {
    const cut = await api.desk.snapshot(space)
    return { space, serverTime: api.now(), ...shownSnapshot(cut) }
  },
)

const update = spaceRoute(
  {
    id: 'readUpdate',
    method: 'get',
    path: '/spaces/:space/update',
    tag,
    needs,
    summary: 'What a copy of the document lacks',
    description:
      'One Yjs update (encoding v1) to be applied by `Y.applyUpdate`. A state vector of some thousands of clients is longer than an address may be: leave it out then.',
    query: z.strictObject({
      sv: StateVector.optional().describe(
        "The copy's state vector in base64url (`Y.encodeStateVector`); left out, everything is sent",
      ),
    }),
    answer: { type: 'bytes', headers: { 'Plenum-Position': 'How far the log was' } },
    answers: 'The update',
    refuses: ['malformed', 'load_failed', 'space_deleted'],
  },
  async ({ api, space, query }) => {
    const found = await api.desk.update(space, query.sv ?? null)
    return { bytes: found.update, headers: { 'Plenum-Position': String(found.position) } }
  },
)

/** `content:text`: a name may have colons, a type has none. */
const RootText = z
  .string()
  .regex(new RegExp(`^.+:(${ROOT_TYPES.join('|')})$`, 's'), `must be NAME:TYPE, of ${ROOT_TYPES.join(', ')}`)
  .transform((text): Root => {
    const colon = text.lastIndexOf(':')
    return { name: text.slice(0, colon), type: text.slice(colon + 1) as RootType }
  })
const MAX_ROOTS = 100

const json = spaceRoute(
  {
    id: 'readJson',
    method: 'get',
    path: '/spaces/:space/json',
    tag,
    needs,
    summary: 'The content of the document as JSON',
    description:
      'A text without its formats, the fields of a map, the elements of an array, XML as Yjs writes it. A Yjs document does not say what type its roots have: without `type` each is read as what it evidently is, and one that cannot be told is null.',
    query: z.strictObject({
      type: z
        .array(RootText)
        .max(MAX_ROOTS)
        .optional()
        .describe('A root and what it is, such as `content:text`; may be there several times'),
    }),
    answer: { type: 'json', schema: Content },
    answers: 'The content',
    refuses: ['too_large', 'load_failed', 'space_deleted'],
  },
  async ({ api, space, query }) => ({
    space,
    content: { ...(await api.desk.json(space, query.type ?? null)) },
  }),
)

export const SPACE_READING: readonly Route[] = [snapshot, members, intentions, update, json]
