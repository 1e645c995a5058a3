/** Epochs of spaces: whose changes, and that none comes back. */
import { Epoch } from '../../../server/space/epoch.js'
import { spaceName } from '../../support/core.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('epoch')

const setUp = () => {
  let drawn = 0
  return new Epoch(() => `id${++drawn}`)
}
const [one, other] = [spaceName('one'), spaceName('other')]

test('[M19] a space that is renewed leaves the others as they were', () => {
  const epoch = setUp()
  const before = [epoch.of(one, 0), epoch.of(other, 0)]
  epoch.renew(one)
  assert.is.not(epoch.of(one, 0), before[0])
  assert.is(epoch.of(other, 0), before[1])
})

test('[M19] each generation of the content has its own', () => {
  const epoch = setUp()
  assert.is.not(epoch.of(one, 1), epoch.of(one, 0))
  assert.is(epoch.of(one, 1), epoch.of(one, 1))
})

test('[M17] no epoch that a space has left comes back, however many spaces are renewed', () => {
  const epoch = setUp()
  const spaces = Array.from({ length: 3_000 }, (_, i) => ({ name: spaceName(`space ${i}`), left: new Set() }))
  const isBack = ({ name, left }: (typeof spaces)[number]): boolean => left.has(epoch.of(name, 0))
  for (const space of [...spaces, ...spaces]) {
    space.left.add(epoch.of(space.name, 0))
    epoch.renew(space.name)
    assert.not(isBack(space))
  }
  assert.equal(spaces.filter(isBack), [])
})

test('[M19] what is remembered of renewed spaces is bounded: beyond it all begin anew', () => {
  const epoch = setUp()
  const before = epoch.of(other, 0)
  for (let i = 0; i < 1_000; i++) epoch.renew(spaceName(`space ${i}`))
  epoch.renew(spaceName('space 0'))
  assert.is(epoch.of(other, 0), before)
  epoch.renew(spaceName('one more'))
  assert.is.not(epoch.of(other, 0), before)
})
