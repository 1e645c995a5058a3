/** The provider through networks that break things, against a real server process. */
import { setImmediate as breathe } from 'node:timers/promises'
import { WebSocket } from 'ws'
import * as Y from 'yjs'
import { systemClock } from '../../client/channel/clock.js'
import type { Door } from '../../client/channel/door-choice.js'
import type { SpaceProviderOptions } from '../../client/provider/provider-options.js'
import { SpaceProvider } from '../../client/space-provider.js'
import { HostileProxy } from '../support/hostile-proxy.js'
import { createRng, int, seedFrom } from '../support/rng.js'
import { difference } from '../support/same-document.js'
import { type ServerProcess, startServer } from '../support/server-process.js'
import { assert, isLongRun, note, suite } from '../support/suite.js'
import { until } from '../support/until.js'

const test = suite('gets through')

let server: ServerProcess
let proxy: HostileProxy
const providers: SpaceProvider[] = []

test.before(async () => {
  // A stream is looked at until its first ping.
  server = await startServer({ flags: ['--heartbeat', '4s'] })
})
test.before.each(async () => {
  proxy = await HostileProxy.open(server.port)
})
test.after.each(async () => {
  for (const provider of providers.splice(0)) provider.destroy()
  await proxy.close()
})
test.after(() => server.dispose())

const open = (syncUrl: string, space: string, options: SpaceProviderOptions = {}, user = 'ann') => {
  const doc = new Y.Doc()
  const provider = new SpaceProvider(syncUrl, space, doc, {
    token: () => server.token(user, space),
    WebSocketPolyfill: WebSocket,
    maxBackoffTime: 100,
    disableBc: true,
    ...options,
  })
  providers.push(provider)
  return { provider, doc, text: doc.getText('text') }
}

/** How long is waited for a stream that is held back is a part of this. */
const IMPATIENT: SpaceProviderOptions = { openTimeoutMs: 6_000 }

const STREAMS: readonly Door[] = ['event-stream', 'event-stream-poll']

for (const [title, hostility, door] of [
  ['that blocks upgrades', { refusesUpgrades: true }, 'event-stream'],
  ['that also holds back streams', { refusesUpgrades: true, holdsBackStreams: true }, 'event-stream-poll'],
] as const) {
  test(`[D53] through a proxy ${title} it syncs both ways, and is told what is saved`, async () => {
    Object.assign(proxy, hostility)
    const space = `through-${door}`
    const ann = open(proxy.syncUrl, space, IMPATIENT)
    ann.text.insert(0, 'before, ')
    const bob = open(server.syncUrl, space, {}, 'bob')
    await until('synced', () => ann.provider.synced && bob.provider.synced, 20_000)
    assert.equal([ann.provider.door, bob.provider.door], [door, 'websocket'])
    bob.text.insert(bob.text.length, 'from bob, ')
    ann.text.insert(ann.text.length, 'from ann')
    await until('both have both', () => difference(ann.doc, bob.doc) === null)
    ann.provider.awareness.setLocalStateField('cursor', 1)
    await until('presence', () => bob.provider.awareness.getStates().get(ann.doc.clientID)?.cursor === 1)
    await ann.provider.whenSaved()
    await server.kill9()
    await server.start()
    const fresh = open(server.syncUrl, space, {}, 'fresh')
    ann.provider.destroy()
    bob.provider.destroy()
    await until('synced', () => fresh.provider.synced, 20_000)
    assert.is(difference(ann.doc, fresh.doc), null)
  })
}

for (const door of STREAMS) {
  test(`[D53] ${door} cut at random bytes: it comes back by itself and loses nothing`, {
    timeoutMs: 120_000,
  }, async () => {
    const rng = createRng(seedFrom())
    const wanted = isLongRun ? 200 : 12
    proxy.lifeBytes = () => (proxy.cut < wanted ? int(rng, 1, 3_000) : null)
    const space = `cut-${door}`
    const ann = open(proxy.syncUrl, space, { doors: [door] })
    const bob = open(server.syncUrl, space, {}, 'bob')
    let typed = 0
    await until(
      'cut often enough',
      async () => {
        for (const { text } of [ann, bob]) text.insert(int(rng, 0, text.length), `${typed++} `)
        await breathe()
        return proxy.cut >= wanted
      },
      100_000,
    )
    await until('connected', () => ann.provider.connection.state === 'connected', 20_000)
    await ann.provider.whenSaved()
    await bob.provider.whenSaved()
    await until('together', () => difference(ann.doc, bob.doc) === null)
    note(`${proxy.cut} cuts, ${typed} edits`)
  })
}

test('[D53] by stream and by polls nothing is called saved that a kill -9 then loses', {
  timeoutMs: 60_000,
}, async () => {
  const ways = STREAMS.map(door => ({ door, ...open(proxy.syncUrl, `kill-${door}`, { doors: [door] }) }))
  const rounds = isLongRun ? 5 : 2
  for (let round = 0; round < rounds; round++) {
    for (const { text } of ways) text.insert(text.length, `${round} `)
    await Promise.all(ways.map(({ provider }) => provider.whenSaved()))
    await server.kill9()
    for (const { provider } of ways) {
      assert.is.not(provider.saveState, 'saved after the server is gone' as never)
    }
    await server.start()
    for (const { door } of ways) {
      const fresh = open(server.syncUrl, `kill-${door}`, {}, `fresh-${round}`)
      await until('synced', () => fresh.provider.synced, 20_000)
      const saved = Array.from({ length: round + 1 }, (_, at) => `${at} `).join('')
      assert.ok(fresh.text.toString().startsWith(saved), door)
    }
  }
})

/** A page whose time the test can move on, and whose user comes back when the test says. */
const movable = () => {
  let aheadMs = 0
  let onHint = (): void => {}
  return {
    clock: { ...systemClock, now: () => systemClock.now() + aheadMs },
    hints: (listener: () => void) => {
      onHint = listener
      return () => {}
    },
    comeBackAfter: (ms: number): void => {
      aheadMs += ms
      onHint()
    },
  }
}

for (const [from, to] of [
  ['event-stream', 'websocket'],
  ['event-stream-poll', 'event-stream'],
] as const) {
  test(`[D53] from ${from} it is back on a ${to} once that works, with nothing lost and never offline`, async () => {
    Object.assign(proxy, { refusesUpgrades: true, holdsBackStreams: from === 'event-stream-poll' })
    const space = `back-${from}`
    const { clock, hints, comeBackAfter } = movable()
    const { provider, doc, text } = open(proxy.syncUrl, space, { clock, hints, ...IMPATIENT })
    const bob = open(server.syncUrl, space, {}, 'bob')
    await until('inside', () => provider.door === from && provider.synced, 20_000)
    const states: string[] = []
    provider.on('connection', ({ state }) => states.push(state))
    text.insert(0, 'before, ')
    if (to === 'websocket') proxy.refusesUpgrades = false
    else proxy.holdsBackStreams = false
    comeBackAfter(15_000)
    await until('moved', () => {
      if (text.length < 200) text.insert(text.length, '.')
      return provider.door === to
    })
    text.insert(text.length, ' after')
    await provider.whenSaved()
    await until('together', () => difference(doc, bob.doc) === null)
    assert.equal(states, ['connecting', 'connected'])
  })
}

test('[D53] a token that ends is renewed in place over a stream', async () => {
  let asked = 0
  const space = 'renewed-stream'
  const firstEndsMs = Date.now() + 2_500
  const token = () => server.token('ann', space, 'write', asked++ === 0 ? 2_500 : 60_000)
  const { provider, text } = open(server.syncUrl, space, { doors: ['event-stream'], token })
  const states: string[] = []
  provider.on('connection', ({ state }) => states.push(state))
  await until('renewed', () => asked === 2)
  await until('the first token has ended', () => Date.now() > firstEndsMs + 500)
  text.insert(0, 'x')
  await provider.whenSaved()
  assert.equal(
    states.filter(state => state !== 'connecting'),
    ['connected'],
  )
})
