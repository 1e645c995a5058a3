/** Providers, stock ones and ours, that nobody touches, for minutes and hours of a clock that the test owns. */
import '../../support/virtual-time.js'

import { getUnixTime } from 'lib0/time'
import { STOCK_VERSIONS } from '../../support/stock-client-calls.js'
import { ROOM_VERSIONS, type RoomTab, StockRoom } from '../../support/stock-room.js'
import { assert, suite } from '../../support/suite.js'
import { virtualTime } from '../../support/virtual-time.js'

const test = suite('left alone')

let room: StockRoom
test.before.each(() => {
  assert.is(getUnixTime(), virtualTime.now(), 'the clock that providers go by')
  room = new StockRoom()
})
test.after.each(() => room.close())

/** Whom a tab sees beside itself. */
const others = ({ awareness, clientId }: RoomTab): number[] =>
  [...awareness.getStates().keys()].filter(id => id !== clientId).sort((a, b) => a - b)

for (const version of STOCK_VERSIONS) {
  test(`[A7] stock ${version}, alone for three minutes with a state and without, is never cut`, async () => {
    const present = await room.open({ version, space: 'present', state: { colour: 'red' } })
    const absent = await room.open({ version, space: 'absent', state: null })

    await room.advance(180_000)

    for (const { provider, links } of [present, absent]) {
      assert.is(links.length, 1, 'one socket was enough')
      assert.ok(provider.synced)
    }
  })
}

test('[A10] [A41] an idle crowd of every version still sees each other after ten minutes', async () => {
  for (const version of ROOM_VERSIONS) {
    await room.open({ version, space: 'crowd', state: { colour: 'red' } })
    await room.open({ version, space: 'crowd', state: null })
  }

  await room.advance(600_000)

  const present = room.tabs.filter(({ awareness }) => awareness.getLocalState() !== null)
  for (const tab of room.tabs) {
    const wanted = present.filter(other => other !== tab).map(({ clientId }) => clientId)
    assert.equal(
      others(tab),
      wanted.sort((a, b) => a - b),
    )
    assert.is(tab.links.length, 1)
  }
})

test('[A14] whoever does nothing for an hour was last seen an hour ago, whatever they renew', async () => {
  for (const version of STOCK_VERSIONS) await room.open({ version, space: 'idle', state: { colour: 'red' } })
  const seenBy = (tab: RoomTab) =>
    others(tab).map(id => ({
      stamp: tab.awareness.getStates().get(id)?.plenum,
      clock: tab.awareness.meta.get(id)?.clock ?? 0,
    }))
  await room.advance(2_000)
  const before = room.tabs.map(seenBy)

  await room.advance(3_600_000)

  for (const [at, tab] of room.tabs.entries()) {
    assert.is(tab.links.length, 1)
    for (const [other, { stamp, clock }] of seenBy(tab).entries()) {
      const then = before[at]![other]!
      assert.ok(stamp !== undefined)
      assert.equal(stamp, then.stamp)
      assert.ok(clock - then.clock > 100, 'it was renewed all the time')
    }
  }
})
