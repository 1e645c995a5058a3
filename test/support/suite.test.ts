/** The harness tried on itself: every way in which a test file can be wrong fails the run and is named. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { assert, suite } from './suite.js'

const test = suite('suite')

interface Run {
  readonly code: number
  readonly output: string
  readonly lastLine: string
}

const run = async (args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Run> => {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'run.js'), ...args], {
    env: { ...process.env, CI: '', PLENUM_NO_SKIP: '', PLENUM_SEED: '', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exit = once(child, 'exit')
  const output = await text(child.stdout)
  const [code] = await exit
  return { code, output, lastLine: output.trimEnd().split('\n').at(-1) ?? '' }
}

const fixture = (name: string): string => join(import.meta.dirname, 'fixtures', `${name}.js`)

const fails = async (name: string, closing: string, ...mentions: string[]): Promise<void> => {
  const { code, output, lastLine } = await run([fixture(name)])
  assert.is(lastLine, closing, output)
  assert.is(code, 1)
  for (const mention of mentions) assert.ok(output.includes(mention), `no "${mention}" in:\n${output}`)
}

test('[H1] a passing file passes, its long tests are left out, and the closing line counts', async () => {
  const { code, output, lastLine } = await run([fixture('passing')])
  assert.is(lastLine, '2 passed, 0 failed, 0 skipped', output)
  assert.is(code, 0)
  assert.ok(output.includes('a note to show'))
})

test('[H1] the long run adds the long tests', async () => {
  const { code, lastLine } = await run([fixture('passing'), '--long'])
  assert.is(lastLine, '3 passed, 0 failed, 0 skipped')
  assert.is(code, 0)
})

test('[H1] a file with long tests only is no failure in the usual run', async () => {
  const { code, lastLine } = await run([fixture('only-long'), fixture('passing')])
  assert.is(lastLine, '2 passed, 0 failed, 0 skipped')
  assert.is(code, 0)
})

test('[H1] one failing file among others fails the run', () =>
  fails('assertion', '1 passed, 1 failed, 0 skipped', 'a wrong value', '"red"', '"green"', 'assertion.ts:'))

test('[H1] a grep runs the tests whose title matches', async () => {
  const { code, lastLine } = await run([fixture('assertion'), '--grep', 'right'])
  assert.is(lastLine, '1 passed, 0 failed, 0 skipped')
  assert.is(code, 0)
})

test('[H1] a pattern that matches nothing fails', async () => {
  const { code, lastLine } = await run(['no-file-is-called-this'])
  assert.is(lastLine, '0 passed, 1 failed, 0 skipped')
  assert.is(code, 1)
})

test('[H2] something thrown that is no Error fails', () =>
  fails('no-error', '0 passed, 1 failed, 0 skipped', 'just a string'))

test('[H2] a failing before fails its tests', () =>
  fails('before-fails', '0 passed, 2 failed, 0 skipped', 'no database'))

test('[H2] a failing before.each fails', () =>
  fails('before-each-fails', '0 passed, 1 failed, 0 skipped', 'no table'))

test('[H2] a failing after fails', () =>
  fails('after-fails', '1 passed, 1 failed, 0 skipped', 'cannot clean up'))

test('[H2] a failing after.each fails, also for the tests that it keeps from running', () =>
  fails('after-each-fails', '0 passed, 2 failed, 0 skipped', 'cannot reset'))

test('[H2] a file without tests fails', () =>
  fails('empty', '0 passed, 1 failed, 0 skipped', 'registers no test'))

test('[H2] a file that cannot be imported fails', () =>
  fails('import-fails', '0 passed, 1 failed, 0 skipped', 'broken file'))

test('[H2] a test registered too late fails', () =>
  fails('late', '0 passed, 1 failed, 0 skipped', 'after the file was imported'))

test('[H2] two tests of one title fail', () =>
  fails('same-title', '0 passed, 1 failed, 0 skipped', 'two tests are called "twice"'))

test('[H3] a test that does not settle times out, and the next one runs', () =>
  fails('timeout', '1 passed, 1 failed, 0 skipped', 'timed out after 50 ms'))

test('[H3] a hook that does not settle times out', () =>
  fails('hook-timeout', '0 passed, 1 failed, 0 skipped', 'timed out after 50 ms'))

test('[H3] a test that blocks its process is killed and named', () =>
  fails('blocked', '0 passed, 1 failed, 0 skipped', 'killed', '"spins"'))

test('[H4] a leaked handle fails and is named', () =>
  fails('leak', '1 passed, 1 failed, 0 skipped', 'keeps the process alive', 'TCPServerWrap'))

test('[H4] a process left behind fails, is named and is ended', () =>
  fails(
    'process-left',
    '1 passed, 1 failed, 0 skipped',
    'left processes behind',
    'setTimeout(() => {}, 60000)',
  ))

test('[H4] an unhandled rejection fails', () =>
  fails('rejection', '1 passed, 1 failed, 0 skipped', 'nobody awaited this'))

test('[H4] an exception after the last test fails', () =>
  fails('late-exception', '1 passed, 1 failed, 0 skipped', 'after the last test'))

test('[H4] a process that ends before its tests fails', () =>
  fails('exits', '0 passed, 1 failed, 0 skipped', 'exit code 0', '"exits"'))

test('[H4] an exit code set by a test fails', () =>
  fails('exit-code', '1 passed, 1 failed, 0 skipped', 'exit code 7'))

test('[H5] a skipped test counts and shows its reason', async () => {
  const { code, output, lastLine } = await run([fixture('skips')])
  assert.is(lastLine, '1 passed, 0 failed, 1 skipped')
  assert.is(code, 0)
  assert.ok(output.includes('needs a tool: no such tool'))
})

for (const env of [{ CI: 'true' }, { PLENUM_NO_SKIP: '1' }]) {
  test(`[H5] a skipped test fails a run that must prove everything (${Object.keys(env)})`, async () => {
    const { code, output, lastLine } = await run([fixture('skips')], env)
    assert.is(lastLine, '1 passed, 1 failed, 1 skipped')
    assert.is(code, 1)
    assert.ok(output.includes('may not skip "needs a tool": no such tool'))
  })
}

test('[H6] a seed is shown, and the same seed draws the same', async () => {
  const first = await run([fixture('seeded')])
  const seed = /PLENUM_SEED=(\d+)/.exec(first.output)?.[1]
  const drawn = /drew .*/.exec(first.output)?.[0]
  assert.ok(seed !== undefined && drawn !== undefined, first.output)
  const again = await run([fixture('seeded')], { PLENUM_SEED: seed as string })
  assert.is(/drew .*/.exec(again.output)?.[0], drawn)
})
