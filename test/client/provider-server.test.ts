/** The provider against a real server process: beside stock clients, through deaths, expiry, refusals and a reset. */
import { setImmediate as breathe, setTimeout as pause } from 'node:timers/promises'
import { WebSocket } from 'ws'
import * as Y from 'yjs'
import { connectSpace } from '../../client/index.js'
import type { SpaceProviderOptions } from '../../client/provider/provider-options.js'
import { SpaceProvider } from '../../client/space-provider.js'
import type { Role } from '../../shared/roles.js'
import { createRng, int, seedFrom } from '../support/rng.js'
import { difference } from '../support/same-document.js'
import { ServerProcess, startServer } from '../support/server-process.js'
import { openStockClient, type StockClient } from '../support/stock-client.js'
import { STOCK_VERSIONS } from '../support/stock-client-calls.js'
import { assert, isLongRun, note, suite } from '../support/suite.js'
import { removeFolder, temporaryFolder } from '../support/temporary-folder.js'
import { until } from '../support/until.js'

const test = suite('space provider on a real server')

let server: ServerProcess
const providers: SpaceProvider[] = []
test.before(async () => {
  server = await startServer()
})
test.after.each(() => {
  for (const provider of providers.splice(0)) provider.destroy()
})
test.after(() => server.dispose())

const open = (space: string, options: SpaceProviderOptions = {}, user = 'ann', role: Role = 'write') => {
  const provider = new SpaceProvider(server.syncUrl, space, new Y.Doc(), {
    token: () => server.token(user, space, role),
    WebSocketPolyfill: WebSocket,
    maxBackoffTime: 200,
    disableBc: true,
    ...options,
  })
  providers.push(provider)
  const states: string[] = []
  provider.on('saveState', state => states.push(state))
  return { provider, states, text: provider.doc.getText('text'), ids: provider.doc.getMap('ids') }
}

const untilSynced = (...opened: { readonly provider: SpaceProvider }[]): Promise<unknown> =>
  until('synced', () => opened.every(({ provider }) => provider.synced))

/** What somebody gets who knows nothing. */
const fresh = async (space: string): Promise<Y.Doc> => {
  const doc = new Y.Doc()
  doc.getMap('ids')
  doc.getText('text')
  const token = await server.token('fresh', space, 'read')
  const connection = connectSpace({ url: server.url, space, token, doc, WebSocket })
  await connection.whenSynced()
  connection.close()
  return doc
}

test('[P25] converges with stock clients of every version, and knows what is saved', async () => {
  const space = 'beside-stock'
  const ours = open(space)
  const stock: StockClient[] = []
  for (const version of STOCK_VERSIONS) {
    const token = await server.token(`stock-${version}`, space)
    stock.push(await openStockClient({ version, url: server.syncUrl, space, token }))
  }
  try {
    await untilSynced(ours)
    for (const client of stock) await client.untilSynced()
    ours.text.insert(0, 'ours ')
    await ours.provider.whenSaved()
    for (const [at, client] of stock.entries()) {
      await client.untilText(ours.text.toString())
      await client.edit([[0, 0, `${at} `]])
      await until('it comes here', () => ours.text.toString().startsWith(`${at} `))
    }
    await ours.provider.whenSaved()
    for (const client of stock) await client.untilText('2 1 0 ours ')
    assert.is((await fresh(space)).getText('text').toString(), '2 1 0 ours ')
  } finally {
    await Promise.all(stock.map(client => client.close()))
  }
})

test('[P25] stock clients and ours see each other, also after a reconnect', async () => {
  const space = 'presence'
  const ours = open(space)
  ours.provider.awareness.setLocalStateField('colour', 'red')
  const token = await server.token('stock', space)
  const stock = await openStockClient({ version: '3.1.0', url: server.syncUrl, space, token })
  try {
    await stock.setAwareness({ colour: 'blue' })
    const { clientId } = await stock.state()
    const seesStock = (): boolean => ours.provider.awareness.getStates().get(clientId)?.colour === 'blue'
    const seesUs = async (): Promise<boolean> =>
      (await stock.awareness()).get(ours.provider.doc.clientID)?.colour === 'red'
    await until('both are seen', async () => seesStock() && (await seesUs()))
    ours.provider.disconnect()
    await until('nobody is seen', async () => !seesStock() && !(await seesUs()))
    ours.provider.connect()
    await until('both are seen again', async () => seesStock() && (await seesUs()), 5_000)
  } finally {
    await stock.close()
  }
})

test('[P31] [P32] everybody has the same members: tabs are one, who leaves is kept, who is offline claims nothing', async () => {
  const space = 'members'
  const told = ({ provider }: ReturnType<typeof open>): string =>
    provider.members
      .map(({ user, status, connections }) => `${user} ${status} ${connections}`)
      .sort()
      .join(', ')
  const ann = open(space)
  const tabs = [open(space, {}, 'bob'), open(space, {}, 'bob'), open(space, {}, 'bob')]
  const all = [ann, ...tabs]
  await until('all see all', () => all.every(one => told(one) === 'ann here 1, bob here 3'))
  assert.is(ann.provider.self?.user, 'ann')
  const joinedAt = ann.provider.members.map(one => one.joinedAt)
  assert.equal(
    tabs[0]?.provider.members.map(one => one.joinedAt),
    joinedAt,
  )
  const seen: string[] = []
  ann.provider.on('members', members => seen.push(...members.map(({ user, status }) => `${user} ${status}`)))

  tabs[0]?.provider.destroy()
  tabs[1]?.provider.destroy()
  await until('one is left', () => told(ann) === 'ann here 1, bob here 1')
  assert.equal([...new Set(seen)].sort(), ['ann here', 'bob here'])
  assert.equal(
    ann.provider.members.map(one => one.joinedAt),
    joinedAt,
  )

  tabs[2]?.provider.disconnect()
  assert.is(tabs[2] && told(tabs[2]), 'ann unknown 0, bob unknown 0')
  await until('bob has left', () => told(ann) === 'ann here 1, bob left 0')
  const left = ann.provider.members.find(({ user }) => user === 'bob')?.left
  assert.is(left?.reason, 'closed')
  assert.ok(Math.abs((ann.provider.serverNow() ?? 0) - (left?.at ?? 0)) < 10_000)

  tabs[2]?.provider.connect()
  await until('bob is back', () => told(ann) === 'ann here 1, bob here 1')
  assert.equal(
    ann.provider.members.map(one => one.joinedAt),
    joinedAt,
  )
})

test('[P32] a server that ends takes everybody out of sight, and brings them back as long-standing as they were', async () => {
  const space = 'restarted-members'
  const [ann, bob] = [open(space), open(space, {}, 'bob')]
  const statuses = (): string =>
    ann.provider.members.map(({ user, status }) => `${user} ${status}`).join(', ')
  await until('both are here', () => /^(ann here, bob here|bob here, ann here)$/.test(statuses()))
  const stays = (): string[] => ann.provider.members.map(({ user, joinedAt }) => `${user} ${joinedAt}`).sort()
  const before = stays()

  await server.stop()
  await until('nobody is here', () => !ann.provider.presence.isLive)
  assert.not.match(statuses(), /here/)
  assert.ok(Math.abs(Date.now() - (ann.provider.presence.asOf ?? 0)) < 30_000)
  await server.start()
  await until('both are here', () => /here.*here/.test(statuses()))
  assert.equal(stays(), before)
  bob.provider.destroy()
})

test('[P33] members of a client whose date is wrong are as old as they are', async () => {
  const realNow = Date.now
  Date.now = () => realNow() + 3 * 3_600_000
  try {
    const { provider } = open('wrong-date')
    await until('listed', () => provider.self !== null)
    const ageMs = (provider.serverNow() ?? 0) - (provider.self?.lastSeen ?? 0)
    assert.ok(ageMs >= 0 && ageMs < 30_000, `${ageMs} ms`)
  } finally {
    Date.now = realNow
  }
})

test('[P35] signals reach everybody else, or one member, and a program, too', async () => {
  const space = 'signals'
  const [ann, bob, carol] = [open(space), open(space, {}, 'bob'), open(space, {}, 'carol', 'read')]
  await untilSynced(ann, bob, carol)
  const heard: string[] = []
  for (const [name, { provider }] of Object.entries({ ann, bob, carol })) {
    provider.on('signal', ({ from, data, isDirect }) =>
      heard.push(`${name}: ${data} from ${from}${isDirect ? ' alone' : ''}`),
    )
  }
  const token = await server.token('program', space)
  const program = connectSpace({ url: server.url, space, token, doc: new Y.Doc(), WebSocket })
  await program.whenSynced()
  program.on('signal', ({ from, data }) => heard.push(`program: ${data} from ${from}`))
  ann.provider.signal('hello')
  await until('three have heard', () => heard.length === 3)
  program.signal('psst', { to: 'carol' })
  await until('carol has heard', () => heard.length === 4)
  program.close()
  assert.equal(heard.sort(), [
    'bob: hello from ann',
    'carol: hello from ann',
    'carol: psst from program alone',
    'program: hello from ann',
  ])
})

const DEATHS = isLongRun ? 40 : 5

test(`[P26] ${DEATHS} times killed while typing: no keystroke is lost, and nothing was called saved that was not`, {
  timeoutMs: isLongRun ? 400_000 : 60_000,
}, async () => {
  const rng = createRng(seedFrom())
  const space = 'killed'
  const typist = open(space)
  const { provider, ids, text } = typist
  const all: string[] = []
  /** What the provider has called saved. */
  let claimed = 0
  const claim = (): void => {
    claimed = all.length
  }
  provider.on('saveState', state => {
    if (state === 'saved') claim()
  })
  const type = (): void => {
    const id = `id-${all.length}`
    all.push(id)
    provider.doc.transact(() => {
      ids.set(id, true)
      text.insert(int(rng, 0, text.length), 'x')
    })
    assert.is.not(provider.saveState, 'saved', 'an edit that was just made cannot be saved')
  }
  await untilSynced(typist)
  let survivors = 0
  for (let death = 0; death < DEATHS; death++) {
    for (let keys = int(rng, 20, 80); keys > 0; keys--) {
      type()
      if (int(rng, 0, 9) === 0) await provider.whenSaved()
      else await (int(rng, 0, 3) === 0 ? pause(int(rng, 0, 4)) : breathe())
    }
    const killed = server.kill9()
    for (let keys = int(rng, 0, 10); keys > 0; keys--) {
      type()
      await breathe()
    }
    await killed
    // Nobody comes back to heal what was lost before it has been looked at.
    provider.disconnect()
    type()
    await server.start()
    const doc = await fresh(space)
    const lost = all.slice(0, claimed).filter(id => !doc.getMap('ids').has(id))
    assert.equal(lost, [], `called saved and lost, death ${death}`)
    survivors += claimed
    provider.connect()
    await provider.whenSaved()
    claim()
  }
  const doc = await fresh(space)
  assert.is(doc.getMap('ids').size, all.length)
  assert.is(difference(doc, provider.doc), null)
  note(`${all.length} keystrokes, ${survivors} times one was called saved before a death`)
})

test('[P26] it comes back by itself after kill -9, and goes on', async () => {
  const space = 'comes-back'
  const { provider, text, states } = open(space)
  await until('synced', () => provider.synced)
  await server.kill9()
  text.insert(0, 'typed while it was down')
  assert.is(provider.saveState, 'offline')
  await server.start()
  await provider.whenSaved()
  assert.is(states.at(-1), 'saved')
  assert.is((await fresh(space)).getText('text').toString(), 'typed while it was down')
})

test('[P27] an expired token is replaced unseen: no disconnect, no lost edit', async () => {
  const space = 'expiring'
  let asked = 0
  const endsMs = Date.now() + 2_500
  const { provider, text } = open(space, {
    token: () => server.token('ann', space, 'write', asked++ === 0 ? 2_500 : 60_000),
  })
  const states: string[] = []
  provider.on('connection', ({ state }) => states.push(state))
  await until('the first token has ended', () => Date.now() > endsMs + 1_000)
  text.insert(0, 'after')
  await provider.whenSaved()
  assert.is(asked, 2)
  assert.equal(states, ['connected'])
})

test('[P27] a token that had ended before it was used is asked for again, at once', async () => {
  const space = 'expired'
  let asked = 0
  const { provider } = open(space, {
    token: () => server.token('ann', space, 'write', asked++ === 0 ? -1_000 : 60_000),
  })
  await provider.whenSaved()
  assert.is(asked, 2)
  const stale = open(space, { token: () => server.token('ann', space, 'write', -1_000) })
  await until('it gives up', () => stale.provider.connection.state === 'needs-auth')
  assert.equal(stale.provider.connection, {
    state: 'needs-auth',
    code: 4501,
    reason: 'the token has expired',
  })
  stale.provider.authenticate(await server.token('ann', space))
  await stale.provider.whenSaved()
})

test('[P27] a wrong token needs a login, and a space that it does not cover is closed with the reason', async () => {
  const wrong = open('any', { token: 'not.a.token' })
  const elsewhere = open('any', { token: () => server.token('ann', 'elsewhere') })
  await until('both stop', () => [wrong, elsewhere].every(({ provider }) => 'code' in provider.connection))
  const { connection } = wrong.provider
  assert.is(connection.state, 'needs-auth')
  assert.equal(elsewhere.provider.connection, {
    state: 'closed',
    code: 4403,
    reason: 'the token grants nothing on this space',
  })
  assert.is(elsewhere.provider.shouldConnect, false)
})

test('[P28] a reader who edits is refused, keeps the text, and goes on with what the space holds', async () => {
  const space = 'read-only'
  const writer = open(space, {}, 'bob')
  await untilSynced(writer)
  writer.text.insert(0, 'official')
  await writer.provider.whenSaved()

  const reader = open(space, {}, 'ann', 'read')
  await untilSynced(reader)
  assert.is(reader.provider.role, 'read')
  await until('saved', () => reader.provider.saveState === 'saved')
  reader.text.insert(0, 'un')
  await until('refused', () => reader.provider.rejected)
  assert.is(reader.provider.rejected?.code, 'read_only')
  const exported = new Y.Doc()
  Y.applyUpdate(exported, reader.provider.exportLocal())
  assert.is(exported.getText('text').toString(), 'unofficial')
  const next = await reader.provider.discardLocal()
  providers.push(next)
  await until('there again', () => next.synced && next.saveState === 'saved')
  assert.is(next.doc.getText('text').toString(), 'official')
  assert.is(writer.text.toString(), 'official')
})

test('[P29] a server that was reset is not merged into before the app says so', async () => {
  const space = 'reset'
  const folders = [temporaryFolder('reset-a'), temporaryFolder('reset-b')]
  let reset = await startServer({ dataDir: folders[0] as string })
  const token = (): Promise<string> => reset.token('ann', space)
  const options = { token, WebSocketPolyfill: WebSocket, maxBackoffTime: 200, disableBc: true }
  const [merging, discarding] = [new Y.Doc(), new Y.Doc()].map(
    doc => new SpaceProvider(reset.syncUrl, space, doc, options),
  ) as [SpaceProvider, SpaceProvider]
  providers.push(merging, discarding)
  try {
    await until('synced', () => merging.synced && discarding.synced)
    merging.doc.getText('text').insert(0, 'from before')
    await merging.whenSaved()
    await until('relayed', () => discarding.doc.getText('text').length > 0)
    await reset.kill9()
    reset = await new ServerProcess(reset.port, { dataDir: folders[1] as string }).start()
    await until('both ask', () => merging.isConflict && discarding.isConflict)

    const next = await discarding.discardLocal()
    providers.push(next)
    await next.whenSaved()
    assert.is(next.doc.getText('text').toString(), '', 'nobody has brought the old content')
    merging.mergeLocal()
    await merging.whenSaved()
    await until('merged', () => next.doc.getText('text').toString() === 'from before')
  } finally {
    for (const provider of providers.splice(0)) provider.destroy()
    await reset.dispose()
    for (const folder of folders) removeFolder(folder)
  }
})

test('[P25] three tabs of one user share what they type, and each is saved for itself', async () => {
  const space = 'three-tabs'
  const tabs = [1, 2, 3].map(() => open(space, { disableBc: false }))
  await untilSynced(...tabs)
  for (const [at, { text }] of tabs.entries()) {
    text.insert(text.length, String(at))
    await Promise.all(tabs.map(({ provider }) => provider.whenSaved()))
  }
  for (const { text } of tabs) assert.is(text.toString(), '012')
})
