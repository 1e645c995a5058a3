/** Metrics and logs that fail, under a whole core. */
import { Core } from '../../support/core.js'
import { assert, suite } from '../../support/suite.js'
import { Writer } from '../../support/writer.js'

const test = suite('unfailing observer')

const boom = (): never => {
  throw new Error('the disk of the log is full')
}

test('[S13] with an observer that throws at everything, an edit is saved once and acknowledged', async () => {
  const core = new Core()
  Object.assign(core.observer, { count: boom, timed: boom, report: boom })
  const caller = await core.live()
  assert.ok((await caller.say(new Writer().type('x'))).some(({ type }) => type === 'saved'))
  assert.is(core.store.groups.length, 1)
})

test('[S13] a commit that fails is retried, although nobody can be told', async () => {
  const core = new Core()
  const caller = await core.live()
  Object.assign(core.observer, { count: boom, timed: boom, report: boom })
  core.store.fail('append', 1)
  await caller.say(new Writer().type('x'))
  await core.advance(5_000)
  assert.ok(caller.take().some(({ type }) => type === 'saved'))
})
