/**
 * The thread's side: an inline engine that answers calls in order, and says in shared memory which call and which
 * input it works on, so that whoever finds it stuck knows what did it.
 */
import { constants, getPriority, setPriority } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import { toPlenumError } from '../../shared/errors.js'
import { ring } from '../bell.js'
import { InlineEngine } from '../space/engine/inline-engine.js'
import { type Answer, type Call, movedOf, PROGRESS, type Responses, type ThreadData } from './messages.js'
import { threadNumber } from './thread-clock.js'

/** Answers do not wait longer than this for those of later calls in the same message. */
const MAX_HELD_MS = 0.5

const port = parentPort
if (port === null) throw new Error('this file runs as a worker')
const { isYielding, progress: shared } = workerData as ThreadData
const progress = new Int32Array(shared)
// On Linux alone this is about the calling thread, and not the process.
if (isYielding && process.platform === 'linux') {
  const { PRIORITY_LOW, PRIORITY_BELOW_NORMAL } = constants.priority
  setPriority(Math.min(getPriority() + PRIORITY_BELOW_NORMAL, PRIORITY_LOW))
}
progress[PROGRESS.thread] = threadNumber()

const engine = new InlineEngine({
  elapsed: () => performance.now(),
  atInput: index => {
    progress[PROGRESS.input] = index ?? -1
  },
})

const answerAll = async (calls: readonly Call[]): Promise<void> => {
  let answers: Answer[] = []
  let postedMs = performance.now()
  for (const call of calls) {
    answers.push(await answer(call))
    const nowMs = performance.now()
    if (nowMs - postedMs < MAX_HELD_MS) continue
    post(answers)
    answers = []
    postedMs = nowMs
  }
  if (answers.length > 0) post(answers)
}

const answer = async (call: Call): Promise<Answer> => {
  const { number } = call
  progress[PROGRESS.input] = -1
  Atomics.store(progress, PROGRESS.call, number)
  const startMs = performance.now()
  try {
    const response = await run(call)
    return { number, costMs: performance.now() - startMs, response }
  } catch (error) {
    const { code, message, stack = '', cause } = toPlenumError(error)
    const failure = { code, message, stack: cause instanceof Error ? String(cause.stack) : stack }
    return { number, costMs: performance.now() - startMs, failure }
  } finally {
    Atomics.store(progress, PROGRESS.call, 0)
  }
}

const run = async (call: Call): Promise<Responses[keyof Responses]> => {
  const { space } = call
  switch (call.op) {
    case 'fold':
      return engine.fold(space, call.updates, call.isBrief)
    case 'open':
      await engine.open(space, call.updates)
      return null
    case 'apply': {
      const result = await engine.apply(space, call.batch)
      return result.type === 'broken' ? { ...result, cause: asError(result.cause) } : result
    }
    case 'state-vector':
      return engine.stateVector(space)
    case 'diff':
      return engine.diff(space, call.stateVector)
    case 'intentions':
      return engine.intentions(space)
    case 'json':
      return JSON.stringify(await engine.json(space, call.roots))
    case 'adopt':
      return adopt(call)
    case 'close':
      await engine.close(space)
      return null
  }
}

const adopt = async ({ space, update }: Call & { op: 'adopt' }): Promise<boolean> => {
  await engine.open(space, [update])
  const again = await engine.diff(space, null)
  if (Buffer.compare(again, update) === 0) return true
  await engine.close(space)
  return false
}

/** A clone keeps message and stack, and nothing that may not be cloned. */
const asError = (cause: unknown): Error => {
  if (!(cause instanceof Error)) return new Error(String(cause))
  const error = new Error(cause.message)
  if (cause.stack !== undefined) error.stack = cause.stack
  return error
}

const post = (answers: readonly Answer[]): void => {
  port.postMessage(
    answers,
    answers.flatMap(each => ('response' in each ? movedOf(each.response) : [])),
  )
  ring()
}

// It has begun: from now on what takes long is the call.
post([])
let last: Promise<void> = Promise.resolve()
port.on('message', (calls: readonly Call[]) => {
  last = last.then(() => answerAll(calls))
})
