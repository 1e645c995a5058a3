/** What the provider says of its connection, and the tokens it comes with. */

import { nextUncaught } from '../../support/next-uncaught.js'
import {
  accept,
  create,
  destroyProviders,
  emptyStep2,
  open,
  rejectionOf,
  step1,
  synced,
} from '../../support/scripted-provider.js'
import { WELCOME } from '../../support/scripted-server.js'
import { assert, suite } from '../../support/suite.js'
import { until } from '../../support/until.js'

const test = suite('provider, connection')

test.after.each(destroyProviders)

test('[P17] tells how it stands with the connection, and why it stopped', async () => {
  const setUp = create()
  const { provider, server } = setUp
  const told: string[] = []
  const closes: unknown[] = []
  provider.on('connection', ({ state }) => told.push(state))
  provider.on('closed', close => closes.push(close))
  assert.is(provider.connection.state, 'connecting')
  await accept(setUp)
  server.say(WELCOME)
  const whenSaved = provider.whenSaved()
  server.pair.server.close(4403, 'access revoked')
  server.take()
  assert.equal(provider.connection, { state: 'closed', code: 4403, reason: 'access revoked' })
  assert.equal(closes, [{ code: 4403, reason: 'access revoked' }])
  assert.equal((await rejectionOf(whenSaved)).close.code, 4403)
  const before = server.pair
  provider.connect()
  await accept(setUp, before)
  assert.equal(told, ['connected', 'closed', 'connecting'])
})

test('[P17] a lost network is offline until the next attempt, which may be asked for', async () => {
  const setUp = await synced()
  const { provider, server } = setUp
  const before = server.pair
  before.cut()
  assert.equal(provider.connection, { state: 'offline', retryInMs: 250 })
  await until('it wants to come back', () => provider.ws !== null)
  provider.connect()
  await accept(setUp, before)
})

test('[P17] disconnect() is offline without a retry, and connect() resumes', async () => {
  const setUp = await synced()
  const { provider, server, clock } = setUp
  const before = server.pair
  provider.disconnect()
  assert.equal(provider.connection, { state: 'offline', retryInMs: null })
  assert.is(clock.pending, 0)
  provider.connect()
  await accept(setUp, before)
})

test('[P17] needs-auth after a refused token, and a new login resumes', async () => {
  const setUp = await open()
  const { provider, server } = setUp
  server.pair.server.close(4401, 'no valid token')
  server.take()
  assert.equal(provider.connection, { state: 'needs-auth', code: 4401, reason: 'no valid token' })
  const before = server.pair
  provider.authenticate(() => 'new.to.ken')
  await accept(setUp, before)
  assert.equal(server.pair.protocols, ['plenum.v1', 'bearer.new.to.ken'])
})

test('[P17] a new token is used instead of one that is still being fetched', async () => {
  let answer = (_token: string): void => {}
  const setUp = create({
    token: () =>
      new Promise(resolve => {
        answer = resolve
      }),
  })
  const { provider, server } = setUp
  await provider.whenLoaded
  await undefined
  provider.authenticate('f.r.esh')
  provider.authenticate('f.r.esher')
  await until('a socket is made', () => server.hasPair)
  assert.equal(server.pair.protocols, ['plenum.v1', 'bearer.f.r.esher'])
  answer('o.l.d')
  await accept(setUp)
  server.say(WELCOME, step1, emptyStep2)
  assert.is(provider.connection.state, 'connected')
})

test('[P17] a new token counts where the one before is still being judged', async () => {
  const refused = await open()
  const before = refused.server.pair
  refused.provider.authenticate('f.r.esh')
  before.server.close(4401, 'no valid token')
  refused.server.take()
  await accept(refused, before)
  assert.equal(refused.server.pair.protocols, ['plenum.v1', 'bearer.f.r.esh'])
  refused.server.pair.server.close(4401, 'no valid token')
  refused.server.take()
  await until('told', () => refused.provider.connection.state === 'needs-auth')

  const granted = await open()
  granted.provider.authenticate('f.r.esh')
  granted.server.say(WELCOME, step1, emptyStep2)
  await until('handed in', () => granted.server.take().some(({ type }) => type === 'authenticate'))
})

test('[P17] a token that comes after a newer one is not handed in', async () => {
  let answer = (_token: string): void => {}
  const { provider, server } = await synced()
  provider.authenticate(
    () =>
      new Promise(resolve => {
        answer = resolve
      }),
  )
  provider.authenticate('f.r.esh')
  answer('o.l.d')
  const handedIn: unknown[] = []
  for (let turn = 0; turn < 10; turn++) await undefined
  for (const message of server.take()) if (message.type === 'authenticate') handedIn.push(message.token)
  assert.equal(handedIn, ['f.r.esh'])
})

test('[P17] a new token while it is open is handed in, in place', async () => {
  const { provider, server } = await synced()
  provider.authenticate('f.r.esh')
  await until('handed in', () => server.take().some(({ type }) => type === 'authenticate'))
})

test('[P17] a source that turns to another user’s tokens has none to give', async () => {
  const tokenOf = (sub: string): string => `h.${btoa(JSON.stringify({ sub }))}.s`
  let user = 'ann'
  const setUp = await synced({ token: () => tokenOf(user) })
  user = 'bob'
  setUp.server.pair.cut()
  await until('it wants to come back', () => setUp.provider.ws !== null)
  setUp.clock.advance(10_000)
  await until('it stops', () => setUp.provider.connection.state === 'needs-auth')
})

test('[P17] the app may decide which closes are for good', async () => {
  const { provider, server } = await synced({ shouldReconnect: ({ code }) => code === 4403 })
  server.pair.server.close(4403, '')
  server.take()
  assert.is(provider.connection.state, 'offline')
  const other = await synced({ shouldReconnect: () => false })
  other.server.pair.cut()
  assert.is(other.provider.connection.state, 'closed')
})

test('[P17] where the app cannot say whether a close is for good, its code does', async () => {
  const uncaught = nextUncaught()
  const bug = new Error('a bug of the app')
  const shouldReconnect = (): boolean => {
    throw bug
  }
  const { provider, server } = await synced({ shouldReconnect })
  server.pair.cut()
  assert.is(provider.connection.state, 'offline')
  assert.is(await uncaught, bug)
})
