/**
 * Everything of a server but where it listens: settings, observer, store, spaces, gate, door and routes. What was
 * opened is closed when a later part fails; the end saves what it can, and says what it could not.
 */
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { DestinationStream } from 'pino'
import { Admission } from '../auth/admission.js'
import { type Authorize, createAuthorizeGate } from '../auth/authorize-gate.js'
import { createGate, type Gate } from '../auth/gate.js'
import { createJwtGate } from '../auth/jwt-gate.js'
import { resolveSecret } from '../auth/secret.js'
import { rest } from '../bell.js'
import type { Config } from '../config.js'
import { createHttpApp } from '../http/app.js'
import type { DemoDesk } from '../http/demo-desk.js'
import type { App } from '../http/handler.js'
import { createLogger } from '../observability/logger.js'
import { Metrics } from '../observability/metrics.js'
import { createObserver, type ServiceObserver } from '../observability/observer.js'
import type { DrainReport } from '../space/drain.js'
import type { EventSink } from '../space/events.js'
import { Registry } from '../space/registry.js'
import { type Scheduler, systemScheduler } from '../space/scheduler.js'
import {
  type DoorOptions,
  EventStreamDoor,
  Judge,
  ReadPace,
  sweptBeatMs,
  WatchedGate,
  Watchers,
  WebSocketDoor,
} from '../transport/index.js'
import { createApiGuard } from './api-guard.js'
import { deflatePacking } from './deflate.js'
import { eachInTurn } from './each-in-turn.js'
import { openEngine } from './open-engine.js'
import { type OpenStore, openServiceStore } from './open-store.js'
import { revokingGate } from './revoking-gate.js'
import { TimelyDemoDesk } from './timely-demo-desk.js'

export interface AssemblyOptions {
  /** Another store than the SQLite file in the data folder. The service closes it. */
  readonly openStore?: OpenStore
  /** Says who comes in and what they may do, instead of tokens signed with the secret. */
  readonly authorize?: Authorize
  /** The same, for those who look for the token themselves. */
  readonly gate?: Gate
  /** Signs tokens for visitors of the demo page, where it is served. */
  readonly demoDesk?: DemoDesk
  /** Where log lines go; standard error by default. */
  readonly logDestination?: DestinationStream
  /**
   * Nothing but this service runs in the process: metrics tell about the process too, and while much comes its event
   * loop rests, see `readIntervalMs`.
   */
  readonly isOwnProcess?: boolean
  /** Time; the system's by default. */
  readonly scheduler?: Scheduler
}

export interface Assembly {
  readonly observer: ServiceObserver
  readonly registry: Registry
  readonly door: WebSocketDoor
  /** Takes requests below `<basePath>/sync/`. */
  readonly secondDoor: EventStreamDoor
  readonly app: App
  /** Saves, acknowledges and closes every connection; requests are still answered. Never rejects */
  drain(): Promise<DrainReport>
  /** Closes what was opened, after a drain. Never rejects */
  end(report: DrainReport): Promise<void>
}

/** As Vite builds it, beside the compiled server. */
const DEMO_FOLDER = join(import.meta.dirname, '../../demo')
const SWEEP_MS = 1_000
/** How long close frames may take to go out after a drain. */
const GOODBYE_MS = 1_000

/**
 * Everything in the order in which one part needs the other.
 * @throws StartupError, ConfigError: nothing stays open
 */
export const assemble = async (
  config: Config,
  options: AssemblyOptions,
  events: EventSink,
): Promise<Assembly> => {
  const { scheduler = systemScheduler, isOwnProcess = false } = options
  const { gateTimeoutMs } = config
  const now = (): number => scheduler.now()
  const elapsed = (): number => scheduler.elapsed()
  const sweepMs = Math.min(SWEEP_MS, config.heartbeatMs)
  let live: Live | null = null
  const metrics = new Metrics(() => figuresOf(live), isOwnProcess)
  const observer = createObserver(createLogger(config.logLevel, options.logDestination), metrics, now)
  const opened = await openServiceStore({ config, observer, now }, options.openStore)
  const engine = openEngine(config, observer)
  const closeParts = (): Promise<void> => eachInTurn(observer, [() => engine.close(), () => opened.close()])
  try {
    const watched = new WatchedGate({
      gate: await openGate(config, options, { observer, now }),
      observer,
      elapsed,
      gateTimeoutMs,
    })
    const registry = new Registry({
      store: opened.store,
      engine: engine.engine,
      packing: deflatePacking,
      observer,
      scheduler,
      randomId: randomUUID,
      limits: config,
      events,
    })
    opened.compactBy(space => registry.compact(space))
    const gate = revokingGate(watched, registry.desk)
    const admission = new Admission(config)
    const doorOptions: DoorOptions = {
      gate,
      admission,
      spaces: registry,
      observer,
      now,
      elapsed,
      gateTimeoutMs,
      basePath: config.basePath,
      trustedProxies: config.trustProxy,
      // The spaces close what is too slow, with a code, before the heartbeat ends it without.
      heartbeat: {
        beatMs: sweptBeatMs(config.heartbeatMs, sweepMs),
        stuckMs: config.slowPeerDeadlineMs + config.heartbeatMs,
      },
      maxPayloadBytes: Math.max(config.maxFrameBytes, config.maxDocumentBytes),
    }
    const door = new WebSocketDoor({
      ...doorOptions,
      isCompressing: config.compression === 'on',
      readPace: isOwnProcess ? readPaceFor(config, scheduler, observer) : null,
    })
    const secondDoor = new EventStreamDoor(doorOptions)
    const doors = [door, secondDoor]
    const judge = new Judge({ gate, admission, elapsed, gateTimeoutMs })
    const watchers = new Watchers({
      gate,
      desk: registry.desk,
      spaces: registry,
      observer,
      elapsed,
      beatMs: config.heartbeatMs,
      stuckMs: config.slowPeerDeadlineMs + config.heartbeatMs,
    })
    live = { connected: [...doors, watchers], registry }
    const demoDesk = options.demoDesk && new TimelyDemoDesk(options.demoDesk, elapsed, gateTimeoutMs)
    const app = createHttpApp({
      basePath: config.basePath,
      status: () => registry.status,
      metrics: config.metrics === 'on' ? metrics : null,
      demo: config.demo === 'on' ? { folder: DEMO_FOLDER, desk: demoDesk ?? null } : null,
      api: {
        ...createApiGuard(judge, config),
        desk: registry.desk,
        watch: (response, watch) => watchers.watch(response, watch),
        maxUpdateBytes: config.maxFrameBytes,
        slowReaderMs: config.slowPeerDeadlineMs,
        now,
      },
      observer,
    })
    const sweeps = setInterval(() => {
      const [nowMs, elapsedMs] = [now(), elapsed()]
      for (const part of [registry, opened]) attempt(observer, () => part.sweep(nowMs))
      // What times a connection out, or a refusal, must not wait for a clock that was set back.
      for (const part of [...doors, watchers, judge, watched, demoDesk, admission])
        attempt(observer, () => part?.sweep(elapsedMs))
    }, sweepMs)
    return {
      observer,
      registry,
      door,
      secondDoor,
      app,

      async drain() {
        for (const each of doors) each.stopAccepting()
        judge.close()
        demoDesk?.close()
        observer.report('info', 'draining', { connections: connectionsOf(doors) })
        const report = await registry.drain(config.drainDeadlineMs)
        const farewells = [...doors, watchers].map(each => () => each.close(GOODBYE_MS))
        await Promise.all(farewells.map(farewell => eachInTurn(observer, [farewell])))
        clearInterval(sweeps)
        return report
      },

      async end(report) {
        await closeParts()
        const hasLoss = report.unsavedBytes > 0
        observer.report(hasLoss ? 'error' : 'info', hasLoss ? 'ended with unsaved edits' : 'ended', {
          ...report,
        })
      },
    }
  } catch (error) {
    await closeParts()
    throw error
  }
}

const openGate = async (
  config: Config,
  { authorize, gate }: AssemblyOptions,
  { observer, now }: { readonly observer: ServiceObserver; readonly now: () => number },
): Promise<Gate> => {
  if (authorize !== undefined) return createAuthorizeGate(authorize, now)
  if (gate !== undefined) return gate
  const { audience, issuer } = config
  const secret = await resolveSecret(config.secret, config.dataDir)
  observer.report('info', 'tokens are signed with a secret', { source: secret.source })
  if (secret.isWeak) observer.report('warn', 'the secret is shorter than 32 bytes: it may be guessed')
  const skewSeconds = config.clockSkewMs / 1000
  return createGate(createJwtGate({ secret: secret.value, audience, issuer, skewSeconds, now }))
}

const readPaceFor = (
  { readIntervalMs }: Config,
  { elapsed, soon }: Scheduler,
  observer: ServiceObserver,
): ReadPace | null => {
  if (readIntervalMs === 0) return null
  const countedRest = (ms: number): void => {
    observer.count('read_rests')
    rest(ms)
  }
  return new ReadPace({ intervalMs: readIntervalMs, elapsed, soon, rest: countedRest })
}

interface Live {
  readonly connected: readonly { readonly connections: number }[]
  readonly registry: Registry
}

const connectionsOf = (parts: Live['connected']): number =>
  parts.reduce((sum, { connections }) => sum + connections, 0)

const figuresOf = (live: Live | null) => ({
  connections: connectionsOf(live?.connected ?? []),
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
