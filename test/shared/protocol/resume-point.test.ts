/** The wish to go on from a position, as it travels in a URL. */
import { resumeUrl } from '../../../client/channel/space-url.js'
import { formatResumePoint, parseResumePoint, RESUME_PARAMETER } from '../../../shared/protocol/index.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('resume point')

test('[D16] what is written is read', () => {
  for (const point of [
    { epoch: '3f0c-1', position: 1 },
    { epoch: 'with:colon and spaces&=?', position: Number.MAX_SAFE_INTEGER },
  ]) {
    assert.equal(parseResumePoint(formatResumePoint(point)), point)
    for (const url of ['ws://host/sync/demo', 'ws://host/sync/demo?a=b']) {
      const { searchParams } = new URL(resumeUrl(url, point))
      assert.equal(parseResumePoint(searchParams.get(RESUME_PARAMETER)), point)
    }
  }
})

test('[D16] a URL without a point stays as it is', () => {
  assert.is(resumeUrl('ws://host/sync/demo?a=b', null), 'ws://host/sync/demo?a=b')
})

test('[D16] whatever is not exactly one point is none', () => {
  const wrong = [null, '', ':', ':1', 'e1', 'e1:', 'e1:0', 'e1:01', 'e1:-1', 'e1:1.5', 'e1:1e3', 'e1: 1']
  const tooMuch = ['e1:9007199254740992', 'e1:99999999999999999', `${'e'.repeat(129)}:1`, 'e1:1\n', 'e1:٣']
  for (const text of [...wrong, ...tooMuch]) assert.is(parseResumePoint(text), null, `${text}`)
})
