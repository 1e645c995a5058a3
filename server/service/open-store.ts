/**
 * The store of a service, and what comes with the SQLite one: the admin socket for the command-line tools and
 * the pruning of history that is past its time.
 */

import type { SpaceName } from '../../shared/names.js'
import { type Config, ConfigError } from '../config.js'
import type { ServiceObserver } from '../observability/observer.js'
import type { CompactionOutcome, UpdateStore } from '../space/update-store.js'
import { type AdminHandler, type AdminServer, serveAdminSocket } from '../storage/admin-socket.js'
import { type Failpoints, parseFailpoints } from '../storage/failpoints.js'
import { adminHandler } from '../storage/operator.js'
import { openSqliteStore } from '../storage/sqlite/sqlite-store.js'

export interface StoreContext {
  readonly config: Config
  readonly observer: ServiceObserver
  /** The clock, ms since 1970. */
  readonly now: () => number
}

type Compact = (space: SpaceName) => Promise<CompactionOutcome>

export type OpenStore = (context: StoreContext) => Promise<UpdateStore>

export interface OpenedStore {
  readonly store: UpdateStore
  /** Hands compactions asked for by an operator to whoever holds the open spaces, which must follow a repair. */
  compactBy(compact: Compact): void
  /** What is due by time. Call it once a second. */
  sweep(nowMs: number): void
  /** Closes the store and what belongs to it. Idempotent. */
  close(): Promise<void>
}

const DAY_MS = 86_400_000
const PRUNE_EVERY_MS = 3_600_000
const FIRST_PRUNE_AFTER_MS = 60_000

/** @throws StartupError, ConfigError */
export const openServiceStore = async (
  context: StoreContext,
  openStore: OpenStore | undefined,
): Promise<OpenedStore> => {
  if (openStore === undefined) return openSqlite(context)
  const store = await openStore(context)
  return { store, compactBy: () => {}, sweep: () => {}, close: () => store.close() }
}

const openSqlite = async ({ config, observer, now }: StoreContext): Promise<OpenedStore> => {
  const { dataDir, retentionDays, memberRetentionMs } = config
  const failpoints = readFailpoints(config.failpoints)
  const store = await openSqliteStore({
    dataDir,
    now,
    observer,
    retentionMs: retentionDays * DAY_MS,
    memberRetentionMs,
    failpoints,
  })
  store.expectLoads()
  let compact: Compact = space => store.compact(space)
  const admin = await openAdmin(
    dataDir,
    observer,
    adminHandler(store, space => compact(space)),
  )
  let prunedAtMs = now() - PRUNE_EVERY_MS + FIRST_PRUNE_AFTER_MS
  return {
    store,
    compactBy: by => {
      compact = by
    },
    sweep: nowMs => {
      if (nowMs - prunedAtMs < PRUNE_EVERY_MS) return
      prunedAtMs = nowMs
      store.prune(nowMs).catch(error => observer.report('error', 'history could not be pruned', { error }))
    },
    close: async () => {
      await admin?.close()
      await store.close()
    },
  }
}

/** The server does its work without it; only the command-line tools then cannot reach it. */
const openAdmin = async (
  dataDir: string,
  observer: ServiceObserver,
  handler: AdminHandler,
): Promise<AdminServer | null> => {
  try {
    return await serveAdminSocket(dataDir, handler)
  } catch (error) {
    observer.report('warn', 'no admin socket', { error })
    return null
  }
}

const readFailpoints = (text: string): Failpoints => {
  try {
    return parseFailpoints(text)
  } catch (error) {
    throw new ConfigError([`PLENUM_FAILPOINTS: ${(error as Error).message}`])
  }
}
