/** How long somebody has been there, on a real server: tabs close, sockets break and servers restart meanwhile. */
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { WebSocket } from 'ws'
import * as Y from 'yjs'
import { SpaceProvider } from '../../client/space-provider.js'
import { type ServerProcess, startServer } from '../support/server-process.js'
import { STOCK_VERSIONS } from '../support/stock-client-calls.js'
import { StockTab } from '../support/stock-tab.js'
import { assert, suite } from '../support/suite.js'
import { until } from '../support/until.js'

const test = suite('stays on a real server')

let server: ServerProcess
let spaces = 0
let space: string
const toClose: { close(): void }[] = []

test.before(async () => {
  server = await startServer()
})
test.before.each(() => {
  space = `space-${++spaces}`
})
test.after.each(() => {
  for (const opened of toClose.splice(0)) opened.close()
})
test.after(() => server.dispose())

const stock = async (user: string, version = STOCK_VERSIONS[0]!): Promise<StockTab> => {
  const token = await server.token(user, space)
  const tab = await StockTab.open({ version, url: server.syncUrl, space, token, state: { colour: 'red' } })
  toClose.push(tab)
  return tab
}

const ours = (user: string): SpaceProvider => {
  const provider = new SpaceProvider(server.syncUrl, space, new Y.Doc(), {
    token: () => server.token(user, space),
    WebSocketPolyfill: WebSocket,
    maxBackoffTime: 200,
    disableBc: true,
  })
  provider.awareness.setLocalState({ colour: 'white' })
  toClose.push({ close: () => provider.destroy() })
  return provider
}

/** What is stamped on the states that somebody sees, by user. */
const stamps = ({ awareness }: SpaceProvider): Map<string, { joinedAt: number; lastSeen: number }> =>
  new Map(
    [...awareness.getStates()]
      .filter(([id]) => id !== awareness.clientID)
      .map(([, { plenum }]) => [plenum.user, plenum]),
  )

const statusOf = ({ members }: SpaceProvider, user: string): string | undefined =>
  members.find(member => member.user === user)?.status

const joinedAtOf = ({ members }: SpaceProvider, user: string): number | undefined =>
  members.find(member => member.user === user)?.joinedAt

test('[A13] a user with a tab of each stock version who closes two never leaves', async () => {
  const watcher = ours('watcher')
  const tabs: StockTab[] = []
  for (const version of STOCK_VERSIONS) {
    const tab = await stock('ann', version)
    await until('it is seen', () => watcher.awareness.getStates().has(tab.clientId))
    tabs.push(tab)
  }
  await until('ann is there', () => statusOf(watcher, 'ann') === 'here')
  const joinedAt = joinedAtOf(watcher, 'ann')
  const told = new Set<string | undefined>()
  watcher.on('members', () => told.add(statusOf(watcher, 'ann')))

  const [first, second, third] = tabs as [StockTab, StockTab, StockTab]
  for (const tab of [first, second]) {
    tab.close()
    await until('its state is gone', () => !watcher.awareness.getStates().has(tab.clientId))
  }
  await until('one connection is left', () =>
    watcher.members.some(({ user, connections }) => user === 'ann' && connections === 1),
  )
  assert.equal([...told], ['here'])
  assert.is(joinedAtOf(watcher, 'ann'), joinedAt)
  assert.is(stamps(watcher).get('ann')?.joinedAt, joinedAt)

  third.close()
  await until('ann has left', () => statusOf(watcher, 'ann') === 'left')
})

/** How many members of the space the server has written to its database. */
const usersWritten = (): number => {
  const db = new Database(join(server.dataDir, 'plenum.sqlite'), { readonly: true })
  try {
    return db.prepare('SELECT count(*) FROM members WHERE space = ?').pluck().get(space) as number
  } finally {
    db.close()
  }
}

for (const [how, end] of [
  ['stops', () => server.stop()],
  ['is killed', () => server.kill9()],
] as const) {
  test(`[A13] [A15] a server that ${how} and is back within the grace keeps when everybody came`, async () => {
    const watcher = ours('watcher')
    for (const version of STOCK_VERSIONS) await stock(`user of ${version}`, version)
    const users = STOCK_VERSIONS.map(version => `user of ${version}`)
    await until('all are seen', () => stamps(watcher).size === users.length)
    const before = users.map(user => stamps(watcher).get(user)?.joinedAt)
    const ownBefore = joinedAtOf(watcher, 'watcher')
    // What was written is what a kill leaves.
    await until('all are written down', () => usersWritten() === users.length + 1)

    await end()
    await until('nobody is seen', () => stamps(watcher).size === 0)
    await server.start()
    await until('all are seen again', () => stamps(watcher).size === users.length, 20_000)

    assert.equal(
      users.map(user => stamps(watcher).get(user)?.joinedAt),
      before,
    )
    await until('the roster is told', () => statusOf(watcher, 'watcher') === 'here')
    assert.is(joinedAtOf(watcher, 'watcher'), ownBefore)
  })
}
