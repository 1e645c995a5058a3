/** A stretch of time, and what the server and this process used in it. */
import { setTimeout as pause } from 'node:timers/promises'
import type { RunningServer } from '../targets/target.js'

export interface Stretch<Result = unknown> {
  readonly result: Result
  readonly seconds: number
  readonly cpuSeconds: number
  readonly writtenBytes: number
  /** How much of its core this process used: near 100 %, it is what was measured. */
  readonly loadBusyPercent: number
}

/** Who does a thing less often is compiled later: the slowest of them has what it costs for good after some 25 s. */
const WARM_UP_SECONDS = 25

/**
 * How long the same work is done before a stretch: what a server costs is not what compiling it just in time costs. A
 * stretch below 5 s is a try, and not to wait long for.
 */
export const warmUpSeconds = (stretchSeconds: number): number => Math.min(WARM_UP_SECONDS, 5 * stretchSeconds)

/** @param run resolves when the work that is measured has been done */
export const measure = async <Result>(
  server: RunningServer,
  run: () => Promise<Result>,
): Promise<Stretch<Result>> => {
  const before = server.usage()
  const ownBefore = process.cpuUsage()
  const startMs = performance.now()
  const result = await run()
  const seconds = (performance.now() - startMs) / 1000
  const own = process.cpuUsage(ownBefore)
  const after = server.usage()
  return {
    result,
    seconds,
    cpuSeconds: after.cpuSeconds - before.cpuSeconds,
    writtenBytes: after.writtenBytes - before.writtenBytes,
    loadBusyPercent: ((own.user + own.system) / 1e6 / seconds) * 100,
  }
}

const QUIET_PART = 0.05
const MAX_WAITS = 60

/** Resolves when the server does next to nothing any more: what was asked of it has been done. */
export const untilQuiet = async (server: RunningServer, waitMs = 300): Promise<void> => {
  let before = server.usage().cpuSeconds
  if (Number.isNaN(before)) return pause(waitMs)
  for (let waits = 0; waits < MAX_WAITS; waits++) {
    await pause(waitMs)
    const now = server.usage().cpuSeconds
    if (now - before <= (waitMs / 1000) * QUIET_PART) return
    before = now
  }
}
