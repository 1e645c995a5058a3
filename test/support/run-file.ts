/**
 * One test file in its own process: imports it, runs its suites, and then expects the process to end by
 * itself. Anything that keeps it alive, or that nobody caught, fails the file.
 */
import { pathToFileURL } from 'node:url'
import { sendReport } from './report.js'

const LEAK_GRACE_MS = 3_000

const { setTimeout } = globalThis
const file = process.argv[2]
if (file === undefined) throw new Error('which file?')

process.on('uncaughtException', (error, origin) => fail(`nobody caught this (${origin}):`, error))

let describe: (error: unknown) => string = String
const fail = (what: string, error: unknown): void => {
  sendReport({ type: 'failure', count: 1, text: `  ${what}\n    ${describe(error)}` })
}

// Read by uvu when it is first imported: suites are to run when they are told to.
globalThis.UVU_DEFER = 1
const suites = await import('./suite.js')
describe = suites.describe

const isImported = await import(pathToFileURL(file).href).then(
  () => true,
  error => fail('the file cannot be imported:', error),
)
if (isImported) await suites.runSuites()
else sendReport({ type: 'done', passed: 0 })

setTimeout(() => {
  const handles = process.getActiveResourcesInfo().join(', ')
  fail(`something keeps the process alive ${LEAK_GRACE_MS} ms after the last test:`, handles)
  process.exit(1)
}, LEAK_GRACE_MS).unref()
