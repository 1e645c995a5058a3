/** The journal of members on a store of somebody else's. */
import { MemberJournal } from '../../../server/space/member-journal.js'
import type { MemberChange } from '../../../server/space/member-store.js'
import { entered } from '../../../server/space/members.js'
import { parseSpaceName } from '../../../shared/names.js'
import { FakeScheduler } from '../../support/fake-scheduler.js'
import { RecordingObserver } from '../../support/recording-observer.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('member-journal')

test('[A15] a store that throws before it returns a promise is asked again like any other', async () => {
  const saved: MemberChange[] = []
  let isBroken = true
  const scheduler = new FakeScheduler()
  const journal = new MemberJournal({
    store: {
      load: async () => [],
      save: changes => {
        if (isBroken) throw new Error('as the test wants it')
        saved.push(...changes)
        return Promise.resolve()
      },
    },
    observer: new RecordingObserver(),
    scheduler,
    memberRetentionMs: 1_000,
  })
  const demo = parseSpaceName('demo')
  journal.put(demo, 'ann', entered(undefined, { user: 'ann', name: null }, scheduler.now(), 0), true)

  await journal.flush()
  isBroken = false
  await Promise.all([journal.flush(), journal.flush()])

  assert.equal(
    saved.map(({ space, user }) => `${space} ${user}`),
    ['demo ann'],
  )
})
