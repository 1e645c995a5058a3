/** Looking up who delivered clocks. */
import { Deliverers } from '../../../server/space/deliverers.js'
import { chance, createRng, int, pick, seedFrom } from '../../support/rng.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('deliverers')

test('[V5] whoever alone delivered all of the clocks is named', () => {
  const deliverers = new Deliverers()
  deliverers.add([
    { user: 'ada', client: 1, clock: 0, length: 5 },
    { user: 'bob', client: 1, clock: 5, length: 2 },
    { user: 'ada', client: 1, clock: 7, length: 3 },
    { user: 'ada', client: 2, clock: 0, length: 1 },
    { user: 'eve', client: 2, clock: 0, length: 1 },
    { user: 'eve', client: 3, clock: 0, length: 0 },
  ])
  const of = (client: number, clock: number, length = 1) => deliverers.of({ client, clock, length })
  assert.is(of(1, 0, 5), 'ada')
  assert.is(of(1, 5, 2), 'bob')
  assert.is(of(1, 9), 'ada')
  assert.is(of(1, 4, 2), null, 'by two')
  assert.is(of(1, 9, 2), null, 'not all of them are here')
  assert.is(of(1, 10), null)
  assert.is(of(2, 0), null, 'two are said to have')
  assert.is(of(3, 0), null)
})

test('[V5] so it is in whatever order and pieces they are told', () => {
  const rng = createRng(seedFrom())
  for (let round = 0; round < 200; round++) {
    const deliverers = new Deliverers()
    const users = Array.from({ length: 40 }, () => new Set<string>())
    for (let i = int(rng, 1, 30); i > 0; i--) {
      const clock = int(rng, 0, 35)
      const delivery = { user: pick(rng, ['ada', 'bob']), client: 1, clock, length: int(rng, 0, 5) }
      if (chance(rng, 0.3)) delivery.user = 'ada'
      deliverers.add([delivery])
      for (let at = clock; at < clock + delivery.length; at++) users[at]!.add(delivery.user)
    }
    for (let clock = 0; clock < 35; clock++) {
      const length = int(rng, 1, 4)
      const those = users.slice(clock, clock + length)
      const [user] = those[0]!
      const isAlone =
        those.every(({ size }) => size === 1) && new Set(those.flatMap(set => [...set])).size === 1
      assert.is(deliverers.of({ client: 1, clock, length }), isAlone ? user : null)
    }
  }
})
