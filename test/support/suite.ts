/**
 * uvu behind a thin wrapper: suites run by themselves, every test and hook has a timeout, and what uvu lets
 * pass (a failing `before`, a failing `after.each`, an empty file) fails the run. Files run through `run.ts`.
 */
import { suite as uvuSuite } from 'uvu'
import { sendReport } from './report.js'

export * as assert from 'uvu/assert'

export const DEFAULT_TIMEOUT_MS = 30_000

/** True in `npm run test:long`: fuzz and fault tests then run more rounds. */
export const isLongRun = process.env.PLENUM_TEST_LONG === '1'

export type Body = () => void | Promise<void>

export interface TestOptions {
  readonly timeoutMs?: number
}

export interface Register {
  (title: string, body: Body): void
  (title: string, options: TestOptions, body: Body): void
}

export type Hook = (body: Body, options?: TestOptions) => void

export interface Suite extends Register {
  /** Registered in the long run only. */
  readonly long: Register
  /** Runs unless there is a reason not to; the reason is printed and the test counts as skipped. */
  skipIf(reason: string | null, title: string, options: TestOptions, body: Body): void
  skipIf(reason: string | null, title: string, body: Body): void
  readonly before: Hook & { readonly each: Hook }
  readonly after: Hook & { readonly each: Hook }
}

type UvuResult = [errors: string | true, passed: number, skipped: number, total: number]

declare global {
  var UVU_DEFER: number | undefined
  var UVU_QUEUE: (() => Promise<UvuResult>)[][]
}

if (globalThis.UVU_DEFER === undefined) {
  throw new Error('test files run through the runner: node dist/test/support/run.js <part of the path>')
}

// A test may replace the global timers by a fake clock; the timeouts below keep the real ones.
const { setTimeout, clearTimeout } = globalThis

interface Registered {
  readonly name: string
  readonly start: () => void
  /** What hooks threw: uvu's runner loses it. */
  readonly hookErrors: unknown[]
  tests: number
  /** Test bodies that settled well. */
  finished: number
}

const suites: Registered[] = []
const titlesTold = new Set<string>()
let extraLimitMs = 0
let unregistered = 0
let isClosed = false

/** A named group of tests with its own hooks. It runs by itself once the file is imported. */
export const suite = (name: string): Suite => {
  const inner = uvuSuite(name)
  const registered: Registered = { name, start: inner.run, hookErrors: [], tests: 0, finished: 0 }
  suites.push(registered)

  const register = (title: string, options: TestOptions, body: Body): void => {
    if (isClosed) throw new Error(`"${title}" was registered after the file was imported`)
    if (titlesTold.has(title)) throw new Error(`two tests are called "${title}"`)
    titlesTold.add(title)
    if (!title.includes(process.env.PLENUM_TEST_GREP ?? '')) {
      unregistered++
      return
    }
    registered.tests++
    extraLimitMs += options.timeoutMs ?? 0
    inner(title, async () => {
      await within(title, options, body)
      registered.finished++
    })
  }

  const hook =
    (kind: string, add: (body: Body) => void): Hook =>
    (body, options = {}) => {
      extraLimitMs += options.timeoutMs ?? 0
      add(async () => {
        try {
          await within(`${name}: ${kind}`, options, body)
        } catch (error) {
          registered.hookErrors.push(error)
          throw error
        }
      })
    }

  return Object.assign((title: string, ...rest: Rest) => register(title, ...split(rest)), {
    long: (title: string, ...rest: Rest) => {
      if (isLongRun) register(title, ...split(rest))
      else unregistered++
    },
    skipIf: (reason: string | null, title: string, ...rest: Rest) => {
      if (reason === null) return register(title, ...split(rest))
      unregistered++
      sendReport({ type: 'skip', title, reason })
    },
    before: Object.assign(hook('before', inner.before), { each: hook('before.each', inner.before.each) }),
    after: Object.assign(hook('after', inner.after), { each: hook('after.each', inner.after.each) }),
  })
}

/** Shows a line under the file's result although it passes: a seed, a count of rounds. */
export const note = (text: string): void => sendReport({ type: 'note', text })

/** Runs what the imported file registered; for `run-file.ts` alone. */
export const runSuites = async (): Promise<void> => {
  isClosed = true
  const tests = suites.reduce((sum, { tests }) => sum + tests, 0)
  sendReport({ type: 'plan', tests, limitMs: extraLimitMs })
  if (tests + unregistered === 0) {
    sendReport({ type: 'failure', count: 1, text: 'the file registers no test' })
  }
  let passed = 0
  for (const registered of suites) if (registered.tests > 0) passed += await runSuite(registered)
  sendReport({ type: 'done', passed })
}

const runSuite = async (registered: Registered): Promise<number> => {
  const { name, start, hookErrors, tests } = registered
  globalThis.UVU_QUEUE = [[]]
  start()
  let errors: string | true = true
  let passed = 0
  try {
    // uvu's runner returns from a `finally`, so that an error outside of a test body reaches nobody: what
    // counts is the number of tests that passed, and the errors that the hooks left here.
    for (const run of globalThis.UVU_QUEUE[0] ?? []) [errors, passed] = await run()
  } catch (error) {
    // Only an `after` gets here: it takes uvu's result with it.
    passed = registered.finished
    if (!hookErrors.includes(error)) hookErrors.push(error)
  }
  if (passed === tests && hookErrors.length === 0) return passed
  const texts = hookErrors.map(error => `  a hook of "${name}" failed\n    ${describe(error)}`)
  if (errors !== true) texts.unshift(errors)
  if (texts.length === 0) texts.push(`  ${tests - passed} tests of "${name}" did not run`)
  sendReport({ type: 'failure', count: Math.max(1, tests - passed), text: texts.join('\n') })
  return passed
}

type Rest = [body: Body] | [options: TestOptions, body: Body]

const split = (rest: Rest): [TestOptions, Body] => (rest.length === 1 ? [{}, rest[0]] : rest)

const within = async (title: string, options: TestOptions, body: Body): Promise<void> => {
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS
  const startedMs = performance.now()
  sendReport({ type: 'start', title, timeoutMs })
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`timed out after ${timeoutMs} ms`)), timeoutMs)
  })
  try {
    await Promise.race([Promise.resolve().then(body), timeout])
  } catch (error) {
    // uvu formats `name`, `message` and `stack`, and trips over anything without them.
    throw error instanceof Error ? error : new Error(`thrown: ${String(error)}`)
  } finally {
    clearTimeout(timer)
    sendReport({ type: 'end', title, elapsedMs: performance.now() - startedMs })
  }
}

/** An error with its causes, as text. */
export const describe = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  const details = 'details' in error && typeof error.details === 'string' ? `\n${error.details}` : ''
  const cause = error.cause === undefined ? '' : `\ncaused by: ${describe(error.cause)}`
  return `${error.stack ?? error.message}${details}${cause}`
}
