/** The fault injection itself: it acts when it should, and only then. */
import { createFailpoints, parseFailpoints } from '../../../server/storage/failpoints.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('failpoints')

test('[T5] a failpoint acts after what it skips, as often as it says', () => {
  const pass = createFailpoints({ 'append:before-commit': { action: 'throw', skip: 2, times: 2 } })
  const acted = Array.from({ length: 6 }, () => {
    try {
      pass('append:before-commit')
      return false
    } catch (error) {
      assert.is((error as { code?: string }).code, 'SQLITE_IOERR_FSYNC')
      return true
    }
  })
  assert.equal(acted, [false, false, true, true, false, false])
  pass('append:after-commit')
})

test('[T5] failpoints are read from a text, and anything else is refused', () => {
  assert.equal(parseFailpoints(''), {})
  assert.equal(parseFailpoints('compaction:before-store=kill'), {
    'compaction:before-store': { action: 'kill' },
  })
  assert.equal(parseFailpoints('append:before-commit=throw*2@5,load:before-read=exit@1'), {
    'append:before-commit': { action: 'throw', times: 2, skip: 5 },
    'load:before-read': { action: 'exit', skip: 1 },
  })
  assert.equal(parseFailpoints('append:before-commit=stall:5*3'), {
    'append:before-commit': { action: 'stall', stallMs: 5, times: 3 },
  })
  for (const wrong of [
    'append',
    'append:before-commit=',
    'nowhere=throw',
    'append:before-commit=explode',
    'append:before-commit=throw:5',
  ]) {
    assert.throws(() => parseFailpoints(wrong), /not a failpoint/)
  }
})
