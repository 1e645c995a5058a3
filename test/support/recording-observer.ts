/** An observer that remembers what it was told. */
import type { CountedEvent, Observer, TimedEvent } from '../../server/space/observer.js'
import type { LogLevel } from '../../shared/errors.js'

export interface Reported {
  readonly level: LogLevel
  readonly what: string
  readonly details: Readonly<Record<string, unknown>>
}

export class RecordingObserver implements Observer {
  readonly reports: Reported[] = []
  readonly timings: { readonly event: TimedEvent; readonly durationMs: number }[] = []
  readonly #counts = new Map<CountedEvent, number>()

  count(event: CountedEvent, by = 1): void {
    this.#counts.set(event, this.counted(event) + by)
  }

  timed(event: TimedEvent, durationMs: number): void {
    this.timings.push({ event, durationMs })
  }

  report(level: LogLevel, what: string, details: Readonly<Record<string, unknown>> = {}): void {
    this.reports.push({ level, what, details })
  }

  counted(event: CountedEvent): number {
    return this.#counts.get(event) ?? 0
  }
}
