/** Document messages that wait for a turn. */
import { Inbox } from '../../../server/space/inbox.js'
import type { Inbound } from '../../../server/space/session.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('inbox')

const message = (bytes: number): Inbound => ({ update: new Uint8Array(bytes) }) as Inbound

test('[B5] senders wait until what is left fits, not until something was taken', async () => {
  const inbox = new Inbox({ maxBytes: 100 })
  assert.is(inbox.put(message(100)), undefined)
  let isOpen = false
  const rooms = [inbox.put(message(50)), inbox.put(message(60))]
  void Promise.all(rooms).then(() => {
    isOpen = true
  })
  assert.is(inbox.take(1).length, 1)
  await null
  await null
  assert.not(isOpen, '110 bytes are left')
  assert.is(inbox.take(1).length, 1)
  await Promise.all(rooms)
  assert.is(inbox.bytes, 60)
})

test('[B5] nobody waits for an inbox that was cleared', async () => {
  const inbox = new Inbox({ maxBytes: 10 })
  const room = inbox.put(message(50))
  inbox.clear()
  await room
  assert.ok(inbox.isEmpty)
  assert.is(inbox.bytes, 0)
})
