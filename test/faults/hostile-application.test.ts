/** Ten thousand throws and rejections in everything that an application gives Plenum: nothing of it is left. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { SPACE_EVENT_NAMES } from '../../server/space/events.js'
import { tieToThisProcess } from '../support/lifeline.js'
import { seedFrom } from '../support/rng.js'
import { assert, note, suite } from '../support/suite.js'
import type { HostileResult } from './hostile-application.js'

const test = suite('hostile application')

const run = promisify(execFile)
const APPLICATION = join(import.meta.dirname, 'hostile-application.js')
const FAULTS = 10_000
/** Per fault met between the two looks: less than any promise, error or closure that is kept. */
const ALLOWED_HEAP_BYTES = FAULTS * 200
/** Each must have failed; events are rarer the fewer spaces are degraded. */
const HOOKS = [
  'authorize',
  'log',
  'metrics.count',
  'metrics.render',
  'store.load',
  'store.append',
  'store.reopen',
  'store.attribution',
  'store.members.load',
  'store.catalogue.delete',
  'store.catalogue.find',
  'change',
  ...SPACE_EVENT_NAMES.filter(name => name !== 'quarantined').map(name => `on ${name}`),
]

test(`[Z10] ${FAULTS} throws and rejections leave a process that serves, and nothing else`, {
  timeoutMs: 200_000,
}, async () => {
  const running = run(process.execPath, ['--expose-gc', APPLICATION, String(seedFrom()), String(FAULTS)], {
    maxBuffer: 2 ** 24,
  })
  tieToThisProcess(running.child)
  const { stdout } = await running
  const { faults, uncaught, before, after, read, unsavedBytes } = JSON.parse(stdout) as HostileResult

  const count = Object.values(faults).reduce((sum, one) => sum + one, 0)
  const growth = after.heapBytes - before.heapBytes
  note(`${count} faults; heap ${kilobytes(before.heapBytes)} → ${kilobytes(after.heapBytes)}`)
  assert.equal(uncaught, [])
  assert.ok(count >= FAULTS)
  for (const hook of HOOKS) assert.ok((faults[hook] ?? 0) >= 5, `${hook} failed ${faults[hook] ?? 0} times`)
  assert.is(read, 'all is well')
  assert.is(unsavedBytes, 0)
  assert.equal(after.objects, before.objects)
  assert.equal(after.objects, { Space: 0, Session: 0, Document: 1 }, 'the prototype of a subclass is one')
  assert.equal(after.resources, before.resources)
  assert.ok(growth < ALLOWED_HEAP_BYTES, `the heap grew by ${kilobytes(growth)}`)
})

const kilobytes = (bytes: number): string => `${Math.round(bytes / 1024)} KB`
