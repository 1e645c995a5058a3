/** What the demo says of saving and connection, for everything that a provider can say. */
import type { ConnectionState } from '../../../client/channel/connection-state.js'
import type { SaveState } from '../../../client/channel/save-ledger.js'
import { connectionStatus, type Facts, saveStatus } from '../../../client/demo/status.js'
import { type TroubleFacts, troubleOf } from '../../../client/demo/trouble.js'
import { ERRORS } from '../../../shared/errors.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('demo: status')

const CONNECTIONS: readonly ConnectionState[] = [
  { state: 'connecting' },
  { state: 'connected' },
  { state: 'offline', retryInMs: null },
  { state: 'offline', retryInMs: 4_200 },
  { state: 'needs-auth', code: 4401, reason: 'no valid token' },
  { state: 'closed', code: 4403, reason: 'access denied' },
]
const SAVE_STATES: readonly SaveState[] = ['offline', 'saving', 'saved', 'rejected']

const allFacts = (): Facts[] =>
  CONNECTIONS.flatMap(connection =>
    SAVE_STATES.flatMap(saveState =>
      [true, false].flatMap(hasUnsavedEdits =>
        [true, false].flatMap(isKeptLocally =>
          [true, false].map(isSwitchedOff => ({
            connection,
            saveState,
            hasUnsavedEdits,
            isKeptLocally,
            isKeeping: isKeptLocally,
            isConflict: false,
            isSwitchedOff,
          })),
        ),
      ),
    ),
  )

test('[U21] "Saved" is said for what the provider calls saved, and for nothing else', () => {
  for (const facts of allFacts()) {
    const { text, tone } = saveStatus(facts)
    assert.is(text === 'Saved', facts.saveState === 'saved', JSON.stringify(facts))
    assert.is(tone === 'good', facts.saveState === 'saved')
  }
})

test('[U21] edits that no disk has are said to be in this tab only', () => {
  for (const facts of allFacts().filter(({ saveState }) => saveState === 'offline')) {
    const { hasUnsavedEdits, isKeptLocally } = facts
    const expected = isKeptLocally ? 'Kept in this browser' : 'Only in this tab'
    assert.is(saveStatus(facts).text, hasUnsavedEdits ? expected : 'No unsaved edits')
    const onTheirWay = saveStatus({ ...facts, isKeptLocally: false, isKeeping: true })
    assert.is(onTheirWay.text, hasUnsavedEdits ? 'Keeping…' : 'No unsaved edits')
  }
})

test('[U21] what a server lost that began anew is not said to be without need of saving', () => {
  for (const facts of allFacts().filter(({ saveState }) => saveState === 'offline')) {
    assert.is(saveStatus({ ...facts, isConflict: true }).text, 'Not on the server')
  }
})

test('[U21] the connection is shown as it is, and the time until the next try', () => {
  const facts = (connection: ConnectionState, isSwitchedOff = false): Facts => ({
    connection,
    saveState: 'offline',
    hasUnsavedEdits: false,
    isKeptLocally: true,
    isKeeping: true,
    isConflict: false,
    isSwitchedOff,
  })
  const [connecting, connected, idle, waiting, needsAuth, closed] = CONNECTIONS as [
    ConnectionState,
    ConnectionState,
    ConnectionState,
    ConnectionState,
    ConnectionState,
    ConnectionState,
  ]
  const said = (
    connection: ConnectionState,
    retryInMs: number | null = null,
    isSwitchedOff = false,
  ): string => connectionStatus(facts(connection, isSwitchedOff), retryInMs).text

  assert.is(said(connecting), 'Connecting…')
  assert.is(said(connected), 'Connected')
  assert.is(said(idle, null, true), 'Offline')
  assert.is(said(waiting, 4_200), 'Offline, trying again in 5 s')
  assert.is(said(waiting, 0), 'Offline, trying again')
  assert.is(said(needsAuth), 'Not signed in')
  assert.is(said(closed), 'Disconnected')
})

const well: TroubleFacts = {
  connection: { state: 'connected' },
  rejected: null,
  isConflict: false,
  hasText: true,
  hasEntry: true,
  storageProblem: null,
  space: 'demo',
}

test('[U22] where nothing is to be done, nothing is in the way', () => {
  assert.is(troubleOf(well), null)
  for (const connection of CONNECTIONS.slice(0, 4)) assert.is(troubleOf({ ...well, connection }), null)
})

test('[U22] every permanent close has a notice with the reason and a way on, and text can be taken along', () => {
  const codes = new Set(Object.values(ERRORS).map(({ close }) => close))
  for (const code of [...codes].filter(code => code < 4500)) {
    const isConflict = code === ERRORS.incarnation_conflict.close
    const trouble = troubleOf({
      ...well,
      isConflict,
      connection: { state: 'closed', code, reason: 'so and so' },
    })
    assert.ok(trouble !== null && trouble.title !== '' && trouble.text !== '')
    assert.ok(trouble.ways.includes('export'), String(code))
    assert.ok(trouble.ways.length > 1, String(code))
  }
})

test('[U22] a conflict and a refusal offer what resolves them, before anything else', () => {
  assert.equal(troubleOf({ ...well, isConflict: true })?.ways, ['merge', 'discard', 'export'])
  const refused = troubleOf({ ...well, rejected: { code: 'read_only', reason: 'this role may not edit' } })
  assert.equal(refused?.ways, ['export', 'discard'])
  assert.match(refused?.text ?? '', /The server says: this role may not edit\. /)
})

test('[U22] a browser that keeps nothing is told of, once nothing worse is', () => {
  assert.match(troubleOf({ ...well, storageProblem: 'no room' })?.text ?? '', /no room\./)
  const denied: ConnectionState = { state: 'closed', code: 4403, reason: 'access denied' }
  const worse = troubleOf({ ...well, storageProblem: 'no room', connection: denied })
  assert.match(worse?.title ?? '', /no access/)
})
