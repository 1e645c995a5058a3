/** That a core in a test has nothing in memory of any space: no entry, no document, no timer. */
import type { Core } from './core.js'
import { assert } from './suite.js'

export const isGone = (core: Core): void => {
  assert.is(core.registry.status.spaces, 0, 'an entry')
  assert.is(core.engine.size, 0, 'a document')
  assert.is(core.scheduler.pending, 0, 'a timer')
}
