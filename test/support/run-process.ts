/**
 * The process of one test file, seen from outside: started in its own process group, watched by its reports,
 * killed when it is silent for longer than it announced, and left with no process behind.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import type { Report } from './report.js'

export interface FileOptions {
  readonly name: string
  readonly isLong: boolean
  /** Only tests whose title contains this. */
  readonly grep: string
  /** A skipped test is a failure. */
  readonly mustNotSkip: boolean
}

export interface FileResult {
  readonly name: string
  readonly passed: number
  readonly failed: number
  readonly skips: readonly { readonly title: string; readonly reason: string }[]
  readonly notes: readonly string[]
  readonly failures: readonly string[]
  /** The end of what the file printed. */
  readonly output: string
  readonly elapsedMs: number
}

/** Longer than any pause between reports: importing, the leak check, a busy machine. */
const GRACE_MS = 15_000
/** A test that blocks its process cannot time itself out; the runner gives it this much longer. */
const TEST_GRACE_MS = 5_000
const FILE_LIMIT_MS = { usual: 300_000, long: 3_600_000 }
const MAX_OUTPUT_CHARACTERS = 100_000

const running = new Set<ChildProcess>()

export const runFile = async (file: string, options: FileOptions): Promise<FileResult> => {
  const startedMs = performance.now()
  const failures: string[] = []
  const notes: string[] = []
  const skips: { title: string; reason: string }[] = []
  let [passed, failed, output, isDone, doing] = [0, 0, '', false, 'importing']
  const fail = (text: string, count = 1): void => {
    failures.push(text)
    failed += count
  }

  const child = start(file, options)
  running.add(child)
  const kill = (why: string): void => {
    fail(`  killed: ${why}`)
    killGroup(child)
  }
  const silence = watch(() => kill(`no sign of life for too long while ${doing}`))
  const total = watch(() => kill(`the file took too long, while ${doing}`))
  const limitMs = options.isLong ? FILE_LIMIT_MS.long : FILE_LIMIT_MS.usual
  silence.set(GRACE_MS)
  total.set(limitMs)

  const onReport = (report: Report): void => {
    // The other reports come from within a test, and say nothing about how long it may still take.
    if (report.type === 'plan' || report.type === 'end' || report.type === 'done') silence.set(GRACE_MS)
    switch (report.type) {
      case 'plan':
        total.set(limitMs + report.limitMs)
        break
      case 'start':
        doing = `"${report.title}"`
        silence.set(report.timeoutMs + TEST_GRACE_MS)
        break
      case 'end':
        doing = `between tests, after "${report.title}"`
        break
      case 'note':
        notes.push(report.text)
        break
      case 'skip':
        skips.push(report)
        if (options.mustNotSkip) fail(`  this run may not skip "${report.title}": ${report.reason}`)
        break
      case 'failure':
        fail(report.text, report.count)
        break
      case 'done':
        passed = report.passed
        isDone = true
        doing = 'ending'
    }
  }

  for (const stream of [child.stdout, child.stderr] as Readable[]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-MAX_OUTPUT_CHARACTERS)
    })
  }
  const reports = createInterface({ input: child.stdio[3] as Readable })
  reports.on('line', line => onReport(JSON.parse(line) as Report))
  const reportsEnded = once(reports, 'close')

  const closed = once(child, 'close')
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null]
  silence.clear()
  total.clear()
  const left = await leftBehind(child.pid as number)
  if (left.length > 0) fail(`  left processes behind: ${left.join('; ')}`)
  killGroup(child)
  await closed
  await reportsEnded
  running.delete(child)

  const ending = signal ?? `exit code ${code}`
  if (!isDone && failed === 0) fail(`  the process ended (${ending}) while ${doing}`)
  else if (code !== 0 && failed === 0) fail(`  the process ended with ${ending} after its last test`)
  return {
    name: options.name,
    passed,
    failed,
    skips,
    notes,
    failures,
    output,
    elapsedMs: performance.now() - startedMs,
  }
}

/** For when the run itself is stopped. */
export const killRunningFiles = (): void => {
  for (const child of running) killGroup(child)
}

const start = (file: string, options: FileOptions): ChildProcess =>
  spawn(
    process.execPath,
    ['--enable-source-maps', '--expose-gc', join(import.meta.dirname, 'run-file.js'), file],
    {
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      // Its own process group, so that what it starts can be found and ended with it.
      detached: true,
      env: {
        ...process.env,
        PLENUM_TEST_LONG: options.isLong ? '1' : '0',
        PLENUM_TEST_GREP: options.grep,
      },
    },
  )

const killGroup = ({ pid }: ChildProcess): void => {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // Nobody is left in the group.
  }
}

const watch = (onLate: () => void) => {
  let timer: NodeJS.Timeout | undefined
  const clear = (): void => clearTimeout(timer)
  return {
    clear,
    set: (ms: number): void => {
      clear()
      timer = setTimeout(onLate, ms)
    },
  }
}

/** Command lines still alive in a process group, where /proc tells; what is just ending gets a second. */
const leftBehind = async (group: number): Promise<string[]> => {
  let left = groupMembers(group)
  for (let round = 0; left.length > 0 && round < 10; round++) {
    await new Promise(resolve => setTimeout(resolve, 100))
    left = groupMembers(group)
  }
  return left
}

const groupMembers = (group: number): string[] => {
  let pids: string[] = []
  try {
    pids = readdirSync('/proc').filter(name => /^\d+$/.test(name))
  } catch {
    return []
  }
  return pids.flatMap(pid => {
    try {
      // "pid (name) state ppid pgrp …"; the name may hold spaces and parentheses.
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      const [state, , pgrp] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      if (Number(pgrp) !== group || state === 'Z') return []
      return [readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()]
    } catch {
      return []
    }
  })
}
