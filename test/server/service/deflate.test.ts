/** What is packed comes out as it was, or not at all. */
import { deflatePacking } from '../../../server/service/deflate.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('deflate')

const rejects = async (promise: Promise<unknown>): Promise<void> => {
  const isRejected = await promise.then(
    () => false,
    () => true,
  )
  assert.ok(isRejected)
}

test('[R15] bytes of every length come out as they were, from a buffer of their own', async () => {
  for (const length of [0, 1, 100, 70_000]) {
    const bytes = Uint8Array.from({ length }, (_, i) => (i * i) % 251)
    const packed = await deflatePacking.pack(bytes)
    assert.is(packed.buffer.byteLength, packed.length)
    assert.equal(Uint8Array.from(await deflatePacking.unpack(packed, length)), bytes)
  }
})

test('[R15] bytes that are cut, or are more or less than was packed, do not come out', async () => {
  const bytes = new Uint8Array(10_000).fill(7)
  const packed = await deflatePacking.pack(bytes)
  await rejects(deflatePacking.unpack(packed.subarray(0, 3), bytes.length))
  await rejects(deflatePacking.unpack(packed, bytes.length - 1))
  await rejects(deflatePacking.unpack(packed, bytes.length + 1))
})
