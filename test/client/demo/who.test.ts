/** What the page says of those who are here and were. */
import { whoIs } from '../../../client/demo/who.js'
import type { Member } from '../../../client/presence/member.js'
import type { Presence } from '../../../client/presence/roster-view.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('demo: who')

const MINUTE_MS = 60_000
const NOON = new Date(2026, 10, 22, 12).getTime()

const member = (user: string, over: Partial<Member> = {}): Member => ({
  user,
  name: user,
  isSelf: user === 'Ada',
  status: 'here',
  connections: 1,
  joinedAt: NOON - 60 * MINUTE_MS,
  lastSeen: NOON,
  left: null,
  ...over,
})
const gone = (
  user: string,
  minutes: number,
  reason: NonNullable<Member['left']>['reason'] = 'closed',
): Member =>
  member(user, { status: 'left', connections: 0, left: { at: NOON - minutes * MINUTE_MS, reason } })
const presence = (members: Member[], over: Partial<Presence> = {}): Presence => ({
  members,
  self: members.find(({ isSelf }) => isSelf) ?? null,
  isLive: true,
  asOf: null,
  ...over,
})
const texts = (rows: readonly { readonly name: string; readonly text: string }[]): string[] =>
  rows.map(({ name, text }) => `${name}: ${text}`)

test('[U24] who is here comes with since when and how active, oneself first; who left with when and how', () => {
  const who = whoIs(
    presence([
      member('Barbara', { lastSeen: NOON - 2 * MINUTE_MS - 1 }),
      member('Ada', { connections: 3 }),
      gone('Alan', 5),
      gone('Radia', 90, 'timeout'),
      gone('Linus', 0, 'evicted'),
    ]),
    NOON,
    'Ada',
  )
  const since = /since \D*11\D00.*/
  assert.is(who.title, 'Here now')
  assert.equal(
    texts(who.here).map(text => text.replace(since, found => found.slice(found.indexOf('·')))),
    ['Ada (you): · active now · 3 windows', 'Barbara: · active 2 min ago'],
  )
  for (const { text } of who.here) assert.match(text, since)
  assert.equal(texts(who.were), [
    'Alan: left 5 min ago',
    'Radia: lost the connection 1 h ago',
    'Linus: was put out just now',
  ])
})

test('[U24] without a connection nobody is called here, and there are no ages that nobody can know', () => {
  const lost = { status: 'unknown', connections: 0 } as const
  const members = [member('Ada', lost), member('Barbara', lost), gone('Alan', 5)]
  const who = whoIs(presence(members, { isLive: false, asOf: NOON }), NOON + 1, 'Ada')
  assert.match(who.title, /^Here at \D*12\D00/)
  assert.ok(who.here.every(({ isHere }) => !isHere))
  for (const text of texts([...who.here, ...who.were])) {
    assert.match(text, / at \D*1[12]\D/)
    assert.not.match(text, /ago|now|since/)
  }
  assert.is(who.changesInMs, null)
})

test('[U24] before the server was ever heard there is oneself, and that is all that is said', () => {
  const who = whoIs(presence([], { isLive: false }), null, 'Ada')
  assert.equal([who.title, texts(who.here), who.were], ['Not connected', ['Ada (you): in this window'], []])
  assert.is(who.here[0]?.isHere, false)
})

test('[U24] a crowd is counted where it is too long to list', () => {
  const crowd = Array.from({ length: 300 }, (_, at) => member(`m${at}`))
  const who = whoIs(presence([...crowd, member('Ada')]), NOON, 'Ada')
  assert.is(who.here[0]?.name, 'Ada (you)')
  assert.is(who.here.length + who.moreHere, 301)
  assert.ok(who.here.length < 100)
  assert.ok(
    whoIs(presence(Array.from({ length: 300 }, (_, at) => gone(`m${at}`, at))), NOON, 'Ada').were.length < 50,
  )
})

test('[U25] it is said when the first of all ages changes its words', () => {
  const members = [
    member('Ada', { lastSeen: NOON - 10_000 }),
    member('Barbara', { lastSeen: NOON - 2.5 * MINUTE_MS }),
  ]
  assert.is(whoIs(presence(members), NOON, 'Ada').changesInMs, 30_000)
  assert.is(whoIs(presence([...members, gone('Alan', 1.75)]), NOON, 'Ada').changesInMs, 15_000)
})
