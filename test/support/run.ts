/**
 * The test run: `node dist/test/support/run.js [part of a path…] [--long] [--grep TEXT] [--jobs N] [--verbose]`.
 * Each test file gets a fresh process; files named `*.alone.test.ts` run when nothing else does. The closing
 * line counts, and the exit code is 0 only where nothing failed.
 */
import { existsSync, readdirSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { type FileResult, killRunningFiles, runFile } from './run-process.js'

const { values: flags, positionals: patterns } = parseArgs({
  allowPositionals: true,
  options: {
    long: { type: 'boolean', default: false },
    grep: { type: 'string', default: '' },
    jobs: { type: 'string', default: '2' },
    verbose: { type: 'boolean', default: false },
  },
})

const compiledRoot = resolve(import.meta.dirname, '../..')
const root = resolve(compiledRoot, '..')
/** A run that must prove everything, as CI's, does not accept a skipped test. */
const mustNotSkip = process.env.PLENUM_NO_SKIP === '1' || process.env.CI === 'true'

const nameOf = (compiled: string): string => relative(compiledRoot, compiled).replace(/\.js$/, '.ts')

/** Compiled test files whose source still exists. */
const testFiles = (): string[] =>
  readdirSync(join(compiledRoot, 'test'), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.test.js'))
    .map(name => join(compiledRoot, 'test', name))
    .filter(file => existsSync(join(root, nameOf(file))))
    .sort()

const chosenFiles = (): string[] => {
  if (patterns.length === 0) return testFiles()
  // A pattern that is a compiled file is run as such: the fixtures of the runner's own tests are not test files.
  const isFile = (pattern: string): boolean => pattern.endsWith('.js') && existsSync(pattern)
  const named = patterns.filter(isFile).map(pattern => resolve(pattern))
  const parts = patterns.filter(pattern => !isFile(pattern))
  return [...named, ...testFiles().filter(file => parts.some(part => nameOf(file).includes(part)))]
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`
const count = (ofWhat: (result: FileResult) => number): number =>
  results.reduce((sum, result) => sum + ofWhat(result), 0)
const print = (text: string): void => console.log(text)

const printResult = (result: FileResult): void => {
  const skipped = result.skips.length > 0 ? `, ${result.skips.length} skipped` : ''
  const outcome =
    result.failed > 0 ? `FAIL  ${result.name}: ${result.failed} failed,` : `ok    ${result.name}:`
  print(`${outcome} ${result.passed} passed${skipped} (${seconds(result.elapsedMs)})`)
  for (const text of result.notes) print(`        ${text}`)
  for (const { title, reason } of result.skips) print(`      skipped: ${title}: ${reason}`)
  if (result.failed === 0 && !flags.verbose) return
  for (const text of result.failures) print(`\n${text.trimEnd()}\n`)
  if (result.output !== '') print(`  --- output of ${result.name}\n${result.output.trimEnd()}\n  ---`)
}

const results: FileResult[] = []

const runAll = async (queue: string[], jobs: number): Promise<void> => {
  const worker = async (): Promise<void> => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      const result = await runFile(file, {
        name: nameOf(file),
        isLong: flags.long,
        grep: flags.grep,
        mustNotSkip,
      })
      results.push(result)
      printResult(result)
    }
  }
  await Promise.all(Array.from({ length: jobs }, worker))
}

// However the run ends, no test outlives it: not at a signal, nor when whoever reads its output has gone.
process.on('exit', killRunningFiles)
process.stdout.on('error', () => process.exit(1))
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(1))

const jobs = Math.max(1, Number(flags.jobs) || 1)
const files = chosenFiles()
const isAlone = (file: string): boolean => file.endsWith('.alone.test.js')
await runAll(
  files.filter(file => !isAlone(file)),
  jobs,
)
await runAll(files.filter(isAlone), 1)

const slowest = results.toSorted((a, b) => b.elapsedMs - a.elapsedMs).slice(0, 5)
print(`\nslowest: ${slowest.map(({ name, elapsedMs }) => `${name} ${seconds(elapsedMs)}`).join(', ')}`)
const broken = results.filter(({ failed }) => failed > 0)
if (broken.length > 0) print(`failing: ${broken.map(({ name }) => name).join(', ')}`)
const nothing = files.length === 0 || (count(r => r.passed + r.failed + r.skips.length) === 0 && !flags.long)
if (nothing) print(`nothing to run for: ${[...patterns, flags.grep].join(' ')}`)
const failed = count(r => r.failed) + (nothing ? 1 : 0)
print(`${count(r => r.passed)} passed, ${failed} failed, ${count(r => r.skips.length)} skipped`)
process.exitCode = failed > 0 ? 1 : 0
