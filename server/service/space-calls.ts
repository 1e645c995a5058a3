/**
 * What an application does with its spaces in its own process: the calls of the port by plain names, and edits that go
 * the way of any client's.
 */
import { PlenumError } from '../../shared/errors.js'
import { parseSpaceName, type SpaceName } from '../../shared/names.js'
import type { RosterMember } from '../../shared/protocol/index.js'
import { MAX_NAME_CHARACTERS, MAX_USER_CHARACTERS } from '../auth/jwt-gate.js'
import { type DocumentChange, editLocally } from '../space/engine/local-edit.js'
import type { AttestedIntentions } from '../space/intentions-desk.js'
import type { Access } from '../space/peer.js'
import type {
  Revocation,
  Root,
  SpaceDesk,
  SpacePage,
  SpaceSnapshot,
  SpaceStats,
  SpaceUpdate,
} from '../space/space-desk.js'

/** By whom an edit is: what the log and the list of intentions say. Nobody of that name appears in the space. */
export interface Author {
  readonly user: string
  readonly name?: string | null
}

/** Every call rejects with a `PlenumError`, and with `draining` while Plenum does not run. Names as clients give them. */
export interface SpaceCalls {
  /**
   * Edits the document as a client would, and resolves when that is on disk. The change gets a document with the
   * present state and is made in one go; what it throws is what this rejects with, and then nothing was sent.
   * @throws bad_request for an asynchronous change; as `edit` of the port
   */
  transact(space: string, author: Author, change: DocumentChange): Promise<{ readonly position: number }>
  /** One Yjs update that was made elsewhere. @throws GapError where it builds on what is not here */
  edit(space: string, author: Author, update: Uint8Array): Promise<{ readonly position: number }>
  /** What a replica with this state vector lacks; everything without one. */
  update(space: string, stateVector?: Uint8Array): Promise<SpaceUpdate>
  snapshot(space: string): Promise<SpaceSnapshot>
  /** The document's roots as JSON; all that it has, unless some are named. */
  json(space: string, roots?: readonly Root[]): Promise<Readonly<Record<string, unknown>>>
  members(space: string): Promise<readonly RosterMember[]>
  intentions(space: string): Promise<AttestedIntentions>
  listSpaces(options?: {
    readonly prefix?: string
    readonly after?: string
    readonly limit?: number
  }): Promise<SpacePage>
  spaceStats(space: string): Promise<SpaceStats>
  /** Closes its connections and lets nobody in until it is restored, or created again. */
  deleteSpace(space: string): Promise<void>
  restoreSpace(space: string): Promise<{ readonly incarnation: string }>
  createSpace(space: string): Promise<{ readonly incarnation: string; readonly isNew: boolean }>
  /** Closes a user's connections; they may come back. @returns how many */
  disconnect(space: string, user: string): Promise<number>
  /** Keeps a user out of a space, or of all where it is null, whatever is said of them. */
  revoke(space: string | null, user: string): Promise<void>
  reinstate(space: string | null, user: string): Promise<void>
  revocations(space: string | null): Promise<readonly Revocation[]>
}

const DEFAULT_LIMIT = 100

/** @param desk null while there is nothing to ask */
export const createSpaceCalls = (desk: () => SpaceDesk | null): SpaceCalls => {
  const open = (): SpaceDesk => {
    const running = desk()
    if (running === null) throw new PlenumError('draining', 'Plenum does not run')
    return running
  }
  return {
    async transact(space, author, change) {
      const [name, access] = [nameOf(space), accessOf(author)]
      const { update: state, position } = await open().update(name, null)
      const update = editLocally(state, change)
      return update === null ? { position } : open().edit(name, update, access)
    },

    edit: async (space, author, update) => open().edit(nameOf(space), update, accessOf(author)),
    update: async (space, stateVector) => open().update(nameOf(space), stateVector ?? null),
    snapshot: async space => open().snapshot(nameOf(space)),
    json: async (space, roots) => open().json(nameOf(space), roots ?? null),
    members: async space => open().members(nameOf(space)),
    intentions: async space => open().intentions(nameOf(space)),
    listSpaces: async ({ limit = DEFAULT_LIMIT, ...options } = {}) => open().list({ ...options, limit }),
    spaceStats: async space => open().stats(nameOf(space)),
    deleteSpace: async space => open().delete(nameOf(space)),
    restoreSpace: async space => open().restore(nameOf(space)),
    createSpace: async space => open().create(nameOf(space)),
    disconnect: async (space, user) => open().disconnect(nameOf(space), user),
    revoke: async (space, user) => open().revoke(nameOrAll(space), user),
    reinstate: async (space, user) => open().reinstate(nameOrAll(space), user),
    revocations: async space => open().revocations(nameOrAll(space)),
  }
}

/** As everywhere, and also for whoever passes something else than a text. */
const nameOf = (space: string): SpaceName => {
  if (typeof space !== 'string') throw new PlenumError('bad_name', 'a space is named by a text')
  return parseSpaceName(space)
}

const nameOrAll = (space: string | null) => (space === null ? null : nameOf(space))

/** As a token would say it. */
const accessOf = ({ user, name = null }: Author): Access => {
  if (typeof user !== 'string' || user === '' || user.length > MAX_USER_CHARACTERS) {
    throw new PlenumError('bad_request', `the author's user must have 1 to ${MAX_USER_CHARACTERS} characters`)
  }
  if (name !== null && (typeof name !== 'string' || name.length > MAX_NAME_CHARACTERS)) {
    throw new PlenumError(
      'bad_request',
      `the author's name must have at most ${MAX_NAME_CHARACTERS} characters`,
    )
  }
  return { user, name, role: 'write', expiresAtMs: null }
}
