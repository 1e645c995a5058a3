/** Who is shown as being here. */
import { HUES, hueOf, peopleIn, personOf } from '../../../client/demo/people.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('demo: people')

const state = (name: string, user = name, joinedAt = 1) => ({ user: { name }, plenum: { user, joinedAt } })

test('[U20] a person is shown once, whoever looks first and then those who have been here longest', () => {
  const states = [
    state('Late', 'late', 3),
    state('Early', 'early', 2),
    state('Me', 'me', 4),
    state('Me', 'me', 4),
  ]

  assert.equal(
    peopleIn(states, 'me').map(({ name }) => name),
    ['Me', 'Early', 'Late'],
  )
})

test('[U20] whatever else somebody puts into their state shows nobody', () => {
  for (const odd of [null, 7, 'a', [], {}, { user: null }, { user: { name: 7 } }, { user: { name: '' } }]) {
    assert.is(personOf(odd), null, JSON.stringify(odd))
  }
  assert.equal(personOf({ user: { name: 'Ada' }, plenum: { user: 1, joinedAt: 'x' } })?.joinedAtMs, null)
})

test('[U20] everybody has the same colour in every window', () => {
  for (const user of ['Ada', 'Barbara', '書', '']) {
    assert.is(hueOf(user), hueOf(user))
    assert.ok(Number.isInteger(hueOf(user)) && hueOf(user) >= 0 && hueOf(user) < HUES)
  }
  assert.is.not(hueOf('Ada'), hueOf('Barbara'))
})
