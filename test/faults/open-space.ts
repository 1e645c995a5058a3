/** A plenum client on a real socket, synced: the fresh eyes of the fault tests. */
import { WebSocket } from 'ws'
import * as Y from 'yjs'
import { connectSpace, type NoticeKind, type SpaceConnection } from '../../client/index.js'
import type { Role } from '../../shared/roles.js'
import type { ServerProcess } from '../support/server-process.js'

export interface OpenSpace {
  readonly doc: Y.Doc
  readonly text: Y.Text
  readonly ids: Y.Map<unknown>
  readonly connection: SpaceConnection
  /** Every notice so far. */
  readonly notices: readonly NoticeKind[]
}

/** @throws ConnectionClosed */
export const openSpace = async (
  server: ServerProcess,
  space: string,
  { user = 'somebody', role = 'write' as Role } = {},
): Promise<OpenSpace> => {
  const doc = new Y.Doc()
  const parts = { doc, text: doc.getText('text'), ids: doc.getMap('ids') }
  const token = await server.token(user, space, role)
  const connection = connectSpace({ url: server.url, space, token, doc, WebSocket })
  const notices: NoticeKind[] = []
  connection.on('notice', ({ kind }) => notices.push(kind))
  await connection.whenSynced()
  return { ...parts, connection, notices }
}
