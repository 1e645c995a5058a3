/** A full disk under the store alone: nothing is answered as saved that is not, and loads go on. */
import { join } from 'node:path'
import { mountSmallDisk, whyNoSmallDisk } from '../../../faults/small-disk.js'
import { LoggedDocument, textOf } from '../../../support/logged-document.js'
import { SqliteFolder } from '../../../support/sqlite-folder.js'
import { assert, suite } from '../../../support/suite.js'

const test = suite('sqlite full disk')

const DISK_MEGABYTES = 6
const BALLAST_BYTES = 3 * 2 ** 20

test.skipIf(
  whyNoSmallDisk(),
  '[T24] writing fails and comes back, in order, and loads go on meanwhile',
  async () => {
    const disk = mountSmallDisk(DISK_MEGABYTES)
    const folder = new SqliteFolder(join(disk.path, 'data'))
    const notes = new LoggedDocument('notes')
    try {
      const store = await folder.open()
      disk.fill(BALLAST_BYTES)
      let saved = ''
      let failed: Parameters<typeof store.append>[0] = []
      for (let i = 0; i < 10_000 && failed.length === 0; i++) {
        const group = [{ space: notes.space, flushes: [notes.type('x'.repeat(5000))] }]
        await store.append(group).then(
          () => {
            saved = notes.text
          },
          error => {
            assert.is(error.code, 'degraded')
            failed = group
          },
        )
      }
      assert.ok(failed.length > 0, 'the disk never filled')
      for (let attempt = 0; attempt < 3; attempt++) {
        await store.reopen().catch(error => assert.is(error.code, 'degraded'))
        await store.append(failed).catch(error => assert.is(error.code, 'degraded'))
      }
      const stored = await store.load(notes.space)
      assert.ok([saved, notes.text].includes(textOf(stored)))
      disk.makeRoom()
      await store.reopen()
      await store.append(failed)
      await store.append([{ space: notes.space, flushes: [notes.type('after')] }])
      assert.is(textOf(await store.load(notes.space)), notes.text)
      assert.is((await store.compact(notes.space)).type, 'compacted')
      await store.close()
      const again = await folder.open()
      assert.is(textOf(await again.load(notes.space)), notes.text)
      assert.equal((await again.verify()).problems, [])
    } finally {
      await folder.dispose()
      disk.unmount()
    }
  },
)
