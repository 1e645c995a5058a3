/** A promise about a state that events tell of. */
import { settleWhen } from '../../../client/provider/settle-when.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('settle when')

const watched = () => {
  const checks = new Set<() => void>()
  return {
    checks,
    watch: (check: () => void) => {
      checks.add(check)
      return () => checks.delete(check)
    },
    tell: () => {
      for (const check of [...checks]) check()
    },
  }
}

test('[P14] settles when the state is reached, and then listens no more', async () => {
  const { checks, watch, tell } = watched()
  let isReached = false
  const promise = settleWhen(() => isReached, watch)
  tell()
  assert.is(checks.size, 1)
  isReached = true
  tell()
  await promise
  assert.is(checks.size, 0)
})

test('[P14] what is reached already, or impossible already, is never listened for', async () => {
  const { checks, watch } = watched()
  await settleWhen(() => true, watch)
  const failed = settleWhen(() => {
    throw new Error('impossible')
  }, watch)
  assert.match(String(await failed.catch(error => error)), 'impossible')
  assert.is(checks.size, 0)
})
