/** The choice of doors: every event in every state, and the stories that the rules tell. */
import {
  type Circumstances,
  DOORS,
  type Door,
  type DoorMemory,
  NO_MEMORY,
  nextPassage,
  OUTSIDE,
  type Passage,
  type PassageEffect,
  type PassageEvent,
} from '../../../client/channel/door-choice.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('door choice')

const MINUTE_MS = 60_000
const begin: PassageEvent = { type: 'begin' }
const alive: PassageEvent = { type: 'alive' }
const silent: PassageEvent = { type: 'silent' }
const due: PassageEvent = { type: 'due' }
const hint: PassageEvent = { type: 'hint' }
const released: PassageEvent = { type: 'released' }
const good: PassageEvent = { type: 'looked', isGood: true }
const bad: PassageEvent = { type: 'looked', isGood: false }
const closed = (code: number, isStalled = false): PassageEvent => ({
  type: 'closed',
  close: { code, reason: 'r' },
  isStalled,
})

/** One page's passages, one after the other; effects are told as texts. */
const story = (doors: readonly Door[] = DOORS, memory: DoorMemory = NO_MEMORY) => {
  let passage: Passage = OUTSIDE
  let nowMs = 0
  const page = {
    get memory() {
      return memory
    },
    get passage() {
      return passage
    },
    pass: (ms: number) => {
      nowMs += ms
      return page
    },
    recall: (other: DoorMemory) => {
      memory = other
    },
    on: (...events: PassageEvent[]): string[] =>
      events.map(event => {
        const step = nextPassage(passage, memory, event, { nowMs, doors } satisfies Circumstances)
        passage = step.passage
        memory = step.memory
        return text(step.effect)
      }),
  }
  return page
}

const text = (effect: PassageEffect): string => {
  if (effect.type === 'open' || effect.type === 'look') return `${effect.type} ${effect.door}`
  if (effect.type === 'wait') return `wait ${effect.delayMs}`
  return effect.type === 'end' ? `end ${effect.close.code}` : effect.type
}

const inside = (door: Door, memory: Partial<DoorMemory> = {}) => {
  const page = story(DOORS, { ...NO_MEMORY, door, ...memory })
  page.on(begin, alive)
  return page.pass(15_000)
}

const looking = (door: Door) => {
  const page = inside(door)
  page.on(due)
  return page
}

const trying = (door: Door | null) => {
  const page = story(DOORS, { ...NO_MEMORY, door })
  page.on(begin)
  return page
}

test('[D48] each event in each state has one outcome', () => {
  const events = {
    begin,
    alive,
    silent,
    'closed 1006': closed(1006),
    'closed 4403': closed(4403),
    due,
    hint,
    good,
    bad,
    released,
  }
  const states = {
    outside: () => story(),
    'trying a WebSocket': () => trying(null),
    'trying a stream': () => trying('event-stream'),
    'trying polls': () => trying('event-stream-poll'),
    'inside by WebSocket': () => inside('websocket'),
    'inside by stream': () => inside('event-stream'),
    'inside by polls': () => inside('event-stream-poll'),
    looking: () => looking('event-stream'),
    'looking, from polls': () => looking('event-stream-poll'),
  }
  const W = 'open websocket'
  const S = 'open event-stream'
  const P = 'open event-stream-poll'
  const LOOK = 'look websocket'
  const table: Record<keyof typeof states, readonly (string | null)[]> = {
    //                     begin alive silent 1006 4403 due hint good bad released
    outside: [W, null, null, null, null, 'none', 'none', 'none', 'none', 'none'],
    'trying a WebSocket': [null, 'none', S, S, 'end 4403', 'none', 'none', 'none', 'none', 'none'],
    'trying a stream': [null, 'wait 15000', P, W, 'end 4403', 'none', 'none', 'none', 'none', 'none'],
    'trying polls': [null, 'wait 15000', W, W, 'end 4403', 'none', 'none', 'none', 'none', 'none'],
    'inside by WebSocket': [null, null, null, 'end 1006', 'end 4403', 'none', 'none', 'none', 'none', 'none'],
    'inside by stream': [null, null, null, 'end 1006', 'end 4403', LOOK, LOOK, 'none', 'none', 'none'],
    'inside by polls': [null, null, null, 'end 1006', 'end 4403', LOOK, LOOK, 'none', 'none', 'none'],
    looking: [null, null, null, 'end 1006', 'end 4403', 'none', 'none', 'move', 'wait 30000', 'none'],
    'looking, from polls': [
      null,
      null,
      null,
      'end 1006',
      'end 4403',
      'none',
      'none',
      'move',
      'look event-stream',
      'none',
    ],
  }
  for (const [name, make] of Object.entries(states)) {
    const outcomes = Object.values(events).map(event => {
      try {
        return make().on(event)[0]
      } catch (error) {
        assert.is((error as { code: string }).code, 'internal')
        return null
      }
    })
    assert.equal(outcomes, table[name as keyof typeof states], name)
  }
})

test('[D49] a WebSocket that fails is followed by a stream, and one that is held back by polls', () => {
  const page = story()
  assert.equal(page.on(begin, closed(1006), silent, alive), [
    'open websocket',
    'open event-stream',
    'open event-stream-poll',
    'wait 15000',
  ])
  assert.is(page.memory.door, 'event-stream-poll')
})

test('[D49] where no request comes through, polls are not tried; an answer of the server’s is final', () => {
  assert.equal(story().on(begin, silent, closed(1006)), ['open websocket', 'open event-stream', 'end 1006'])
  for (const code of [4401, 4503])
    assert.equal(story().on(begin, closed(code)), ['open websocket', `end ${code}`])
})

test('[D50] what worked is tried first; a failure of everything is not remembered', () => {
  const page = story()
  page.on(begin, closed(1006), alive, closed(1006))
  assert.equal(page.on(begin, closed(1006), closed(1006)), [
    'open event-stream',
    'open websocket',
    'end 1006',
  ])
  assert.is(page.memory.door, 'event-stream')
  assert.equal(page.on(begin), ['open event-stream'])
})

test('[D50] a stream that opened and brought nothing more makes way for polls', () => {
  const page = inside('event-stream')
  assert.equal(page.on(closed(1006, true), begin), ['end 1006', 'open event-stream-poll'])
  const other = inside('event-stream')
  other.recall({ ...other.memory, door: 'websocket' })
  assert.equal(other.on(closed(1006, true), begin), ['end 1006', 'open websocket'])
})

test('[D51] looks at growing intervals, from 15 s to 10 min', () => {
  const page = story(DOORS, { ...NO_MEMORY, door: 'event-stream' })
  let [, delay = ''] = page.on(begin, alive)
  const delays: number[] = []
  for (let look = 0; look < 8; look++) {
    const delayMs = Number(delay.split(' ')[1])
    delays.push(delayMs / 1_000)
    page.pass(delayMs)
    delay = page.on(due, bad)[1] ?? ''
  }
  assert.equal(delays, [15, 30, 60, 120, 240, 480, 600, 600])
})

test('[D51] a hint brings the next look forward, and no closer than 15 s to the last', () => {
  const page = inside('event-stream')
  assert.equal(page.on(due, bad), ['look websocket', 'wait 30000'])
  assert.equal(page.on(hint), ['wait 15000'])
  assert.equal(page.pass(15_000).on(hint), ['look websocket'])
})

test('[D51] after a good look it moves; a door that then fails is looked at much later, whatever the hints', () => {
  const page = looking('event-stream')
  assert.equal(page.on(good, begin, closed(1006), alive), [
    'move',
    'open websocket',
    'open event-stream',
    'wait 600000',
  ])
  assert.equal(page.pass(5 * MINUTE_MS).on(hint), ['wait 300000'])
  assert.equal(page.pass(5 * MINUTE_MS).on(due), ['look websocket'])
})

test('[D51] one that holds for a minute is looked for early again, one that does not is not', () => {
  for (const [heldMs, firstMs] of [
    [MINUTE_MS, 15_000],
    [MINUTE_MS - 1, 30_000],
  ] as const) {
    const page = looking('event-stream')
    page.on(good, begin, alive)
    page.pass(heldMs)
    assert.equal(page.on(closed(1006), begin, closed(1006), alive), [
      'end 1006',
      'open websocket',
      'open event-stream',
      `wait ${firstMs}`,
    ])
  }
})

test('[D51] from polls back to a stream where no WebSocket answers, and on by the word of others on the page', () => {
  const page = looking('event-stream-poll')
  assert.equal(page.on(bad, good, begin, alive), [
    'look event-stream',
    'move',
    'open event-stream',
    'wait 30000',
  ])
  page.recall({ ...page.memory, door: 'websocket' })
  assert.equal(page.on(due), ['move'])
})

test('[D52] only the doors that may be used are', () => {
  const page = story(['event-stream'])
  assert.equal(page.on(begin, alive, due, closed(1006)), ['open event-stream', 'none', 'none', 'end 1006'])
  assert.equal(story(['websocket']).on(begin, closed(1006)), ['open websocket', 'end 1006'])
})
