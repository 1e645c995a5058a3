/** How a command that serves ends when it cannot tell where it listens. */
import { runService } from '../../../server/cli/run-service.js'
import { configWith } from '../../../server/config.js'
import { openSqliteStore } from '../../../server/storage/sqlite/sqlite-store.js'
import { CountingObserver } from '../../support/core.js'
import { assert, suite } from '../../support/suite.js'
import { temporaryFolder } from '../../support/temporary-folder.js'

const test = suite('run-service')

test('[Z4] a command that fails once it listens does not go on serving, and leaves its folder', async () => {
  const dataDir = temporaryFolder('run')
  let served = ''
  const io = { out: () => {}, err: () => {}, onceAsked: () => {} }
  const config = configWith({ dataDir, port: 0, logLevel: 'silent' })

  const failed = await runService({
    config,
    io,
    onListening: ({ url }) => {
      served = url
      throw new Error('nobody reads this')
    },
  }).catch(error => error.message)

  assert.is(failed, 'nobody reads this')
  assert.ok(served !== '')
  assert.is(await fetch(served).catch(() => 'nobody'), 'nobody')
  const store = await openSqliteStore({ dataDir, now: Date.now, observer: new CountingObserver() })
  await store.close()
})
