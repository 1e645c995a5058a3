/** The save ledger: every state under every event, and the stories that the rules tell. */
import {
  advance,
  createLedger,
  forgetIncarnation,
  type LedgerEvent,
  recallCopy,
  type SaveLedger,
  type SaveState,
  saveState,
} from '../../../client/channel/save-ledger.js'
import { throwsCode } from '../../support/expect.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('save ledger')

const welcome = (over: Partial<LedgerEvent & { type: 'welcome' }> = {}): LedgerEvent => ({
  type: 'welcome',
  epoch: 'e1',
  incarnation: 'i1',
  role: 'write',
  isEmptyDocument: false,
  ...over,
})
const edit: LedgerEvent = { type: 'changed', isEdit: true }
const reply: LedgerEvent = { type: 'sent', kind: 'step2' }
const update: LedgerEvent = { type: 'sent', kind: 'update' }
const opening: LedgerEvent = { type: 'opening' }
const closed: LedgerEvent = { type: 'closed' }
const leftOut: LedgerEvent = { type: 'left-out' }
const doubted: LedgerEvent = { type: 'doubted' }
const saved = (count: number, position = 0): LedgerEvent => ({ type: 'saved', count, position })
const access = (role: 'read' | 'write'): LedgerEvent => ({ type: 'access', role })
const rejected = (number: number): LedgerEvent => ({
  type: 'rejected',
  number,
  code: 'unappliable',
  reason: 'no',
})

const empty = createLedger({ incarnation: null, isEmptyDocument: true })
const after = (...events: LedgerEvent[]): SaveLedger => events.reduce(advance, empty)

/** Every state that differs in what may follow. */
const STATES = {
  closed: after(),
  'closed, edited': after(edit),
  opening: after(opening),
  'open, not replied': after(opening, welcome()),
  'open, update before the reply': after(opening, welcome(), edit, update),
  'open, replied': after(opening, welcome(), reply),
  saved: after(opening, welcome(), reply, saved(1)),
  'saved, then edited': after(opening, welcome(), reply, saved(1), edit, update),
  'reader, edited': after(opening, welcome({ role: 'read' }), edit, reply),
  diverged: after(opening, welcome(), edit, reply, update, rejected(2)),
  'closed after a refusal': after(opening, welcome(), edit, reply, update, rejected(2), closed),
  'open after a refusal': after(
    opening,
    welcome(),
    edit,
    reply,
    rejected(1),
    closed,
    opening,
    welcome(),
    reply,
  ),
} as const

/** `malformed` and `internal` are what `advance` throws; otherwise the save state that follows. */
type Expected = SaveState | 'malformed' | 'internal' | 'incarnation_conflict'

const EVENTS = {
  opening,
  welcome: welcome(),
  'welcome, other incarnation': welcome({ incarnation: 'i2' }),
  edit,
  'reply sent': reply,
  'update sent': update,
  'saved 0': saved(0),
  'saved 1': saved(1),
  'saved 2': saved(2),
  'rejected 1': rejected(1),
  'rejected 2': rejected(2),
  'read access': access('read'),
  'left out': leftOut,
  doubted,
  closed,
} as const

const row = (text: string): Expected[] => {
  const short: Record<string, Expected> = {
    off: 'offline',
    ing: 'saving',
    SAVED: 'saved',
    REJ: 'rejected',
    mal: 'malformed',
    int: 'internal',
    inc: 'incarnation_conflict',
  }
  return text
    .trim()
    .split(/\s+/)
    .map(word => short[word] as Expected)
}

/* Columns in the order of EVENTS:
   opening welcome other edit reply update saved0 saved1 saved2 rejected1 rejected2 access left-out doubted closed */
const TABLE: Record<keyof typeof STATES, Expected[]> = {
  closed: row('off mal mal off int int mal mal mal mal mal mal mal off off'),
  'closed, edited': row('off mal mal off int int mal mal mal mal mal mal mal off off'),
  opening: row('int ing ing off int int mal mal mal mal mal mal mal off off'),
  'open, not replied': row('int mal mal ing ing ing ing mal mal mal mal ing ing ing off'),
  'open, update before the reply': row('int mal mal ing ing ing ing ing mal REJ mal ing REJ ing off'),
  'open, replied': row('int mal mal ing ing ing ing SAVED mal REJ mal ing ing ing off'),
  saved: row('int mal mal ing ing ing SAVED SAVED mal mal mal SAVED SAVED SAVED off'),
  'saved, then edited': row('int mal mal ing ing ing ing ing SAVED mal REJ ing REJ ing off'),
  'reader, edited': row('int mal mal ing ing ing ing SAVED mal REJ mal ing REJ ing off'),
  diverged: row('int mal mal REJ REJ REJ REJ REJ mal REJ REJ REJ REJ REJ REJ'),
  'closed after a refusal': row('REJ mal mal REJ int int mal mal mal mal mal mal mal REJ REJ'),
  'open after a refusal': row('int mal mal REJ REJ REJ REJ SAVED mal REJ mal REJ REJ REJ REJ'),
}

const outcome = (ledger: SaveLedger, event: LedgerEvent): Expected => {
  try {
    return saveState(advance(ledger, event))
  } catch (error) {
    return (error as { code: Expected }).code
  }
}

for (const [name, ledger] of Object.entries(STATES)) {
  test(`[K1] every event while: ${name}`, () => {
    const expected = TABLE[name as keyof typeof STATES]
    const names = Object.keys(EVENTS)
    const actual = Object.values(EVENTS).map(event => outcome(ledger, event))
    assert.equal(
      Object.fromEntries(names.map((event, at) => [event, actual[at]])),
      Object.fromEntries(names.map((event, at) => [event, expected[at]])),
    )
  })
}

test('[K1] the ledger passed in stays as it was', () => {
  for (const ledger of Object.values(STATES)) {
    const copy = structuredClone(ledger)
    for (const event of Object.values(EVENTS)) outcome(ledger, event)
    assert.equal(ledger, copy)
  }
})

test('[K2] 0 of 0 after a reconnect is not saved', () => {
  const again = [closed, opening, welcome(), saved(0)].reduce(advance, STATES.saved)
  assert.is(saveState(again), 'saving')
  assert.is(saveState([reply, saved(1)].reduce(advance, again)), 'saved')
})

test('[K2] an acknowledged update is not saved before the first reply is', () => {
  const early = after(opening, welcome(), edit, update, saved(1))
  assert.is(saveState(early), 'saving')
  assert.is(saveState(advance(early, reply)), 'saving')
  assert.is(saveState([reply, saved(2)].reduce(advance, early)), 'saved')
})

test('[K2] an edit made while offline is unsaved until the next connection’s reply is acknowledged', () => {
  const back = [closed, edit, opening, welcome(), reply].reduce(advance, STATES.saved)
  assert.is(back.isUnsaved, true)
  assert.is(advance(back, saved(1)).isUnsaved, false)
})

test('[K2] acks that come late or twice take nothing back', () => {
  const twice = [saved(1), saved(0), saved(1)].reduce(advance, STATES.saved)
  assert.is(saveState(twice), 'saved')
})

test('[K3] an ack for more than was sent is malformed', () => {
  throwsCode('malformed', () => advance(STATES['open, replied'], saved(2)))
})

test('[K3] no ack passes a refused message', () => {
  assert.is(saveState(advance(STATES.diverged, saved(1))), 'rejected')
  throwsCode('malformed', () => advance(STATES.diverged, saved(2)))
})

test('[K4] a new epoch makes the document unsaved, though nothing was edited', () => {
  const idle = [closed, opening, welcome({ epoch: 'e2' })].reduce(advance, STATES.saved)
  assert.is(idle.isUnsaved, true)
  assert.is(idle.hasEdits, false)
  const same = [closed, opening, welcome()].reduce(advance, STATES.saved)
  assert.is(same.isUnsaved, false)
})

test('[K4] a position counts within its epoch', () => {
  const told = advance(STATES['open, replied'], saved(1, 7))
  assert.is(advance(told, saved(1, 5)).position, 7)
  assert.is([closed, opening, welcome()].reduce(advance, told).position, 7)
  assert.is([closed, opening, welcome({ epoch: 'e2' })].reduce(advance, told).position, 0)
})

test('[K5] a copy of another incarnation is a conflict, unless it is empty', () => {
  const known = advance(createLedger({ incarnation: 'i0', isEmptyDocument: false }), opening)
  throwsCode('incarnation_conflict', () => advance(known, welcome()))
  assert.is(advance(known, welcome({ isEmptyDocument: true })).incarnation, 'i1')
  const unknown = advance(createLedger({ incarnation: null, isEmptyDocument: false }), opening)
  assert.is(advance(unknown, welcome()).incarnation, 'i1')
})

test('[K6] a refusal outlives its connection, and a writer’s whole acknowledged copy ends it', () => {
  const back = STATES['open after a refusal']
  assert.is(saveState(back), 'rejected')
  const whole = advance(back, saved(1))
  assert.is(whole.refusal, null)
  assert.is(saveState(whole), 'saved')
})

test('[K6] a reader’s connection acknowledges what it left out, and ends no refusal', () => {
  const asReader = [closed, opening, welcome({ role: 'read' }), reply, saved(1)]
  assert.is(saveState(asReader.reduce(advance, STATES.diverged)), 'rejected')
  const promoted = [closed, opening, welcome({ role: 'read' }), access('write'), reply, saved(1)]
  assert.is(saveState(promoted.reduce(advance, STATES.diverged)), 'rejected')
})

test('[K6] what was left out is a refusal only to those who edited', () => {
  const innocent = after(opening, welcome({ role: 'read' }), reply, leftOut, saved(1))
  assert.is(saveState(innocent), 'saved')
  const cleanUp = after(
    opening,
    welcome({ role: 'read' }),
    { type: 'changed', isEdit: false },
    reply,
    leftOut,
  )
  assert.is(cleanUp.refusal, null)
  const lateNotice = after(edit, opening, welcome({ role: 'read' }), reply, saved(1), leftOut)
  assert.is(lateNotice.refusal?.code, 'read_only')
})

test('[P16] a copy whose incarnation is forgotten merges, and is unsaved until it has', () => {
  const merged = [opening, welcome({ incarnation: 'i2', epoch: 'e2' })].reduce(
    advance,
    forgetIncarnation(advance(STATES.saved, closed)),
  )
  assert.is(merged.incarnation, 'i2')
  assert.is(saveState(merged), 'saving')
})

test('[P22] what is remembered of a copy adds to what is known, and takes nothing back', () => {
  const copy = { incarnation: 'i0', hasEdits: false }
  assert.is(recallCopy(empty, copy).incarnation, 'i0')
  assert.is(recallCopy(after(edit), copy).hasEdits, true)
  assert.is(recallCopy(advance(STATES.saved, closed), copy).incarnation, 'i1')
  assert.is(recallCopy(empty, { ...copy, hasEdits: true }).hasEdits, true)
})

/** Synced as a writer from nothing, and told a position. */
const whole = after(opening, welcome(), reply, saved(1, 7))
/** The same after it has come back: whatever happened in between. */
const back = (...between: LedgerEvent[]): SaveLedger =>
  [closed, ...between, opening, welcome()].reduce(advance, whole)

test('[K14] a position outlives its connection, and no change of epoch or incarnation', () => {
  assert.is(back().position, 7)
  const elsewhere = [{ epoch: 'e2' }, { epoch: 'e1', incarnation: 'i2', isEmptyDocument: true }].map(over =>
    [closed, opening, welcome(over)].reduce(advance, whole),
  )
  assert.equal(
    elsewhere.map(({ position }) => position),
    [0, 0],
  )
  assert.is(forgetIncarnation(whole).epoch, null)
})

test('[K14] a fault forgets the position and all trust, until the server has told and taken all again', () => {
  const doubting = back(doubted)
  assert.equal([doubting.position, doubting.isAhead], [0, true])
  const again = [reply, saved(1, 9)].reduce(advance, doubting)
  assert.equal([again.position, again.isAhead], [9, false])
})

test('[K15] a copy that came from the server, or that it took from a writer, is not ahead of it', () => {
  assert.is(after(opening, welcome()).isAhead, false)
  assert.is(back().isAhead, false)
  assert.is(createLedger({ incarnation: null, isEmptyDocument: false }).isAhead, true)
  const taken = [edit, reply, saved(1)].reduce(advance, after(opening, welcome()))
  assert.is(taken.isAhead, false)
})

test('[K15] any change makes it ahead, until the reply and all since are acknowledged', () => {
  for (const change of [edit, { ...edit, isEdit: false } as LedgerEvent]) {
    assert.is(back(change).isAhead, true)
    const sent = [change, update].reduce(advance, advance(back(), reply))
    assert.is(sent.isAhead, true)
    assert.is(advance(sent, saved(1)).isAhead, true)
    assert.is(advance(sent, saved(2)).isAhead, false)
  }
})

test('[K15] what a reader changed stays ahead, whatever is acknowledged, and so does what was refused', () => {
  const read = [edit, opening, welcome({ role: 'read' }), reply, saved(1), closed].reduce(advance, empty)
  assert.is(read.isAhead, true)
  const writes = [opening, welcome(), reply, saved(1)].reduce(advance, read)
  assert.is(writes.isAhead, false)
  assert.is(STATES['closed after a refusal'].isAhead, true)
})

test('[K15] in a new epoch every copy is ahead: the server may have lost what it had', () => {
  assert.is([closed, opening, welcome({ epoch: 'e2' })].reduce(advance, whole).isAhead, true)
  assert.is(forgetIncarnation(whole).isAhead, true)
})
