/** Which spaces are suspended. */
import { Strikes } from '../../../server/space/strikes.js'
import { DEMO, spaceName } from '../../support/core.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('strikes')

test('[Q3] so many within the term suspend a space, until the term has passed since the last', () => {
  const strikes = new Strikes({ most: 3, termMs: 1000 })
  for (const atMs of [0, 900]) {
    strikes.add(DEMO, atMs)
    assert.is(strikes.suspendedUntil(DEMO, atMs), null)
  }
  strikes.add(DEMO, 1800)
  assert.is(strikes.suspendedUntil(DEMO, 1800), 2800)
  assert.is(strikes.suspendedUntil(DEMO, 2799), 2800)
  assert.is(strikes.suspendedUntil(DEMO, 2800), null)
  assert.is(strikes.suspendedUntil(spaceName('other'), 1800), null)
})

test('[Q3] what is past its term counts no more', () => {
  const strikes = new Strikes({ most: 2, termMs: 1000 })
  strikes.add(DEMO, 0)
  strikes.add(DEMO, 1000)
  assert.is(strikes.suspendedUntil(DEMO, 1000), null)
  strikes.add(DEMO, 1999)
  assert.is(strikes.suspendedUntil(DEMO, 1999), 2999)
})
