/** The reconnect policy: every event in every state, and the stories that the rules tell. */
import {
  type AttemptEvent,
  type AttemptState,
  type Circumstances,
  type Effect,
  IDLE,
  isPermanentClose,
  nextAttempt,
  reportedClose,
} from '../../../client/channel/attempt-state.js'
import { connectionState } from '../../../client/channel/connection-state.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('attempt state')

const PACE = { baseMs: 1_000, maxMs: 8_000 }
const at = (nowMs = 0, random = 0): Circumstances => ({ nowMs, random, pace: PACE })

const wanted: AttemptEvent = { type: 'wanted', isDeliberate: false }
const deliberate: AttemptEvent = { type: 'wanted', isDeliberate: true }
const token: AttemptEvent = { type: 'token' }
const welcomed: AttemptEvent = { type: 'welcomed' }
const synced: AttemptEvent = { type: 'synced' }
const released: AttemptEvent = { type: 'released' }
const resume: AttemptEvent = { type: 'resume' }
const due: AttemptEvent = { type: 'due' }
const hint: AttemptEvent = { type: 'hint' }
const moved: AttemptEvent = { type: 'moved' }
const draining: AttemptEvent = { type: 'draining', delayMs: 5_000 }
const lost = (code: number): AttemptEvent => {
  const close = { code, reason: 'r' }
  return { type: 'lost', close, isPermanent: isPermanentClose(close) }
}

const run = (events: readonly AttemptEvent[], from: AttemptState = IDLE, nowMs = 0): AttemptState =>
  events.reduce((state, event) => nextAttempt(state, event, at(nowMs)).state, from)

const OPEN = [wanted, token, welcomed]

/** Every state that differs in what may follow. */
const STATES: Readonly<Record<string, AttemptState>> = {
  idle: IDLE,
  'idle, after a failure': run([wanted, token, lost(1006)]),
  'idle, by the server’s wish': run([...OPEN, synced, draining, lost(4503)]),
  waiting: run([wanted, token, lost(1006), wanted]),
  'waiting, by the server’s wish': run([...OPEN, synced, draining, lost(4503), wanted]),
  authorizing: run([wanted]),
  'authorizing, expired once': run([wanted, token, lost(4501), wanted]),
  dialing: run([wanted, token]),
  'dialing, expired once': run([wanted, token, lost(4501), wanted, token]),
  open: run(OPEN),
  'open, draining': run([...OPEN, draining]),
  moving: run([...OPEN, moved]),
  stopped: run([wanted, token, lost(4403)]),
  parked: run([wanted, token, lost(4403), wanted]),
}

const EVENTS: Readonly<Record<string, AttemptEvent>> = {
  wanted,
  deliberate,
  due,
  hint,
  token,
  'no token': { type: 'no-token' },
  'token failed': { type: 'token-failed' },
  welcomed,
  synced,
  draining,
  'lost 1006': lost(1006),
  'lost 4403': lost(4403),
  'lost 4501': lost(4501),
  moved,
  released,
  resume,
}

/* Columns in the order of EVENTS; each cell is the phase that follows and what is done:
   i idle  w waiting  a authorizing  d dialing  o open  m moving  s stopped  p parked  –  impossible
   . nothing  W wait  A authorize  D dial  O open  E end  H hang up */
const TABLE: Readonly<Record<string, string>> = {
  //                            wanted delib due hint token no-t t-fail welc sync drain 1006 4403 4501 moved rel res
  idle: '                           aA aA –  i. –  –  –  –  –  –  –  –  –  –  –  i.',
  'idle, after a failure': '        wW wW –  i. –  –  –  –  –  –  –  –  –  –  –  i.',
  'idle, by the server’s wish': '   wW wW –  i. –  –  –  –  –  –  –  –  –  –  –  i.',
  waiting: '                        –  –  aA aA –  –  –  –  –  –  –  –  –  –  iH aA',
  'waiting, by the server’s wish': '–  –  aA w. –  –  –  –  –  –  –  –  –  –  iH aA',
  authorizing: '                    –  –  –  a. dD sE iE –  –  –  –  –  –  –  iH a.',
  'authorizing, expired once': '    –  –  –  a. dD sE iE –  –  –  –  –  –  –  iH a.',
  dialing: '                        –  –  –  d. –  –  –  oO –  –  iE sE iE mE iH d.',
  'dialing, expired once': '        –  –  –  d. –  –  –  oO –  –  iE sE sE mE iH d.',
  open: '                           –  –  –  o. –  –  –  –  o. o. iE sE iE mE iH o.',
  'open, draining': '               –  –  –  o. –  –  –  –  o. o. iE sE iE iE iH o.',
  moving: '                         aA aA –  m. –  –  –  –  –  –  –  –  –  –  iH m.',
  stopped: '                        p. aA –  s. –  –  –  –  –  –  –  –  –  –  –  i.',
  parked: '                         –  –  –  p. –  –  –  –  –  –  –  –  –  –  iH aA',
}

const EFFECT_LETTERS: Readonly<Record<Effect['type'], string>> = {
  none: '.',
  wait: 'W',
  authorize: 'A',
  dial: 'D',
  open: 'O',
  end: 'E',
  'hang-up': 'H',
}

const cell = (state: AttemptState, event: AttemptEvent): string => {
  try {
    const step = nextAttempt(state, event, at())
    return `${step.state.phase[0]}${EFFECT_LETTERS[step.effect.type]}`
  } catch (error) {
    assert.is((error as { code: string }).code, 'internal')
    return '–'
  }
}

for (const [name, state] of Object.entries(STATES)) {
  test(`[P1] every event while: ${name}`, () => {
    const expected = TABLE[name]?.trim().split(/\s+/) ?? []
    const actual = Object.values(EVENTS).map(event => cell(state, event))
    const byName = (cells: readonly (string | undefined)[]): object =>
      Object.fromEntries(Object.keys(EVENTS).map((event, column) => [event, cells[column]]))
    assert.equal(byName(actual), byName(expected))
  })
}

test('[P1] the state passed in stays as it was', () => {
  for (const state of Object.values(STATES)) {
    const copy = structuredClone(state)
    for (const event of Object.values(EVENTS)) cell(state, event)
    assert.equal(state, copy)
  }
})

const waits = (state: AttemptState, nowMs: number, random = 0): number => {
  const { effect } = nextAttempt(state, wanted, at(nowMs, random))
  return effect.type === 'wait' ? effect.delayMs : 0
}

test('[P2] each failure in a row doubles the wait up to its bound, half of it by chance', () => {
  let state = IDLE
  const shortest: number[] = []
  for (let failure = 0; failure < 6; failure++) {
    state = run([wanted, token, lost(1006)], { ...state, notBeforeMs: 0 } as AttemptState)
    shortest.push(waits(state, 0))
  }
  assert.equal(shortest, [500, 1_000, 2_000, 4_000, 4_000, 4_000])
  const longest = nextAttempt(run([wanted, token]), lost(1006), at(0, 0.999)).state
  assert.ok(waits(longest, 0) > 990)
})

test('[P2] what has passed of the wait by the time an attempt is wanted counts', () => {
  const state = run([wanted, token, lost(1006)])
  assert.is(waits(state, 400), 100)
  assert.is(waits(state, 500), 0)
})

test('[P2] a connection that synced makes the next failure the first, and one that only opened does not', () => {
  const failing = { ...run(OPEN), failures: 3 }
  assert.is(waits(run([lost(1006)], failing), 0), 4_000)
  assert.is(waits(run([synced, lost(1006)], failing), 0), 500)
})

test('[P3] the delay of a draining notice is waited out and more, and no hint shortens it', () => {
  const state = STATES['waiting, by the server’s wish'] as AttemptState & { notBeforeMs: number }
  assert.is(state.notBeforeMs, 5_500)
  assert.is(nextAttempt(state, hint, at(1_000)).state.phase, 'waiting')
})

test('[P4] a permanent close stops, and 1009 is told as one', () => {
  for (const code of [4400, 4401, 4403, 4404, 4409, 4410, 4413, 4426]) {
    assert.is(run([...OPEN, lost(code)]).phase, 'stopped', String(code))
  }
  for (const code of [1000, 1001, 1006, 1011, 1012, 4500, 4503, 4508, 4529]) {
    assert.is(run([...OPEN, lost(code)]).phase, 'idle', String(code))
  }
  assert.equal(reportedClose({ code: 1009, reason: '' }), { code: 4413, reason: 'too large' })
})

test('[P5] an expired token is answered by a fresh one at once, and the second in a row by needs-auth', () => {
  const once = run([...OPEN, synced, lost(4501)])
  assert.is(waits(once, 0), 0)
  const twice = run([wanted, token, lost(4501)], once)
  assert.equal(connectionState(twice, 0), { state: 'needs-auth', code: 4501, reason: 'r' })
})

test('[P5] a welcome between two expired tokens makes them two firsts', () => {
  const again = run([...OPEN, synced, lost(4501), ...OPEN, synced, lost(4501)])
  assert.is(again.phase, 'idle')
  const never = run([...OPEN, lost(4501), wanted, token, welcomed, lost(4501)])
  assert.ok(waits(never, 0) > 0, 'connections that never sync wait all the same')
})

test('[P5] 4401, and no token at all, need a login', () => {
  assert.is(connectionState(run([wanted, token, lost(4401)]), 0).state, 'needs-auth')
  assert.is(connectionState(run([wanted, { type: 'no-token' }]), 0).state, 'needs-auth')
  assert.is(connectionState(run([wanted, token, lost(4403)]), 0).state, 'closed')
})

test('[D51] whoever moves to a better way comes back at once, with nothing counted against it', () => {
  const moving = run([...OPEN, synced, moved])
  assert.equal(connectionState(moving, 0), { state: 'connecting' })
  assert.equal(nextAttempt(moving, wanted, at()), {
    state: { phase: 'authorizing', failures: 0, expiries: 0 },
    effect: { type: 'authorize' },
  })
})
