/** What an application is told of its spaces and members, over a whole service. */
import type { Plenum } from '../../server/create-plenum.js'
import type { SpaceEventName } from '../../server/space/events.js'
import { SPACE_EVENT_NAMES } from '../../server/space/events.js'
import { openMemoryStore } from '../../server/storage/memory-store.js'
import { Embedding, enter, tokenFor, write } from '../support/embedding.js'
import { assert, suite } from '../support/suite.js'
import { until } from '../support/until.js'

const test = suite('lifecycle-events')

const here = new Embedding()

test.after.each(() => here.close())

type Told = readonly [SpaceEventName, object]

const listenTo = (plenum: Plenum): Told[] => {
  const told: Told[] = []
  for (const name of SPACE_EVENT_NAMES) plenum.on(name, event => told.push([name, { ...event }]))
  return told
}

const has = (told: readonly Told[], name: SpaceEventName): boolean => told.some(([known]) => known === name)

const config = { evictAfterMs: 0 }

test('[Z7] a space is opened, members come and go once each, what they write is saved, and it is closed', async () => {
  const plenum = here.create({ config })
  const told = listenTo(plenum)
  const { url } = await plenum.listen()
  const [first, second] = [await enter(url), await enter(url)]
  await write(first, 'hello')
  first.terminate()
  await first.closed
  second.terminate()
  await until('it is closed', () => has(told, 'space-closed'))

  assert.equal(told, [
    ['space-opened', { space: 'demo' }],
    ['member-joined', { space: 'demo', user: 'ann', name: null }],
    ['saved', { space: 'demo', position: 1, users: ['ann'] }],
    ['member-left', { space: 'demo', user: 'ann', reason: 'closed' }],
    ['space-closed', { space: 'demo' }],
  ])
})

test('[Z7] a close tells of everybody who had to leave and of every space, before it is done', async () => {
  const plenum = here.create({ config })
  const { url } = await plenum.listen()
  const told = listenTo(plenum)
  for (const [space, user] of [
    ['a', 'ann'],
    ['a', 'bob'],
    ['b', 'bob'],
  ] as const)
    await write(await enter(url, space, await tokenFor(user)), 'hello')

  await plenum.close()

  const of = (name: SpaceEventName) => told.filter(([known]) => known === name).map(([, event]) => event)
  assert.equal(of('member-left'), [
    { space: 'a', user: 'ann', reason: 'closed' },
    { space: 'a', user: 'bob', reason: 'closed' },
    { space: 'b', user: 'bob', reason: 'closed' },
  ])
  assert.equal(of('space-closed'), [{ space: 'a' }, { space: 'b' }])
  assert.is(told.at(-1)?.[0], 'space-closed')
})

test('[Z7] storage that fails and works again is told once each', async () => {
  let isBroken = true
  const store = openMemoryStore({
    beforeCommit: () => {
      if (isBroken) throw new Error('no space left')
    },
  })
  const plenum = here.create({ config, openStore: async () => store })
  const told = listenTo(plenum)
  const { url } = await plenum.listen()
  const client = await enter(url)
  const writing = write(client, 'hello')
  await until('it is degraded', () => has(told, 'degraded'))
  isBroken = false
  await writing
  await until('it has recovered', () => has(told, 'recovered'))

  const names = told.map(([name]) => name)
  assert.equal(
    names.filter(name => name === 'degraded' || name === 'recovered'),
    ['degraded', 'recovered'],
  )
  assert.is(names.filter(name => name === 'saved').length, 1)
})
