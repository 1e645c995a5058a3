/** What the page says of what people mean to do. */

import * as Y from 'yjs'
import { openPlans, plansOf } from '../../../client/demo/plans.js'
import { intentions } from '../../../client/intentions/intentions.js'
import type { Member } from '../../../client/presence/member.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('demo: plans')

const member = (user: string, name: string, isSelf = false): Member => ({
  user,
  name,
  isSelf,
  status: 'here',
  connections: 1,
  joinedAt: 0,
  lastSeen: 0,
  left: null,
})

const board = () => {
  let nowMs = 1_000
  const doc = new Y.Doc()
  const by = { user: 'ada' }
  const plans = intentions(doc, { by: () => by.user, now: () => nowMs++ })
  const propose = (user: string, text: string): string => {
    by.user = user
    return plans.propose(text).id
  }
  return { plans, propose }
}

test('[U26] what is being done comes first, then what is planned, then what was done; what was dropped is gone', () => {
  const { plans, propose } = board()
  propose('ada', 'later')
  const [active, done, dropped] = [propose('ada', 'now'), propose('bob', 'before'), propose('bob', 'never')]
  plans.activate(active)
  plans.activate(done)
  plans.finish(done)
  plans.drop(dropped)
  const shown = plansOf(plans.list(), [member('ada', 'Ada', true), member('bob', 'Bob')], true)
  assert.equal(
    shown.map(({ text, note, actions }) => `${text} | ${note} | ${actions.join(' ')}`),
    [
      'now | You · doing it now | finish drop',
      'later | You · planned | activate drop',
      'before | Bob · done | ',
    ],
  )
  assert.is(openPlans(plans.list()), 2)
})

test('[U26] whoever only reads can change nothing, and somebody unknown goes by what the entry says', () => {
  const { plans, propose } = board()
  propose('eve', 'a')
  const [plan] = plansOf(plans.list(), [member('ada', 'Ada', true)], false)
  assert.equal([plan?.note, plan?.actions], ['eve · planned', []])
})

test('[U26] of what was done only the last is shown', () => {
  const { plans, propose } = board()
  for (let i = 0; i < 20; i++) {
    const id = propose('ada', `${i}`)
    plans.activate(id)
    plans.finish(id)
  }
  const texts = plansOf(plans.list(), [], true).map(({ text }) => text)
  assert.equal(texts, ['19', '18', '17', '16', '15'])
})
