/** The stream for programs: what changes in a space, as server-sent events, resumable. */
import { z } from 'zod'
import { parseResumePoint } from '../../../shared/protocol/index.js'
import type { Route } from './route.js'
import { streamRoute } from './routing.js'
import { Change, IntentionsNow, MembersChange, PresenceChange, Snapshot, StreamEnd } from './schemas.js'
import { StateVector } from './state-vector.js'
import { wordingFor } from './wording.js'

export const EVENTS = ['snapshot', 'presence', 'members', 'intentions', 'change'] as const

const stream = streamRoute(
  {
    id: 'watchSpace',
    method: 'get',
    path: '/spaces/:space/stream',
    tag: 'Reading',
    needs: 'read-document',
    summary: 'What changes, as it changes',
    description:
      'Server-sent events. It begins with a `snapshot`; a `change` is a Yjs update for a copy of the document, the first of them what the copy lacks. Whoever comes back with the `id` of the last event as `Last-Event-ID` is sent what came since, and in place of the `snapshot` the whole of presence, members and intentions. The stream ends with `close`, which says why: with the token, when it is revoked, when the reader is too slow. Lines that begin with a colon are signs of life. Whoever watches is a connection, and on the roster.',
    query: z.strictObject({
      events: z
        .array(z.enum(EVENTS))
        .optional()
        .describe('Which events are wanted; may be there several times; left out, all are'),
      sv: StateVector.optional().describe(
        "The copy's state vector in base64url; left out, the first `change` is the whole document",
      ),
    }),
    headers: { 'Last-Event-ID': 'The `id` of the last event that was read' },
    answer: {
      type: 'events',
      events: {
        snapshot: Snapshot,
        presence: PresenceChange,
        members: MembersChange,
        intentions: IntentionsNow,
        change: Change,
        close: StreamEnd,
      },
    },
    answers: 'The stream',
    refuses: ['load_failed', 'space_deleted', 'quarantined'],
  },
  async ({ api, request, response, space, access, place, query }) => {
    if (request.method === 'HEAD') {
      place.leave()
      response.end()
      return
    }
    const { events = EVENTS, sv = null } = query
    const after = parseResumePoint(request.get('Last-Event-ID') ?? null)
    const wish = { events: new Set(events), stateVector: sv, after }
    await api.watch(response, { space, access, place, wish, wording: wordingFor(space, api.now) })
  },
)

export const SPACE_STREAM: readonly Route[] = [stream]
