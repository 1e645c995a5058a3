/** Threads that hang, die or run out of memory: whose call it was is known, and the others only lose their place. */
import { readdirSync, readFileSync } from 'node:fs'
import { constants, getPriority } from 'node:os'
import { WorkerEngine } from '../../../server/engine-threads/worker-engine.js'
import { DocumentLost, type EngineInput, EngineStuck } from '../../../server/space/engine.js'
import type { SpaceName } from '../../../shared/names.js'
import { CountingObserver } from '../../support/core.js'
import { assert, suite } from '../../support/suite.js'
import { until } from '../../support/until.js'
import { Writer } from '../../support/writer.js'

const test = suite('broken threads')

// What only a thread understands; importing the file here would begin one.
const SCRIPT = new URL('../../support/breaking-thread.js', import.meta.url)
const HANG = 'HANG-THE-THREAD'
const EXHAUST = 'EXHAUST-ITS-MEMORY'
const EXIT = 'END-THE-THREAD'
const DAWDLE = 'TAKE-A-WHILE'

const [A, B, C] = ['a', 'b', 'c'] as SpaceName[] as [SpaceName, SpaceName, SpaceName]

const typed = (text: string): Uint8Array => new Writer().type(text).update
const input = (text: string): EngineInput => ({
  kind: 'update',
  update: typed(text),
  mayEdit: true,
  mayGrow: true,
})

const withEngine = async (
  body: (engine: WorkerEngine, observer: CountingObserver) => Promise<void>,
): Promise<void> => {
  const observer = new CountingObserver()
  const engine = new WorkerEngine({
    threads: 1,
    observer,
    script: SCRIPT,
    timeoutMs: 700,
    maxHeapBytes: 64 * 2 ** 20,
  })
  try {
    await body(engine, observer)
  } finally {
    await engine.terminate()
  }
}

const failureOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => null,
    error => error,
  )

for (const [what, word] of Object.entries({ hangs: HANG, 'runs out of memory': EXHAUST, ends: EXIT })) {
  test(`[Q1] [Q2] an update with which the thread ${what} is named, and its thread begun again`, () =>
    withEngine(async (engine, observer) => {
      await Promise.all([engine.open(A, []), engine.open(B, [typed('of b')])])
      const result = await engine.apply(A, [input('one'), input(word), input('three')])
      assert.is(result.type, 'broken')
      if (result.type !== 'broken') return
      // Of what dies at once nobody knows whether it was the one that did it.
      assert.is(result.offender, word === HANG ? 1 : null)
      assert.instance(result.cause, EngineStuck)
      assert.is(observer.of('thread_restarts'), 1)
      assert.equal(observer.reports.at(-1)?.details.space, A)
      assert.is(engine.size, 0)
      // The one beside it did nothing wrong.
      assert.instance(await failureOf(engine.stateVector(B)), DocumentLost)
      assert.instance(await failureOf(engine.apply(B, [])), DocumentLost)
      await engine.open(B, [typed('of b')])
      assert.is((await engine.apply(B, [input('more')])).type, 'applied')
      await engine.open(A, [])
      assert.is((await engine.apply(A, [input('again')])).type, 'applied')
    }))
}

test('[Q1] where a whole batch takes too long, and none of it alone, none is named', () =>
  withEngine(async engine => {
    await engine.open(A, [])
    const result = await engine.apply(
      A,
      Array.from({ length: 100 }, () => input(DAWDLE)),
    )
    assert.is(result.type === 'broken' && result.offender, null)
    await engine.open(A, [])
    assert.is((await engine.apply(A, [input(DAWDLE)])).type, 'applied')
  }))

test('[Q2] calls that wait behind a stuck one are lost, and a load among them is begun again', () =>
  withEngine(async (engine, observer) => {
    await Promise.all([engine.open(A, []), engine.open(B, [])])
    const [stuck, lost, loaded] = await Promise.all([
      engine.apply(A, [input(HANG)]),
      failureOf(engine.diff(B, null)),
      engine.open(C, [typed('of c')]),
    ])
    assert.is(stuck.type, 'broken')
    assert.instance(lost, DocumentLost)
    assert.is(loaded, undefined)
    assert.ok((await engine.diff(C, null)).length > 2)
    assert.is(observer.of('thread_restarts'), 1)
  }))

test('[Q3] a space whose load hangs is told so, and lives apart from then on', { timeoutMs: 90_000 }, () =>
  withEngine(async (engine, observer) => {
    await engine.open(B, [])
    assert.instance(await failureOf(engine.open(A, [typed(HANG)])), EngineStuck)
    await engine.open(B, [])
    // Its second time is not in the thread of the others.
    assert.instance(await failureOf(engine.open(A, [typed(HANG)])), EngineStuck)
    assert.is((await engine.apply(B, [input('still there')])).type, 'applied')
    assert.is(observer.of('thread_restarts'), 2)
  }),
)

test('[Q4] a large message to one of several moves its space to a thread apart, as it is', () =>
  withEngine(async (engine, observer) => {
    await Promise.all([engine.open(A, [typed('of a')]), engine.open(B, [])])
    const before = await engine.diff(A, null)
    const result = await engine.apply(A, [input('x'.repeat(50_000))])
    assert.is(result.type, 'applied')
    assert.is(observer.of('moved_apart'), 1)
    assert.ok((await engine.diff(A, null)).length > before.length + 50_000)
    // Whatever happens there is nothing to the others.
    assert.is((await engine.apply(A, [input(HANG)])).type, 'broken')
    assert.is((await engine.apply(B, [input('still there')])).type, 'applied')
    assert.is(engine.size, 1)
  }))

/** What each thread of this process has given up of its priority, told by the kernel. */
const niceOfThreads = (): number[] =>
  readdirSync('/proc/self/task').flatMap(thread => {
    const stat = statOf(thread)
    // Behind "id (name) " stands the third field; the nineteenth is the nice value.
    return stat === null ? [] : [Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16])]
  })

/** Null where it has ended meanwhile. */
const statOf = (thread: string): string | null => {
  try {
    return readFileSync(`/proc/self/task/${thread}/stat`, 'utf8')
  } catch {
    return null
  }
}

test.skipIf(
  process.platform === 'linux' ? null : 'threads have priorities of their own on Linux',
  '[Q4] the thread apart gives way to the others',
  () =>
    withEngine(async engine => {
      const usual = getPriority()
      await Promise.all([engine.open(A, []), engine.open(B, [])])
      // The kernel may list the thread of a test before this one a moment longer than it was waited for.
      await until('every thread has the usual priority', () => niceOfThreads().every(nice => nice === usual))
      await engine.apply(A, [input('x'.repeat(50_000))])
      assert.equal(
        niceOfThreads().filter(nice => nice !== usual),
        [Math.min(usual + constants.priority.PRIORITY_BELOW_NORMAL, constants.priority.PRIORITY_LOW)],
      )
    }),
)

test('[Q2] an engine that was ended answers nobody, and leaves no thread', async () => {
  let ended: WorkerEngine | null = null
  await withEngine(async (engine, observer) => {
    ended = engine
    await engine.open(A, [])
    const waiting = failureOf(engine.apply(A, [input(HANG)]))
    await engine.terminate()
    assert.instance(await waiting, DocumentLost)
    assert.is(observer.of('thread_restarts'), 0)
  })
  await ended!.terminate()
  assert.ok((await failureOf(ended!.open(A, []))) instanceof Error)
})
