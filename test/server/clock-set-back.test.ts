/** A machine whose clock is set back by an hour: what times somebody out does not wait for it. */
import { once } from 'node:events'
import { WebSocket } from 'ws'
import { systemScheduler } from '../../server/space/scheduler.js'
import { RunningServices } from '../support/running-service.js'
import { assert, suite } from '../support/suite.js'

const test = suite('a clock that is set back')

const here = new RunningServices()

test.after.each(() => here.end())

test('[D8] a half-open connection is gone as soon as ever', async () => {
  let offMs = 0
  const scheduler = { ...systemScheduler, now: () => Date.now() + offMs }
  const { url } = await here.serve({ heartbeatMs: 200 }, { scheduler })
  const ann = await here.client(url, 'demo', { user: 'ann' })
  const silent = new WebSocket(`${url.replace('http', 'ws')}/sync/demo?token=${await here.token()}`, {
    autoPong: false,
  })
  await once(silent, 'open')
  offMs = -3_600_000
  const [code] = await once(silent, 'close')
  assert.is(code, 1006)
  // Whoever answers stays.
  ann.doc.getText('t').insert(0, 'here')
  await ann.connection.whenSaved()
})
