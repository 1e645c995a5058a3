/** `kill -9` with people in a space: afterwards there is no ghost, and whoever comes back at once never left. */
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { openPlainClient, type PlainClient } from '../support/plain-client.js'
import { type ServerProcess, startServer } from '../support/server-process.js'
import { assert, suite } from '../support/suite.js'
import { until } from '../support/until.js'

const test = suite('kill -9 and members')

const SPACE = 'meeting'

interface Shown {
  readonly user: string
  readonly connections: number
  readonly joinedAt: number
  readonly lastSeen: number
  readonly left: { readonly at: number; readonly reason: string } | null
}

const enter = async (server: ServerProcess, user: string): Promise<PlainClient> => {
  const client = await openPlainClient(`${server.syncUrl}/${SPACE}`, await server.token(user))
  await client.message('welcome')
  return client
}

const membersOf = async (server: ServerProcess): Promise<Shown[]> => {
  const headers = { Authorization: `Bearer ${await server.token('asking')}` }
  const response = await fetch(`${server.url}/api/spaces/${SPACE}/members`, { headers })
  const { members } = (await response.json()) as { members: Shown[] }
  return members
}

/** What a process that is killed now leaves behind. */
const written = (server: ServerProcess): number => {
  const db = new Database(join(server.dataDir, 'plenum.sqlite'), { readonly: true })
  try {
    return db.prepare('SELECT count(*) FROM members WHERE left_ms IS NULL').pluck().get() as number
  } finally {
    db.close()
  }
}

test('[A13] [A15] whoever was there has left, and goes on with their stay within the grace', async () => {
  const server = await startServer({ flags: ['--log-level', 'warn'] })
  try {
    await enter(server, 'ann')
    await enter(server, 'ann')
    await enter(server, 'bob')
    await until('who is there is written down', () => written(server) === 2)
    const before = await membersOf(server)
    await server.kill9()
    await server.start()
    const after = await membersOf(server)
    assert.equal(after.map(({ user, connections, left }) => [user, connections, left?.reason]).sort(), [
      ['ann', 0, 'timeout'],
      ['bob', 0, 'timeout'],
    ])
    for (const { left, joinedAt } of after) assert.ok(left!.at >= joinedAt && left!.at <= Date.now())
    await enter(server, 'ann')
    const [ann] = await membersOf(server)
    assert.equal([ann?.user, ann?.connections, ann?.left], ['ann', 1, null])
    assert.is(ann?.joinedAt, before.find(({ user }) => user === 'ann')?.joinedAt)
  } finally {
    await server.dispose()
  }
})
