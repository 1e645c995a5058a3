/** Metrics in the Prometheus format. Labels come from closed sets of our own: never a user, space or address. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { COUNTED_EVENTS, type CountedEvent, TIMED_EVENTS, type TimedEvent } from '../space/observer.js'

/** Seconds: from a fast disk's sync to one that is about to be given up. */
const DURATION_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10]

/** How often the event loop's delay is looked at; each look wakes an idle server. */
const LOOP_DELAY_STEP_MS = 100

/** What is read at the moment of a scrape. */
export interface LiveFigures {
  readonly connections: number
  readonly spaces: number
  readonly uncommittedBytes: number
  readonly isDegraded: boolean
  readonly isDraining: boolean
}

export class Metrics {
  readonly #registry = new Registry()
  /** Counted several times per edit: a plain number each, read at a scrape. */
  readonly #counts: Record<CountedEvent, number>
  readonly #durations = new Map<TimedEvent, Histogram>()
  readonly #opened: Counter<'dialect' | 'door'>
  readonly #refused: Counter<'code'>
  readonly #refusedRequests: Counter<'code'>
  readonly #closed: Counter<'dialect' | 'cause' | 'door'>

  /** @param isWithProcess also the process's own figures (memory, event loop, collections) */
  constructor(figures: () => LiveFigures, isWithProcess: boolean) {
    const registers = [this.#registry]
    const events = Object.keys(COUNTED_EVENTS) as CountedEvent[]
    this.#counts = Object.fromEntries(events.map(event => [event, 0])) as Record<CountedEvent, number>
    const counts = this.#counts
    for (const event of events) {
      new Counter({
        name: `plenum_${event}_total`,
        help: COUNTED_EVENTS[event],
        registers,
        collect() {
          this.reset()
          this.inc(counts[event])
        },
      })
    }
    for (const [event, help] of Object.entries(TIMED_EVENTS)) {
      const name = `plenum_${event}_seconds`
      this.#durations.set(
        event as TimedEvent,
        new Histogram({ name, help, buckets: DURATION_BUCKETS, registers }),
      )
    }
    this.#opened = new Counter({
      name: 'plenum_connections_opened_total',
      help: 'Connections let in',
      labelNames: ['dialect', 'door'],
      registers,
    })
    this.#refused = new Counter({
      name: 'plenum_upgrades_refused_total',
      help: 'Upgrades, and requests of the second door, that were refused, by error code',
      labelNames: ['code'],
      registers,
    })
    this.#refusedRequests = new Counter({
      name: 'plenum_requests_refused_total',
      help: 'Other requests over HTTP, those of the API above all, that were refused, by error code',
      labelNames: ['code'],
      registers,
    })
    this.#closed = new Counter({
      name: 'plenum_connections_closed_total',
      help: 'Connections ended, by error code or other cause',
      labelNames: ['dialect', 'cause', 'door'],
      registers,
    })
    this.#gauge('plenum_connections', 'Connections open', () => figures().connections)
    this.#gauge('plenum_spaces', 'Spaces in memory', () => figures().spaces)
    this.#gauge(
      'plenum_uncommitted_bytes',
      'Edits applied and not yet on disk',
      () => figures().uncommittedBytes,
    )
    this.#gauge('plenum_degraded', '1 while storage does not take writes', () => Number(figures().isDegraded))
    this.#gauge('plenum_draining', '1 while the server shuts down', () => Number(figures().isDraining))
    if (isWithProcess) {
      collectDefaultMetrics({ register: this.#registry, eventLoopMonitoringPrecision: LOOP_DELAY_STEP_MS })
    }
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  count(event: CountedEvent, by = 1): void {
    this.#counts[event] += by
  }

  timed(event: TimedEvent, durationMs: number): void {
    this.#durations.get(event)?.observe(durationMs / 1000)
  }

  opened(dialect: string, door: string): void {
    this.#opened.inc({ dialect, door })
  }

  refused(code: string): void {
    this.#refused.inc({ code })
  }

  refusedRequest(code: string): void {
    this.#refusedRequests.inc({ code })
  }

  closed(dialect: string, cause: string, door: string): void {
    this.#closed.inc({ dialect, cause, door })
  }

  /** The text of one scrape. */
  render(): Promise<string> {
    return this.#registry.metrics()
  }

  #gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name,
      help,
      registers: [this.#registry],
      collect() {
        this.set(read())
      },
    })
  }
}
