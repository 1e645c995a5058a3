/** The bench itself, run as users run it, small: it ends with a table, the figures of every run, and a page. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import type { BenchReport } from '../../bench/report/report.js'
import { tieToThisProcess } from '../support/lifeline.js'
import { startServer } from '../support/server-process.js'
import { assert, suite } from '../support/suite.js'
import { removeFolder, temporaryFolder } from '../support/temporary-folder.js'

const test = suite('bench: run')

const RUN = resolve(import.meta.dirname, '../../bench/run.js')
const SMALL = ['--scenario', 'fanout', '--clients', '5', '--writers', '2', '--rate', '10', '--seconds', '1']

interface Ended {
  readonly code: number
  readonly out: string
  readonly err: string
}

const bench = async (...args: string[]): Promise<Ended> => {
  const child = spawn(process.execPath, [RUN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  tieToThisProcess(child)
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
  return { code: code as number, out, err }
}

const benchInto = async (...args: string[]): Promise<Ended & { report: BenchReport; page: string }> => {
  const folder = temporaryFolder('bench-out')
  const ended = await bench(...args, '--out', folder)
  assert.is(ended.code, 0, ended.err)
  const read = (ending: string): string =>
    readFileSync(join(folder, readdirSync(folder).find(name => name.endsWith(ending))!), 'utf8')
  const result = { ...ended, report: JSON.parse(read('.json')) as BenchReport, page: read('.html') }
  removeFolder(folder)
  return result
}

test('[Y4] a scenario against a server of its own ends with a table, every figure and a page', {
  timeoutMs: 60_000,
}, async () => {
  const { out, err, page, report } = await benchInto(...SMALL, '--targets', 'plenum')
  assert.match(out, /\| \*\*fanout\*\* \| server CPU per edit delivered, µs \|/)
  assert.match(err, /round 1: fanout on plenum \(1\/1\)/)
  const [result] = report.scenarios[0]!.results
  assert.is(result!.failure, null)
  for (const name of ['server CPU per edit delivered', 'edit → peer, p99', 'wire per client']) {
    assert.ok(result!.figures![name]!.value > 0, name)
  }
  assert.match(page, /<svg/)
  assert.not.match(page, /<(script|link|img)/)
})

test('[Y4] a server that runs already is measured by its address, with CPU figures where its process is known', {
  timeoutMs: 60_000,
}, async () => {
  const server = await startServer()
  const to = [...SMALL, '--url', server.syncUrl, '--token', await server.token('bench')]
  const cpuOf = ({ report }: { report: BenchReport }) =>
    report.scenarios[0]!.results[0]!.figures!['server CPU per edit delivered']!.value
  assert.is(cpuOf(await benchInto(...to)), null)
  assert.ok(cpuOf(await benchInto(...to, '--pid', String(server.pid))) >= 0)
  await server.dispose()
})

test('[Y4] a run that fails is named, and so is a wrong option, in one line and with an exit code', async () => {
  const wrong = await bench('--scenario', 'nothing')
  assert.is(wrong.code, 1)
  assert.match(wrong.err, /^bench: --scenario: no nothing; there are fanout, [^\n]*\n$/)
  const folder = temporaryFolder('bench-out')
  const failed = await bench(...SMALL, '--url', 'ws://127.0.0.1:1/sync', '--out', folder)
  assert.is(failed.code, 1)
  assert.match(failed.err, /bench: fanout on ws:\/\/127\.0\.0\.1:1\/sync, round 1, failed: .*ECONNREFUSED/)
  removeFolder(folder)
})
