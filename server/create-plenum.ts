/**
 * Plenum inside an application: opened once, attached to http servers and routes that are the application's, or
 * listening by itself. A start that fails leaves nothing open; a close saves what it can, takes off its listeners and
 * never ends what is not its own.
 */
import { createServer, type Server } from 'node:http'
import { PlenumError } from '../shared/errors.js'
import { CONFIG_TABLE, type Config, ConfigError, configWith } from './config.js'
import { createHandler, type Handler, type Routes } from './http/handler.js'
import type { ServiceObserver } from './observability/observer.js'
import { type Assembly, type AssemblyOptions, assemble } from './service/assemble.js'
import { EventDesk, type Listener, type Listeners } from './service/event-desk.js'
import { closeServer, listen, type ServiceAddress } from './service/listen.js'
import { createSpaceCalls, type SpaceCalls } from './service/space-calls.js'
import type { DrainReport } from './space/drain.js'
import type { SpaceEventName } from './space/events.js'
import { systemScheduler } from './space/scheduler.js'
import { claimUpgrades, readTarget, refusalOf, refuseUpgrade, type UpgradeTaker } from './transport/index.js'

export interface PlenumOptions extends AssemblyOptions {
  /** Its upgrades below `<basePath>/sync/` are taken; it stays the application's. */
  readonly server?: Server
  /** An express application, or anything with `use`: gets the routes where it stands when this is created. */
  readonly app?: { use(handler: Handler): unknown }
  /** The whole path in front of everything, as this process sees it: `/collab`. Instead of `config.basePath`. */
  readonly basePath?: string
  /** Settings that differ from the defaults, or all of them. */
  readonly config?: Partial<Config>
  /** Listeners, as `on` takes them one by one. */
  readonly on?: Listeners
}

export interface Plenum extends SpaceCalls {
  /**
   * Opens the data folder and serves. Idempotent; after a failure it may be tried again.
   * @throws StartupError, ConfigError: nothing stays open
   */
  start(): Promise<void>
  /**
   * Starts, with an http server of its own at `config.host` and `config.port`.
   * @throws as `start`, or the error of the operating system: nothing stays open
   */
  listen(): Promise<ServiceAddress>
  /** Takes the upgrades of one more server; after `close` it leaves it alone. @returns leaves it alone again */
  attach(server: Server): () => void
  /** Middleware, or a listener of an http server's `request`: what is not Plenum's goes on to `next`. */
  readonly handler: Handler
  /** Told after the fact, in the order of what happened; may throw or reject. @returns ends it */
  on<Name extends SpaceEventName>(name: Name, listener: Listener<Name>): () => void
  /** The same, for the next one only. */
  once<Name extends SpaceEventName>(name: Name, listener: Listener<Name>): () => void
  /** Drains and ends; the report names what could not be saved. The servers stay. Idempotent. */
  close(): Promise<DrainReport>
}

/** A client that has not sent its whole request by then is cut off. */
const HTTP_LIMITS = { headersTimeout: 10_000, requestTimeout: 30_000, connectionsCheckingInterval: 5_000 }
/** A session of the second door has a stream and up to two requests under way. */
const SOCKETS_PER_CONNECTION = 3
/** For HTTP, and for upgrades that are being refused: more sockets than connections can be. */
const SPARE_SOCKETS = 2_000
const NOTHING_UNSAVED: DrainReport = { unsavedSpaces: [], unsavedBytes: 0 }

type State =
  | { readonly type: 'idle' }
  | { readonly type: 'starting'; readonly assembly: Promise<Assembly> }
  | { readonly type: 'running'; readonly assembly: Assembly }
  | { readonly type: 'ended' }

/** @throws ConfigError for a base path that is none */
export const createPlenum = (options: PlenumOptions = {}): Plenum => {
  const config = settingsOf(options)
  const { basePath } = config
  const claims = new Set<() => void>()
  let state: State = { type: 'idle' }
  let closing: Promise<DrainReport> | null = null
  let own: { readonly server: Server; readonly address: Promise<ServiceAddress> } | null = null

  const routes = (): Routes => {
    switch (state.type) {
      case 'running':
        return { type: 'serving', app: state.assembly.app, door: state.assembly.secondDoor }
      case 'ended':
        return { type: 'ended' }
      case 'idle':
      case 'starting':
        return { type: 'starting' }
    }
  }
  const handler = createHandler({ basePath, routes })
  const observer = (): ServiceObserver | null => runningOf(state)?.observer ?? null
  const events = new EventDesk(options.scheduler ?? systemScheduler, observer)

  const start = async (): Promise<Assembly> => {
    if (closing !== null) throw new PlenumError('draining', 'it was closed')
    if (state.type === 'running') return state.assembly
    if (state.type === 'starting') return state.assembly
    const assembly = assemble(config, options, events)
    state = { type: 'starting', assembly }
    try {
      const running = await assembly
      state = { type: 'running', assembly: running }
      return running
    } catch (error) {
      state = { type: 'idle' }
      throw error
    }
  }

  const claim = (server: Server, takes: UpgradeTaker['takes']): (() => void) => {
    const release = claimUpgrades(server, {
      takes,
      take: (request, socket, head) => {
        if (state.type === 'running') state.assembly.door.handleUpgrade(request, socket, head)
        else {
          socket.on('error', () => socket.destroy())
          refuseUpgrade(socket, refusalOf(new PlenumError('draining', 'the server is starting')))
        }
      },
    })
    claims.add(release)
    return () => {
      claims.delete(release)
      release()
    }
  }
  const attach = (server: Server): (() => void) =>
    state.type === 'ended'
      ? () => {}
      : claim(server, request => readTarget(request.url ?? '', basePath) !== null)

  const listenAlone = async (server: Server): Promise<ServiceAddress> => {
    const { observer } = await start()
    const address = await listen(server, config)
    // An accept that fails (too many open files) concerns nobody who is inside.
    server.on('error', error => observer.report('error', 'the http server failed', { error }))
    observer.report('info', 'listening', { ...address, dataDir: config.dataDir })
    return address
  }

  const openOwn = (): { readonly server: Server; readonly address: Promise<ServiceAddress> } => {
    const server = createServer(HTTP_LIMITS, (request, response) => handler(request, response))
    server.maxConnections = config.maxConnections * SOCKETS_PER_CONNECTION + SPARE_SOCKETS
    claim(server, () => true)
    return { server, address: listenAlone(server) }
  }

  const end = async (): Promise<DrainReport> => {
    // What is on its way to listening has to be there to be ended.
    await own?.address.catch(() => null)
    const assembly = state.type === 'starting' ? await state.assembly.catch(() => null) : runningOf(state)
    const report = assembly === null ? NOTHING_UNSAVED : await assembly.drain()
    for (const release of claims) release()
    claims.clear()
    events.close()
    state = { type: 'ended' }
    if (own !== null) await closeServer(own.server)
    await assembly?.end(report)
    return report
  }

  for (const [name, listener] of Object.entries(options.on ?? {}))
    events.on(name as SpaceEventName, listener as Listener<SpaceEventName>)
  options.app?.use(handler)
  if (options.server !== undefined) attach(options.server)
  return {
    ...createSpaceCalls(() => runningOf(state)?.registry.desk ?? null),
    start: async () => void (await start()),
    listen: async () => {
      own ??= openOwn()
      try {
        return await own.address
      } catch (error) {
        // Half a start is none.
        closing ??= end()
        await closing
        throw error
      }
    },
    attach,
    handler,
    on: (name, listener) => events.on(name, listener),
    once: (name, listener) => events.once(name, listener),
    close: () => {
      closing ??= end()
      return closing
    },
  }
}

const runningOf = (state: State): Assembly | null => (state.type === 'running' ? state.assembly : null)

const settingsOf = ({ config = {}, basePath = config.basePath ?? '' }: PlenumOptions): Config => {
  try {
    return configWith({ ...config, basePath: CONFIG_TABLE.basePath.read(basePath) })
  } catch (error) {
    if (error instanceof ConfigError) throw error
    throw new ConfigError([`basePath must be ${(error as Error).message}`])
  }
}
