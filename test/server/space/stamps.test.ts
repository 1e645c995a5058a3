/** What the server writes into awareness states. */
import { decodeAwareness } from '../../../server/space/awareness-codec.js'
import { parseIdentityPath, stamped } from '../../../server/space/stamp.js'
import { type Caller, type ConnectOptions, Core } from '../../support/core.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('stamps')

const STAMP = { user: 'ann', name: 'Ann', joinedAtMs: 1, lastSeenMs: 2 }
const BY_DEFAULT = ['user.id=id', 'user.name=name']
const PLENUM = { user: 'ann', joinedAt: 1, lastSeen: 2 }

const stamp = (
  state: Record<string, unknown>,
  paths = BY_DEFAULT,
  who = STAMP as Parameters<typeof stamped>[1],
) =>
  JSON.parse(
    new TextDecoder().decode(
      stamped(
        state,
        who,
        paths.map(path => parseIdentityPath(path)!),
      ),
    ),
  )

test('[A12] who somebody is comes from the token, whatever the state says', () => {
  const forged = {
    cursor: 7,
    user: { id: 'eve', name: 'Eve', color: 'red' },
    plenum: { user: 'eve', admin: true },
  }
  const user = { id: 'ann', name: 'Ann', color: 'red' }
  assert.equal(stamp(forged), { cursor: 7, user, plenum: PLENUM })
  assert.equal(stamp({}), { user: { id: 'ann', name: 'Ann' }, plenum: PLENUM })
  assert.equal(stamp({ user: null }).user, { id: 'ann', name: 'Ann' })
})

test('[A12] a token without a name leaves the client’s own', () => {
  const who = { ...STAMP, name: null }
  assert.equal(stamp({ user: { id: 'eve', name: 'Annie' } }, BY_DEFAULT, who).user, {
    id: 'ann',
    name: 'Annie',
  })
})

test('[A12] what has no such field stays as it is', () => {
  for (const user of ['Ann', 7, ['Ann'], true]) assert.equal(stamp({ user }), { user, plenum: PLENUM })
})

test('[A12] the paths are the operator’s', () => {
  const lexical = stamp({ name: 'Eve', color: 'red' }, ['name=name', 'a.b.c=id'])
  assert.equal(lexical, { name: 'Ann', color: 'red', a: { b: { c: 'ann' } }, plenum: PLENUM })
  assert.equal(stamp({ name: 'Eve' }, []), { name: 'Eve', plenum: PLENUM })
  for (const bad of ['', 'name', 'name=', '=id', 'a..b=id', '.a=id', 'a=email', 'a b=id', '__proto__.x=id']) {
    assert.is(parseIdentityPath(bad), null, bad)
  }
})

interface State {
  readonly [key: string]: unknown
  readonly plenum: { readonly user: string; readonly joinedAt: number; readonly lastSeen: number }
}

const statesOf = (caller: Caller): State[] =>
  caller.take().flatMap(message => {
    if (message.type !== 'awareness') return []
    const { entries } = decodeAwareness(message.entries, () => true)
    return entries.map(({ json }) => JSON.parse(new TextDecoder().decode(json)) as State)
  })

const aware = (clientId: number, clock: number, state: unknown) => {
  const text = new TextEncoder().encode(JSON.stringify(state))
  const length =
    text.length < 128 ? [text.length] : [(text.length % 128) + 128, Math.floor(text.length / 128)]
  return { type: 'awareness', entries: Uint8Array.of(1, clientId, clock, ...length, ...text) } as const
}

const as = (user: string, name: string | null = null): ConnectOptions => ({ access: { user, name } })

test('[A12] every state that is relayed is stamped, by the server’s clock', async () => {
  const core = new Core()
  const bob = await core.live(as('bob'))
  const ann = await core.live(as('ann', 'Ann'))
  const joinedAt = core.scheduler.now()
  await core.advance(3_000)
  await ann.say(aware(9, 1, { cursor: 1 }))
  const user = { id: 'ann', name: 'Ann' }
  assert.equal(statesOf(bob), [{ cursor: 1, user, plenum: { user: 'ann', joinedAt, lastSeen: joinedAt } }])
  await core.advance(4_000)
  await ann.say(aware(9, 2, { cursor: 2 }))
  const lastSeen = core.scheduler.now()
  const moved = { cursor: 2, user, plenum: { user: 'ann', joinedAt, lastSeen } }
  assert.equal(statesOf(bob), [moved])
  await core.advance(15_000)
  await ann.say(aware(9, 3, { cursor: 2 }))
  await core.advance(4_000)
  assert.equal(statesOf(bob), [moved], 'a renewal keeps the stamp')
  assert.equal(statesOf(await core.live(as('cid'))), [], 'read by the one who joined')
})

test('[A12] a newcomer is sent stamped states, and a forged stamp is overwritten from the first on', async () => {
  const core = new Core()
  const eve = await core.live(as('eve'))
  await eve.say(aware(9, 1, { plenum: { user: 'ann', joinedAt: 5, lastSeen: 2 ** 50 }, user: { id: 'ann' } }))
  const late = await core.join(as('bob'))
  late.send({ type: 'query-awareness' })
  await core.settle()
  const [state] = statesOf(late)
  assert.equal([state?.plenum.user, state?.user], ['eve', { id: 'eve' }])
  assert.is(state?.plenum.joinedAt, core.scheduler.now())
})

test('[A19] a state that the server stamped is an echo, and nobody’s first announcement', async () => {
  const core = new Core()
  const cid = await core.live(as('cid'))
  await cid.say(aware(7, 4, { name: 'cid' }))
  const tab = await core.live(as('bob'))
  await tab.say({ type: 'query-awareness' })
  cid.hangUp()
  const before = new Core({ disk: core.store.disk, scheduler: core.scheduler })
  const heard = { name: 'cid', plenum: { user: 'cid', joinedAt: core.scheduler.now(), lastSeen: 1 } }
  // After a restart within the grace, a tab that has nothing of its own passes on what another tab heard.
  await core.advance(1_000)
  const echoing = await before.live(as('bob'))
  await echoing.say(aware(7, 9, heard))
  const watcher = await before.live(as('watcher'))
  await watcher.say({ type: 'query-awareness' })
  assert.equal(statesOf(watcher), [])
  const again = await before.live(as('cid'))
  await again.say(aware(7, 5, { name: 'cid' }))
  assert.equal(
    statesOf(watcher).map(({ plenum }) => plenum.user),
    ['cid'],
  )
  await echoing.say(aware(8, 1, { name: 'bob' }))
  assert.equal(
    statesOf(watcher).map(({ name }) => name),
    ['bob'],
  )
})

test('[A19] a tab that spoke for another before that one came is not closed for it', async () => {
  const core = new Core()
  const silent = await core.live(as('ann'))
  await silent.say(aware(7, 3, { name: 'the other tab' }))
  const tab = await core.join(as('ann'))
  await tab.say(aware(7, 3, { name: 'the other tab' }))
  silent.take()
  assert.is(silent.closed, null)
  assert.is(tab.closed, null)
  const watcher = await core.live(as('watcher'))
  watcher.take()
  silent.hangUp()
  await core.settle()
  assert.equal(statesOf(watcher), [], 'its end removes nobody')
  tab.hangUp()
  assert.equal(statesOf(watcher), [null])
})
