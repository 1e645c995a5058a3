/** Listeners of an application: told in order and later, and on their own when they fail. */
import { EventDesk } from '../../../server/service/event-desk.js'
import type { SpaceEventName } from '../../../server/space/events.js'
import { parseSpaceName } from '../../../shared/names.js'
import { rejectsWithCode } from '../../support/expect.js'
import { FakeScheduler } from '../../support/fake-scheduler.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('event-desk')

const DEMO = parseSpaceName('demo')

const open = () => {
  const scheduler = new FakeScheduler()
  const complaints: string[] = []
  const observer = {
    count: (event: string) => complaints.push(event),
    report: (level: string, what: string, details: Readonly<Record<string, unknown>>) =>
      complaints.push(`${level} ${what} ${details.event} ${(details.error as Error).cause}`),
  }
  return { desk: new EventDesk(scheduler, () => observer as never), scheduler, complaints }
}

test('[Z8] events are told after the fact, in order, to those who listen by then, and to nobody at no cost', async () => {
  const { desk, scheduler } = open()
  const told: string[] = []
  desk.tell('degraded', {})
  assert.is(scheduler.pending, 0)
  assert.not.ok(desk.wants('space-opened'))

  const off = desk.on('space-opened', ({ space }) => told.push(`opened ${space}`))
  desk.once('saved', ({ position }) => told.push(`saved ${position}`))
  desk.tell('saved', { space: DEMO, position: 1, users: [] })
  desk.tell('space-opened', { space: DEMO })
  desk.tell('saved', { space: DEMO, position: 2, users: [] })
  assert.equal(told, [])
  await scheduler.settle()

  assert.equal(told, ['saved 1', 'opened demo'])
  assert.equal([desk.wants('saved'), desk.wants('space-opened')], [false, true])
  desk.tell('space-opened', { space: DEMO })
  off()
  off()
  await scheduler.settle()
  assert.is(told.length, 2)
  assert.not.ok(desk.wants('space-opened'))
})

test('[Z8] a crowd of events is told in parts, and what is left at the end is told there', async () => {
  const { desk, scheduler } = open()
  const told: number[] = []
  desk.on('saved', ({ position }) => told.push(position))
  const all = Array.from({ length: 250 }, (_, at) => at)
  for (const position of all) desk.tell('saved', { space: DEMO, position, users: [] })

  scheduler.runDue()
  assert.is(told.length, 100)
  desk.close()
  desk.tell('saved', { space: DEMO, position: 999, users: [] })
  await scheduler.settle()

  assert.equal(told, all)
})

test('[Z8] where more comes in every turn than a part, no queue grows with time', async () => {
  const { desk, scheduler } = open()
  let [sent, told] = [0, 0]
  desk.on('degraded', () => told++)
  for (let turn = 0; turn < 200; turn++) {
    for (let i = 0; i < 300; i++, sent++) desk.tell('degraded', {})
    scheduler.runDue()
    assert.ok(sent - told <= 1200, `${sent - told} wait in turn ${turn}`)
  }
  await scheduler.settle()
  assert.is(told, sent)
})

test('[Z9] a listener that throws or rejects is counted and logged, and the others are told', async () => {
  const { desk, scheduler, complaints } = open()
  let told = 0
  desk.on('degraded', () => {
    throw new Error('thrown')
  })
  desk.on('degraded', async () => {
    throw new Error('rejected')
  })
  desk.on('degraded', () => ({
    // A promise of somebody else's making.
    // biome-ignore lint/suspicious/noThenProperty: it is what is tried
    then: () => {
      throw new Error('then')
    },
  }))
  desk.on('degraded', () => told++)

  desk.tell('degraded', {})
  await scheduler.settle()

  assert.is(told, 1)
  assert.is(complaints.filter(line => line === 'listener_failures').length, 3)
  for (const what of ['thrown', 'rejected', 'then'])
    assert.ok(complaints.includes(`error a listener failed degraded Error: ${what}`), what)
})

test('[Z8] nobody can listen for an event that there is none of', async () => {
  const { desk } = open()

  const error = await rejectsWithCode(
    'bad_request',
    Promise.resolve().then(() => desk.on('save' as SpaceEventName, () => {})),
  )

  assert.match(error.message, '"save"')
})
