/** The order of the disk and the wire, watched from the kernel's side: first the sync, then the word. */
import * as Y from 'yjs'
import type { SpaceConnection } from '../../client/index.js'
import { decodeServerMessage } from '../../shared/protocol/index.js'
import { type ServerProcess, startServer } from '../support/server-process.js'
import { assert, note, suite } from '../support/suite.js'
import { until } from '../support/until.js'
import { type OpenSpace, openSpace } from './open-space.js'
import { codeOfReadyz, metric } from './server-figures.js'
import { Strace, type SystemCall, whyNoStrace } from './strace.js'

const test = suite('fsync')
const noStrace = whyNoStrace()

let server: ServerProcess
test.before.each(async () => {
  server = await startServer()
})
test.after.each(() => server.dispose())

const open = (space: string): Promise<OpenSpace> => openSpace(server, space)

/** Document messages that this connection has sent. */
const sent = ({ ledger: { link } }: SpaceConnection): number => {
  if (link.state !== 'open') throw new Error(`the link is ${link.state}`)
  return link.sent
}

/** The `saved` messages in what was written to sockets; each write must hold whole frames. */
const acknowledgements = (calls: readonly SystemCall[]): { count: number; call: SystemCall }[] =>
  calls
    .filter(({ target }) => target.startsWith('TCP'))
    .flatMap(call =>
      framesOf(call.bytes).flatMap(frame => {
        const message = decodeServerMessage(frame)
        return message.type === 'saved' ? [{ count: message.count, call }] : []
      }),
    )

const framesOf = (bytes: Buffer): Buffer[] => {
  const frames: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const [opcode, short] = [bytes[at]! & 0x0f, bytes[at + 1]! & 0x7f]
    const header = short === 126 ? 4 : short === 127 ? 10 : 2
    const length = short === 126 ? bytes.readUInt16BE(at + 2) : short
    if (short === 127) throw new Error('a frame larger than this test expects')
    if (opcode === 2) frames.push(bytes.subarray(at + header, at + header + length))
    at += header + length
  }
  return frames
}

test.skipIf(noStrace, '[F4] the write-ahead log is synced before the frame with 101 leaves', async () => {
  const { text, connection } = await open('demo')
  await connection.whenSaved()
  const strace = await Strace.attach(server.pid, [
    'trace=fsync,fdatasync,write,writev,sendto,sendmsg,pwrite64',
  ])
  const edits: { marker: string; number: number }[] = []
  const edit = (): void => {
    const marker = `<mark ${edits.length}>`
    text.insert(0, marker)
    edits.push({ marker, number: sent(connection) })
  }
  for (let alone = 0; alone < 10; alone++) {
    edit()
    await connection.whenSaved()
  }
  for (let together = 0; together < 10; together++) edit()
  await connection.whenSaved()
  const calls = await strace.detach()
  connection.close()

  const acks = acknowledgements(calls)
  for (const { marker, number } of edits) {
    const ack = acks.find(({ count }) => count >= number)
    const written = calls.find(
      ({ name, target, bytes }) => name === 'pwrite64' && target.endsWith('-wal') && bytes.includes(marker),
    )
    assert.ok(ack !== undefined && written !== undefined, `${marker} was neither acknowledged nor written`)
    const sync = calls.find(
      ({ name, target, begin }) => name === 'fsync' && target.endsWith('-wal') && begin > written.end,
    )
    assert.is(sync?.result, '0', `${marker} was not synced`)
    assert.ok(sync !== undefined && sync.end < ack.call.begin, `${marker} was acknowledged before the sync`)
  }
  note(`${edits.length} edits in ${calls.length} calls: written, synced, then acknowledged`)
})

test.skipIf(
  noStrace,
  '[F5] no sync, no acknowledgement; when the disk works again, exactly one',
  async () => {
    const cold = await open('cold')
    cold.text.insert(0, 'read me')
    await cold.connection.whenSaved()
    cold.connection.close()
    await server.restart()

    const { doc, text, connection, notices } = await open('demo')
    const bystander = await open('another')
    const counts: number[] = []
    connection.on('saved', ({ count }) => counts.push(count))
    text.insert(0, 'before ')
    await connection.whenSaved()
    assert.is(await codeOfReadyz(server), null)

    const strace = await Strace.attach(server.pid, [
      'trace=fsync,fdatasync',
      'inject=fsync:error=EIO',
      'inject=fdatasync:error=EIO',
    ])
    const acknowledged = counts.at(-1)!
    text.insert(text.length, 'during ')
    await until(
      'everybody is told',
      () => notices.includes('degraded') && bystander.notices.includes('degraded'),
    )
    text.insert(text.length, 'later ')
    assert.is(await codeOfReadyz(server), 'degraded')
    await until(
      'the commit was retried',
      async () => (await metric(server, 'plenum_commit_failures_total')) >= 3,
    )
    assert.is(counts.at(-1), acknowledged)
    assert.is(connection.saveState, 'saving')
    const reader = await open('cold')
    assert.is(reader.text.toString(), 'read me')

    const calls = await strace.detach()
    assert.ok(calls.filter(({ result }) => result.includes('EIO')).length >= 3)
    await connection.whenSaved()
    await until('the bystander is told', () => bystander.notices.includes('recovered'))
    assert.is(await codeOfReadyz(server), null)
    assert.equal(notices, ['degraded', 'recovered'])
    assert.is(counts.at(-1), sent(connection))
    const since = counts.slice(counts.indexOf(acknowledged) + 1)
    assert.equal(
      since,
      [...new Set(since)].sort((a, b) => a - b),
      'no count is told twice',
    )

    await server.restart()
    const fresh = await open('demo')
    assert.is(fresh.text.toString(), 'before during later ')
    assert.equal(Y.encodeStateVector(fresh.doc), Y.encodeStateVector(doc))
    for (const { connection } of [fresh, bystander, reader]) connection.close()
  },
)
