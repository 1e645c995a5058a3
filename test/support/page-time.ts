/**
 * Time in a page, moved by the test: timers wait for it, and who started each is known. Tasks that are due at once
 * run as ever.
 */
import type { Page } from 'puppeteer'

export interface StartedTimer {
  readonly delayMs: number
  /** Who started it. */
  readonly stack: string
}

interface PageTime {
  advance(byMs: number): void
  readonly started: StartedTimer[]
  readonly active: ReadonlyMap<number, unknown>
}

declare global {
  var pageTime: PageTime
}

/** Takes over the time of every document that the page loads from now on. */
export const takeOverTime = async (page: Page): Promise<void> => {
  await page.evaluateOnNewDocument(() => {
    const { setInterval: realInterval } = globalThis
    const beganMs = Date.now()
    const active = new Map<number, { dueMs: number; everyMs: number | null; task: () => void }>()
    const started: StartedTimer[] = []
    let nowMs = 0
    let lastId = 0
    const start = (everyMs: number | null, delayMs: number, task: () => void): number => {
      started.push({ delayMs, stack: new Error('started here').stack ?? '' })
      active.set(++lastId, { dueMs: nowMs + delayMs, everyMs, task })
      return lastId
    }
    const runDue = (untilMs: number): void => {
      while (true) {
        const [id, timer] = [...active].toSorted(([, a], [, b]) => a.dueMs - b.dueMs)[0] ?? []
        if (id === undefined || timer === undefined || timer.dueMs > untilMs) return
        nowMs = Math.max(nowMs, timer.dueMs)
        if (timer.everyMs === null) active.delete(id)
        else timer.dueMs += Math.max(1, timer.everyMs)
        timer.task()
      }
    }
    type Task = (...args: unknown[]) => void
    const stop = (id?: number): void => void active.delete(Number(id))
    Object.assign(globalThis, {
      setTimeout: (task: Task, delayMs = 0, ...args: unknown[]) => start(null, delayMs, () => task(...args)),
      setInterval: (task: Task, everyMs = 0, ...args: unknown[]) =>
        start(everyMs, everyMs, () => task(...args)),
      clearTimeout: stop,
      clearInterval: stop,
      pageTime: {
        started,
        active,
        advance: (byMs: number) => {
          const untilMs = nowMs + byMs
          runDue(untilMs)
          nowMs = untilMs
        },
      },
    })
    Date.now = () => beganMs + nowMs
    performance.now = () => nowMs
    realInterval(() => runDue(nowMs), 5)
  })
}
