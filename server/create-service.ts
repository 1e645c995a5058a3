/**
 * Wires a whole server: settings, observer, store, spaces, gate, doors and routes. A start that fails leaves
 * nothing open; a close saves what it can, and says what it could not.
 */
import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { join } from 'node:path'
import type { DestinationStream } from 'pino'
import { Admission } from './auth/admission.js'
import { createGate, type Gate } from './auth/gate.js'
import { createJwtGate } from './auth/jwt-gate.js'
import { resolveSecret } from './auth/secret.js'
import { type Config, configWith } from './config.js'
import { createHttpApp } from './http/app.js'
import type { DemoDesk } from './http/demo-desk.js'
import { createLogger } from './observability/logger.js'
import { Metrics } from './observability/metrics.js'
import { createObserver, type ServiceObserver } from './observability/observer.js'
import { createApiGuard } from './service/api-guard.js'
import { deflatePacking } from './service/deflate.js'
import { closeServer, listen, type ServiceAddress } from './service/listen.js'
import { openEngine } from './service/open-engine.js'
import { type OpenStore, openServiceStore } from './service/open-store.js'
import { type DrainReport, Registry } from './space/registry.js'
import { type Scheduler, systemScheduler } from './space/scheduler.js'
import { Judge, sweptBeatMs, WebSocketDoor } from './transport/index.js'

export interface ServiceOptions {
  /** Settings that differ from the defaults, or all of them. */
  readonly config?: Partial<Config>
  /** Another store than the SQLite file in the data folder. The service closes it. */
  readonly openStore?: OpenStore
  /** Another gate than tokens signed with the secret. */
  readonly gate?: Gate
  /** Signs tokens for visitors of the demo page, where it is served. */
  readonly demoDesk?: DemoDesk
  /** Where log lines go; standard error by default. */
  readonly logDestination?: DestinationStream
  /** Whether metrics tell about the process too; for the only service of a process. */
  readonly isWithProcessMetrics?: boolean
  /** Time; the system's by default. */
  readonly scheduler?: Scheduler
}

export interface Service {
  /**
   * Opens the data folder and listens.
   * @throws StartupError, ConfigError or the error of the operating system: nothing stays open
   */
  start(): Promise<ServiceAddress>
  /** Drains and ends; the report names what could not be saved. Idempotent. */
  close(): Promise<DrainReport>
}

/** As Vite builds it, beside the compiled server. */
const DEMO_FOLDER = join(import.meta.dirname, '../demo')
const SWEEP_MS = 1_000
/** How long close frames may take to go out after a drain. */
const GOODBYE_MS = 1_000
/** A client that has not sent its whole request by then is cut off. */
const HTTP_LIMITS = { headersTimeout: 10_000, requestTimeout: 30_000, connectionsCheckingInterval: 5_000 }
/** For HTTP, and for upgrades that are being refused: more sockets than connections can be. */
const SPARE_SOCKETS = 2_000
const NOTHING_UNSAVED: DrainReport = { unsavedSpaces: [], unsavedBytes: 0 }

export const createService = (options: ServiceOptions = {}): Service => {
  const config = configWith(options.config ?? {})
  let running: Promise<Running> | null = null
  let closing: Promise<DrainReport> | null = null
  return {
    start: async () => {
      running ??= startRunning(config, options)
      return (await running).address
    },
    close: () => {
      closing ??= running === null ? Promise.resolve(NOTHING_UNSAVED) : closeRunning(running)
      return closing
    },
  }
}

interface Running {
  readonly address: ServiceAddress
  close(): Promise<DrainReport>
}

const closeRunning = async (running: Promise<Running>): Promise<DrainReport> => {
  const service = await running.catch(() => null)
  return service === null ? NOTHING_UNSAVED : service.close()
}

/** Everything in the order in which one part needs the other; what was opened is closed when a later part fails. */
const startRunning = async (config: Config, options: ServiceOptions): Promise<Running> => {
  const { scheduler = systemScheduler } = options
  const now = (): number => scheduler.now()
  const sweepMs = Math.min(SWEEP_MS, config.heartbeatMs)
  let live: { door: WebSocketDoor; registry: Registry } | null = null
  const metrics = new Metrics(() => figuresOf(live), options.isWithProcessMetrics ?? false)
  const observer = createObserver(createLogger(config.logLevel, options.logDestination), metrics, now)
  const opened = await openServiceStore({ config, observer, now }, options.openStore)
  const engine = openEngine(config, observer)
  try {
    const gate = options.gate ?? (await openGate(config, observer, now))
    const registry = new Registry({
      store: opened.store,
      engine: engine.engine,
      packing: deflatePacking,
      observer,
      scheduler,
      randomId: randomUUID,
      limits: config,
    })
    opened.compactBy(space => registry.compact(space))
    const admission = new Admission(config)
    const door = new WebSocketDoor({
      gate,
      admission,
      spaces: registry,
      observer,
      now,
      basePath: config.basePath,
      trustedProxies: config.trustProxy,
      // The spaces close what is too slow, with a code, before the heartbeat ends it without.
      heartbeat: {
        beatMs: sweptBeatMs(config.heartbeatMs, sweepMs),
        stuckMs: config.slowPeerDeadlineMs + config.heartbeatMs,
      },
      isCompressing: config.compression === 'on',
      maxPayloadBytes: Math.max(config.maxFrameBytes, config.maxDocumentBytes),
    })
    live = { door, registry }
    const judge = new Judge({ gate, admission, now })
    const app = createHttpApp({
      basePath: config.basePath,
      status: () => registry.status,
      metrics: config.metrics === 'on' ? metrics : null,
      demo: config.demo === 'on' ? { folder: DEMO_FOLDER, desk: options.demoDesk ?? null } : null,
      api: {
        ...createApiGuard(judge, config),
        members: space => registry.members(space),
        intentions: space => registry.intentions(space),
        now,
      },
      report: observer.report,
    })
    const server = createServer(HTTP_LIMITS, app)
    server.maxConnections = config.maxConnections + SPARE_SOCKETS
    server.on('upgrade', (request, socket, head) => door.handleUpgrade(request, socket, head))
    const address = await listen(server, config)
    // An accept that fails (too many open files) concerns nobody who is inside.
    server.on('error', error => observer.report('error', 'the http server failed', { error }))
    const sweeps = setInterval(() => {
      const nowMs = now()
      for (const part of [registry, door, judge, admission, opened])
        attempt(observer, () => part.sweep(nowMs))
    }, sweepMs)
    observer.report('info', 'listening', { ...address, dataDir: config.dataDir })
    const stop = async (): Promise<DrainReport> => {
      door.stopAccepting()
      judge.stopAdmitting()
      observer.report('info', 'draining', { connections: door.connections })
      const report = await registry.drain(config.drainDeadlineMs)
      await door.close(GOODBYE_MS)
      clearInterval(sweeps)
      await closeServer(server)
      await engine.close()
      await opened.close()
      const hasLoss = report.unsavedBytes > 0
      observer.report(hasLoss ? 'error' : 'info', hasLoss ? 'ended with unsaved edits' : 'ended', {
        ...report,
      })
      return report
    }
    return { address, close: stop }
  } catch (error) {
    await engine.close()
    await opened.close()
    throw error
  }
}

const openGate = async (config: Config, observer: ServiceObserver, now: () => number): Promise<Gate> => {
  const { audience, issuer } = config
  const secret = await resolveSecret(config.secret, config.dataDir)
  observer.report('info', 'tokens are signed with a secret', { source: secret.source })
  if (secret.isWeak) observer.report('warn', 'the secret is shorter than 32 bytes: it may be guessed')
  const skewSeconds = config.clockSkewMs / 1000
  return createGate(createJwtGate({ secret: secret.value, audience, issuer, skewSeconds, now }))
}

const figuresOf = (live: { door: WebSocketDoor; registry: Registry } | null) => ({
  connections: live?.door.connections ?? 0,
  ...(live?.registry.status ?? { spaces: 0, uncommittedBytes: 0, isDegraded: false, isDraining: false }),
})

/** A part that fails in its sweep must not keep the others from theirs. */
const attempt = (observer: ServiceObserver, run: () => void): void => {
  try {
    run()
  } catch (error) {
    observer.report('error', 'a sweep failed', { error })
  }
}
