/** The slow link on which the two authors of a recording depend. */
import { SlowLink } from './held-socket.js'
import { assert, suite } from './suite.js'

const test = suite('slow link')

const linked = () => {
  const link = new SlowLink()
  const sent: string[] = []
  const put = (name: string): void => link.put(name.startsWith('u'), () => sent.push(name))
  return { link, sent, put }
}

test('[C2] everything passes at once until updates are held', () => {
  const { sent, put } = linked()
  for (const name of ['step1', 'u1', 'awareness', 'u2']) put(name)
  assert.equal(sent, ['step1', 'u1', 'awareness', 'u2'])
})

test('[C2] exactly as many updates pass as are released, whatever else was sent between them', () => {
  const { link, sent, put } = linked()
  link.hold()
  for (const name of ['awareness', 'u1', 'renewal', 'u2', 'u3']) put(name)
  assert.equal(sent, ['awareness'])
  link.release(2)
  assert.equal(sent, ['awareness', 'u1', 'renewal', 'u2'])
  link.release(1)
  assert.equal(sent.length, 4)
  link.release(4)
  put('u4')
  put('u5')
  assert.equal(sent.slice(4), ['u3', 'u4'])
})
