/**
 * What an operator does with a data folder, whether a server is running on it or not: the folder is opened
 * where it is free, and the server that holds it is asked where it is not.
 */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { PlenumError } from '../../shared/errors.js'
import { parseSpaceName, type SpaceName } from '../../shared/names.js'
import type { Observer } from '../space/observer.js'
import type { CompactionOutcome } from '../space/update-store.js'
import { type AdminHandler, type AdminRequest, adminRequest } from './admin-socket.js'
import { openSqliteStore, type SqliteStore } from './sqlite/sqlite-store.js'
import type { VerifyReport } from './sqlite/verify.js'
import { StartupError } from './startup-error.js'

export interface OperatorOptions {
  readonly dataDir: string
  readonly now: () => number
  readonly observer: Observer
}

export interface CompactionReport {
  readonly spaces: readonly { readonly space: SpaceName; readonly outcome: CompactionOutcome }[]
}

/** Reads everything and says what is wrong; changes nothing. @throws StartupError */
export const verifyDataFolder = (options: OperatorOptions): Promise<VerifyReport> =>
  perform(options, { type: 'verify' }) as Promise<VerifyReport>

/** Compacts every space that has something to compact, or one. @throws StartupError */
export const compactDataFolder = (
  options: OperatorOptions & { readonly space?: SpaceName },
): Promise<CompactionReport> =>
  perform(options, {
    type: 'compact',
    ...(options.space === undefined ? {} : { space: options.space }),
  }) as Promise<CompactionReport>

/** A consistent, checked copy of the database. @throws bad_request where `path` exists, StartupError */
export const backupTo = async (
  path: string,
  options: OperatorOptions,
): Promise<{ readonly path: string; readonly bytes: number }> => {
  const absolute = resolve(path)
  if (existsSync(absolute)) throw new PlenumError('bad_request', `${absolute} exists already`)
  const { bytes } = (await perform(options, { type: 'backup', path: absolute })) as { bytes: number }
  return { path: absolute, bytes }
}

/**
 * Answers the requests of the admin socket from a store.
 * @param compact how a space is compacted; a server passes its own, because open documents must follow a repair
 */
export const adminHandler =
  (
    store: SqliteStore,
    compact: (space: SpaceName) => Promise<CompactionOutcome> = space => store.compact(space),
  ): AdminHandler =>
  async request => {
    switch (request.type) {
      case 'status':
        return store.status()
      case 'verify':
        return store.verify()
      case 'backup':
        return store.backup(request.path)
      case 'compact':
        return compactSpaces(store, request.space, compact)
    }
  }

const compactSpaces = async (
  store: SqliteStore,
  name: string | undefined,
  compact: (space: SpaceName) => Promise<CompactionOutcome>,
): Promise<CompactionReport> => {
  const spaces: { space: SpaceName; outcome: CompactionOutcome }[] = []
  const names = name === undefined ? store.compactableSpaces() : [parseSpaceName(name)]
  for await (const space of names) spaces.push({ space, outcome: await compact(space) })
  return { spaces }
}

const perform = async (options: OperatorOptions, request: AdminRequest): Promise<unknown> => {
  let store: SqliteStore
  try {
    store = await openSqliteStore({ ...options, mayCreate: false })
  } catch (error) {
    if (error instanceof StartupError && error.problem === 'locked') return askServer(options, request, error)
    throw error
  }
  try {
    return await adminHandler(store)(request)
  } finally {
    await store.close()
  }
}

/** Where the holder of the lock does not answer, that it holds the folder is the news, not the socket. */
const askServer = async (
  { dataDir }: OperatorOptions,
  request: AdminRequest,
  locked: StartupError,
): Promise<unknown> => {
  try {
    return await adminRequest(dataDir, request)
  } catch (error) {
    if (!(error instanceof StartupError)) throw error
    throw new StartupError('locked', `${locked.message} and does not answer: ${error.message}`, {
      cause: error,
    })
  }
}
