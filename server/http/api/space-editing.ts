/** Editing without a connection: an update that comes as any client's does, and is answered when it is on disk. */
import type { Route } from './route.js'
import { spaceRoute } from './routing.js'
import { Edited } from './schemas.js'

const edit = spaceRoute(
  {
    id: 'edit',
    method: 'post',
    path: '/spaces/:space/update',
    tag: 'Editing',
    needs: 'edit-document',
    summary: 'Bring an edit into the document',
    description:
      'The body is one Yjs update (encoding v1). It is answered once the edit is on disk; to send it again does no harm. Where it builds on what the server lacks, the answer is 409 `gap` with the state vector of the document: what is sent as a diff against that fits.',
    body: 'A Yjs update, encoding v1',
    answer: { type: 'json', schema: Edited },
    answers: 'The edit is on disk',
    refuses: [
      'gap',
      'malformed',
      'unappliable',
      'too_large',
      'read_only',
      'quarantined',
      'degraded',
      'load_failed',
      'space_deleted',
    ],
  },
  async ({ api, space, access, body }) => ({ space, ...(await api.desk.edit(space, body, access)) }),
)

export const SPACE_EDITING: readonly Route[] = [edit]
