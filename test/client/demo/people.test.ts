/** Whose cursor is shown, and in which colour. */
import { HUES, hueOf, personOf } from '../../../client/demo/people.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('demo: people')

test('[U20] whatever else somebody puts into their state shows nobody', () => {
  for (const odd of [null, 7, 'a', [], {}, { user: null }, { user: { name: 7 } }, { user: { name: '' } }]) {
    assert.is(personOf(odd), null, JSON.stringify(odd))
  }
  assert.is(personOf({ user: { name: 'Ada' }, plenum: { user: 1 } })?.user, 'Ada')
  assert.is(personOf({ user: { name: 'Ada' }, plenum: { user: 'ada' } })?.user, 'ada')
})

test('[U20] everybody has the same colour in every window', () => {
  for (const user of ['Ada', 'Barbara', '書', '']) {
    assert.is(hueOf(user), hueOf(user))
    assert.ok(Number.isInteger(hueOf(user)) && hueOf(user) >= 0 && hueOf(user) < HUES)
  }
  assert.is.not(hueOf('Ada'), hueOf('Barbara'))
})
