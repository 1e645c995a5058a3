/** Whoever rests is awake when a real thread has answered. */
import { rest } from '../../server/bell.js'
import { WorkerEngine } from '../../server/engine-threads/worker-engine.js'
import { parseSpaceName } from '../../shared/names.js'
import { CountingObserver } from '../support/core.js'
import { LoggedDocument } from '../support/logged-document.js'
import { SqliteFolder } from '../support/sqlite-folder.js'
import { assert, suite } from '../support/suite.js'

const test = suite('bell')

const LONG_MS = 20_000

/** Rests until it is rung, or far too long. @returns whether it was rung */
const isRung = (): boolean => {
  const startMs = performance.now()
  rest(LONG_MS)
  return performance.now() - startMs < LONG_MS
}

/** What was rung before is heard, and does not count. */
const forgetRings = (): void => rest(0)

test('[D59] the store’s answer ends a rest: nobody waits longer for what is saved', async () => {
  const folder = new SqliteFolder()
  try {
    const store = await folder.open()
    const notes = new LoggedDocument('notes')
    forgetRings()
    const saved = store.append([{ space: notes.space, flushes: [notes.type('a')] }])
    assert.ok(isRung())
    await saved
  } finally {
    await folder.dispose()
  }
})

test('[D59] the answer of an engine’s thread ends a rest', async () => {
  const engine = new WorkerEngine({
    threads: 1,
    observer: new CountingObserver(),
    timeoutMs: LONG_MS,
    maxHeapBytes: 256 * 2 ** 20,
  })
  try {
    const space = parseSpaceName('notes')
    await engine.open(space, [])
    forgetRings()
    const answer = engine.stateVector(space)
    assert.ok(isRung())
    await answer
  } finally {
    await engine.terminate()
  }
})

test('[D59] whoever was rung since the last rest does not rest', async () => {
  const folder = new SqliteFolder()
  try {
    const store = await folder.open()
    const notes = new LoggedDocument('notes')
    forgetRings()
    await store.append([{ space: notes.space, flushes: [notes.type('a')] }])
    assert.ok(isRung())
  } finally {
    await folder.dispose()
  }
})
