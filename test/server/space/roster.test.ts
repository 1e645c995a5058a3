/** The roster as connections are told of it, and what survives a restart. */
import { DEFAULT_LIMITS } from '../../../server/space/limits.js'
import { MemberJournal } from '../../../server/space/member-journal.js'
import { type Announcer, Presence } from '../../../server/space/presence.js'
import { Roster as RosterState } from '../../../server/space/roster.js'
import { openMemoryStore } from '../../../server/storage/memory-store.js'
import { decodeServerMessage, type Roster, type RosterMember } from '../../../shared/protocol/index.js'
import { ControlledStore } from '../../support/controlled-store.js'
import {
  ASK_ALL,
  type Caller,
  type ConnectOptions,
  Core,
  CountingObserver,
  DEMO,
  NOTHING,
} from '../../support/core.js'
import { FakeScheduler } from '../../support/fake-scheduler.js'
import { assert, suite } from '../../support/suite.js'
import { Writer } from '../../support/writer.js'

const test = suite('roster')

const HOUR_MS = 3_600_000

const as = (user: string, options: ConnectOptions = {}): ConnectOptions => ({
  ...options,
  access: { user, name: user.toUpperCase(), ...options.access },
})

/** What a connection knows by what it was told. */
class Known {
  readonly members = new Map<string, RosterMember>()
  readonly frames: Roster[] = []

  constructor(readonly caller: Caller) {}

  read(): this {
    for (const roster of this.caller.takeRosters()) {
      this.frames.push(roster)
      if (roster.isWhole) this.members.clear()
      for (const member of roster.members) this.members.set(member.user, member)
      for (const user of roster.forgotten) this.members.delete(user)
    }
    return this
  }

  of(user: string): RosterMember {
    const member = this.read().members.get(user)
    if (member === undefined) throw new Error(`nobody knows ${user}`)
    return member
  }

  /** Frames since the last look. */
  take(): Roster[] {
    this.read()
    return this.frames.splice(0)
  }
}

const aware = (clientId: number, clock: number, json: string) => {
  const text = new TextEncoder().encode(json)
  return { type: 'awareness', entries: Uint8Array.of(1, clientId, clock, text.length, ...text) } as const
}

test('[A16] whoever comes is sent the whole roster in one frame, itself included', async () => {
  const core = new Core()
  await core.live(as('ann'))
  const bob = new Known(await core.live(as('bob')))
  const [first, ...rest] = bob.take()
  assert.equal(rest, [])
  const nowMs = core.scheduler.now()
  const here = { connections: 1, joinedAtMs: nowMs, lastSeenMs: nowMs, left: null }
  assert.equal(first, {
    type: 'roster',
    isWhole: true,
    serverTimeMs: nowMs,
    members: [
      { user: 'ann', name: 'ANN', ...here },
      { user: 'bob', name: 'BOB', ...here },
    ],
    forgotten: [],
  })
})

test('[A16] the others are told at once in a small room, of who comes and who leaves and why', async () => {
  const core = new Core()
  const ann = new Known(await core.live(as('ann')))
  ann.take()
  const bob = await core.live(as('bob'))
  assert.is(ann.of('bob').connections, 1)
  assert.is(ann.take().length, 1)
  bob.hangUp()
  await core.settle()
  const nowMs = core.scheduler.now()
  assert.equal(ann.of('bob').left, { atMs: nowMs, reason: 'closed' })
  const [delta] = ann.take()
  assert.not(delta?.isWhole)
  assert.equal(delta?.members.length, 1)
})

test('[A16] stock clients are sent none', async () => {
  const core = new Core()
  const stock = await core.live({ dialect: 'stock' })
  await core.live(as('ann'))
  await core.advance(HOUR_MS / 60)
  const types = stock.takeFrames().map(([type]) => type ?? -1)
  assert.ok(types.every(type => type < 100))
})

test('[A16] a crowd that comes and goes is told of together, and ends exact', async () => {
  const core = new Core()
  const watcher = new Known(await core.live(as('watcher')))
  const crowd: Caller[] = []
  for (let i = 0; i < 300; i++) crowd.push(await core.live(as(`u${i}`)))
  await core.advance(1000)
  assert.is(watcher.read().members.size, 301)
  for (const caller of crowd) assert.is(new Known(caller).read().members.size, 301)
  watcher.take()
  for (const caller of crowd) {
    caller.hangUp()
    await core.settle()
  }
  await core.advance(1000)
  const frames = watcher.take()
  assert.ok(frames.length < 60, `${frames.length} frames`)
  for (let i = 0; i < 300; i++) assert.is(watcher.of(`u${i}`).left?.reason, 'closed')
})

test('[A16] newcomers of the same moment share one frame', async () => {
  const core = new Core()
  const callers = [await core.join(as('ann')), await core.join(as('bob')), await core.join(as('cid'))]
  for (const caller of callers) caller.takeFrames()
  for (const caller of callers) caller.send(ASK_ALL, NOTHING)
  await core.settle()
  const wholes = callers.map(caller => caller.takeFrames().filter(frame => isWhole(frame)))
  for (const frames of wholes) assert.is(frames.length, 1)
  assert.equal(wholes[0], wholes[2])
})

const isWhole = (frame: Uint8Array): boolean => {
  const message = decodeServerMessage(frame)
  return message.type === 'roster' && message.isWhole
}

test('[A16] whoever was behind is sent everything once it reads again', async () => {
  const core = new Core({ limits: { peerBudgetBytes: 2_000 } })
  const slow = new Known(await core.live(as('slow')))
  slow.take()
  const author = await core.live(as('author'))
  const writer = new Writer()
  await author.say(writer.type('x'.repeat(5_000)))
  await author.say(writer.type('y'))
  await core.live(as('bob'))
  author.hangUp()
  await core.settle()
  slow.take()
  await core.advance(1000)
  await core.advance(1000)
  assert.ok(slow.take().some(({ isWhole }) => isWhole))
  assert.is(slow.of('author').left?.reason, 'closed')
  assert.is(slow.of('bob').connections, 1)
})

test('[A13] three tabs are one member, and two that close change nothing', async () => {
  const core = new Core()
  const watcher = new Known(await core.live(as('watcher')))
  const tabs = [await core.live(as('ann'))]
  const joinedAtMs = core.scheduler.now()
  for (let i = 0; i < 2; i++) {
    await core.advance(5000)
    tabs.push(await core.live(as('ann')))
  }
  assert.equal([watcher.of('ann').connections, watcher.of('ann').joinedAtMs], [3, joinedAtMs])
  tabs[0]?.hangUp()
  tabs[2]?.hangUp()
  await core.advance(HOUR_MS / 60)
  assert.equal([watcher.of('ann').connections, watcher.of('ann').joinedAtMs], [1, joinedAtMs])
  assert.is(watcher.of('ann').left, null)
})

test('[A13] a reconnect within the grace continues the stay, a later one begins another', async () => {
  const core = new Core()
  const watcher = new Known(await core.live(as('watcher')))
  const first = await core.live(as('ann'))
  const joinedAtMs = core.scheduler.now()
  await core.advance(10_000)
  first.hangUp()
  await core.advance(29_000)
  const second = await core.live(as('ann'))
  assert.is(watcher.of('ann').joinedAtMs, joinedAtMs)
  second.hangUp()
  await core.advance(31_000)
  await core.live(as('ann'))
  assert.is(watcher.of('ann').joinedAtMs, core.scheduler.now())
})

test('[A14] an idle tab with renewals, echoes and a reconnect is not seen for an hour', async () => {
  const core = new Core()
  const watcher = new Known(await core.live(as('watcher')))
  let tab = await core.live(as('ann', { dialect: 'stock' }))
  const seenMs = core.scheduler.now()
  await tab.say(aware(9, 1, '{"cursor":1}'))
  let clock = 1
  for (let atMs = 0; atMs < HOUR_MS; atMs += 15_000) {
    await core.advance(15_000)
    await tab.say(aware(9, ++clock % 100, '{"cursor":1}'), aware(77, 1, '{"of":"another"}'))
    if (clock % 100 === 99) {
      tab.hangUp()
      await core.advance(5_000)
      tab = await core.live(as('ann', { dialect: 'stock' }))
      clock = 1
    }
  }
  assert.equal([watcher.of('ann').lastSeenMs, watcher.of('ann').joinedAtMs], [seenMs, seenMs])
})

test('[A14] edits and changed states are activity, told together at most every ten seconds', async () => {
  const core = new Core()
  const watcher = new Known(await core.live(as('watcher')))
  const [editor, mover] = [await core.live(as('editor')), await core.live(as('mover', { dialect: 'stock' }))]
  await mover.say(aware(9, 1, '{}'))
  await core.advance(20_000)
  watcher.take()
  const writer = new Writer()
  for (let i = 0; i < 30; i++) {
    await core.advance(1000)
    await editor.say(writer.type('a'))
    await mover.say(aware(9, 2 + i, `{"cursor":${i}}`))
  }
  const frames = watcher.take()
  assert.ok(frames.length >= 2 && frames.length <= 3, `${frames.length} frames`)
  for (const { members } of frames) {
    assert.equal(
      members.map(({ user }) => user),
      ['editor', 'mover'],
    )
  }
  const lastMs = core.scheduler.now()
  await core.advance(10_000)
  assert.equal([watcher.of('editor').lastSeenMs, watcher.of('mover').lastSeenMs], [lastMs, lastMs])
})

test('[A14] an update that brings nothing is no activity, and edits send no awareness', async () => {
  const core = new Core()
  const watcher = await core.live(as('watcher'))
  const ann = await core.live(as('ann'))
  await ann.say(aware(9, 1, '{}'))
  watcher.take()
  const writer = new Writer()
  const update = writer.type('a')
  await ann.say(update)
  const editedMs = core.scheduler.now()
  await core.advance(5_000)
  await ann.say(update)
  await core.advance(20_000)
  const seenMs = (await core.registry.members(DEMO)).find(({ user }) => user === 'ann')?.lastSeenMs
  assert.is(seenMs, editedMs)
  const awareness = watcher.take().filter(message => message.type === 'awareness')
  assert.ok(awareness.every(({ entries }) => entries.length === 1))
})

test('[A14] whoever comes back while another edits has not edited', async () => {
  const core = new Core()
  const bob = await core.live(as('bob'))
  const seenMs = core.scheduler.now()
  const ann = await core.live(as('ann'))
  await core.advance(5_000)
  ann.hangUp()
  const again = await core.join(as('ann'))
  again.send(NOTHING)
  bob.send(new Writer().type('a'))
  await core.settle()
  const known = new Known(again)
  assert.is(known.of('ann').lastSeenMs, seenMs)
  await core.advance(10_000)
  assert.equal([known.of('ann').lastSeenMs, known.of('bob').lastSeenMs], [seenMs, seenMs + 5_000])
})

test('[A15] a drain and a restart within the grace keep the stay, and everybody has left meanwhile', async () => {
  const core = new Core()
  await core.live(as('ann'))
  const joinedAtMs = core.scheduler.now()
  await core.advance(10_000)
  const drained = core.registry.drain(1000)
  await core.advance(1000)
  await drained
  const after = new Core({ disk: core.store.disk, scheduler: core.scheduler })
  const [ann] = await after.registry.members(DEMO)
  assert.equal([ann?.connections, ann?.left?.reason, ann?.joinedAtMs], [0, 'closed', joinedAtMs])
  await core.advance(20_000)
  const again = new Known(await after.live(as('ann')))
  assert.equal([again.of('ann').connections, again.of('ann').joinedAtMs], [1, joinedAtMs])
})

test('[A15] a kill leaves no ghost: who was here left when the process was last alive', async () => {
  const core = new Core()
  await core.live(as('ann'))
  const joinedAtMs = core.scheduler.now()
  await core.advance(HOUR_MS)
  const killedMs = core.scheduler.now()
  const after = new Core({ disk: core.store.disk, scheduler: core.scheduler })
  const [ann] = await after.registry.members(DEMO)
  assert.is(ann?.connections, 0)
  assert.is(ann?.left?.reason, 'timeout')
  const lostMs = killedMs - ann!.left!.atMs
  assert.ok(lostMs >= 0 && lostMs <= 11_000, `${lostMs} ms before the kill`)
  const bob = new Known(await after.live(as('bob')))
  assert.is(bob.of('ann').left?.reason, 'timeout')
  await after.live(as('ann'))
  assert.is(bob.of('ann').joinedAtMs, joinedAtMs)
})

test('[A15] an evicted space is asked from what is stored, and what is not written yet', async () => {
  const core = new Core()
  const ann = await core.live(as('ann'))
  core.store.isMemberSaveFailing = true
  await core.advance(1000)
  ann.hangUp()
  await core.advance(60_000)
  assert.is(core.registry.status.spaces, 0)
  const expected = await core.registry.members(DEMO)
  assert.equal(
    expected.map(({ user, left }) => [user, left?.reason]),
    [['ann', 'closed']],
  )
  core.store.isMemberSaveFailing = false
  await core.advance(11_000)
  const after = new Core({ disk: core.store.disk, scheduler: core.scheduler })
  assert.equal(await after.registry.members(DEMO), expected)
})

test('[A15] those who come together are written together', async () => {
  const core = new Core()
  for (let i = 0; i < 200; i++) await core.live(as(`u${i}`))
  await core.advance(1000)
  assert.equal(
    core.store.memberSaves.map(changes => changes.length),
    [200],
  )
  await core.advance(9_000)
  assert.ok(core.store.memberSaves.length <= 2)
})

test('[A15] more than a thousand are written in parts, so that edits pass between them', async () => {
  const store = new ControlledStore()
  const scheduler = new FakeScheduler()
  const observer = new CountingObserver()
  const journal = new MemberJournal({ store: store.members, observer, scheduler, memberRetentionMs: HOUR_MS })
  const roster = new RosterState({ limits: DEFAULT_LIMITS, space: DEMO, journal }, [])
  for (let i = 0; i < 2_500; i++) roster.enter({ user: `u${i}`, name: null }, scheduler.now())
  await journal.flush()
  assert.equal(
    store.memberSaves.map(changes => changes.length),
    [1000, 1000, 500],
  )
  await journal.flush()
  assert.equal(store.memberSaves.at(-1), [], 'that the process lives')
})

test('[A15] a roster that cannot be read keeps nobody out', async () => {
  const core = new Core()
  const members = { ...core.store.members, load: () => Promise.reject(new Error('damaged')) }
  Object.assign(core.store, { members })
  const broken = new Core({ disk: core.store.disk })
  Object.assign(broken.store.members, { load: () => Promise.reject(new Error('damaged')) })
  const ann = new Known(await broken.live(as('ann')))
  assert.is(ann.of('ann').connections, 1)
  assert.ok(broken.observer.reports.some(({ what }) => what.includes('who was in a space')))
})

test('[A15] those who left are remembered up to a number and for a time', async () => {
  const core = new Core({ limits: { maxMembersLeft: 3, memberRetentionMs: HOUR_MS } })
  const watcher = new Known(await core.live(as('watcher')))
  for (let i = 0; i < 5; i++) {
    const caller = await core.live(as(`u${i}`))
    await core.advance(1000)
    caller.hangUp()
    await core.advance(1000)
  }
  assert.is(watcher.read().members.size, 6, 'as long as they may come back')
  await core.advance(40_000)
  assert.equal([...watcher.read().members.keys()].sort(), ['u2', 'u3', 'u4', 'watcher'])
  const store = openMemoryStore({ disk: core.store.disk })
  assert.is((await store.members.load(DEMO)).length, 4)
  for (let minute = 0; minute < 61; minute++) await core.advance(60_000)
  assert.equal([...watcher.read().members.keys()], ['watcher'])
  assert.equal(
    (await core.registry.members(DEMO)).map(({ user }) => user),
    ['watcher'],
  )
})

test('[A13] a room that loses its network and comes back goes on, however few of who left are remembered', async () => {
  const core = new Core({ limits: { maxMembersLeft: 2 } })
  const users = ['u0', 'u1', 'u2', 'u3', 'u4', 'u5']
  const callers: Caller[] = []
  for (const user of users) callers.push(await core.live(as(user)))
  const joinedAtMs = core.scheduler.now()
  await core.advance(5_000)
  for (const caller of callers) caller.hangUp()
  await core.advance(20_000)
  for (const user of users) await core.live(as(user))
  for (const member of await core.registry.members(DEMO)) assert.is(member.joinedAtMs, joinedAtMs)
})

test('[A15] whoever is put out is told as evicted, whoever is replaced stays', async () => {
  const core = new Core()
  const watcher = new Known(await core.live(as('watcher')))
  const bad = await core.live(as('bad'))
  await bad.say(Uint8Array.of(99))
  assert.is(watcher.of('bad').left?.reason, 'evicted')
  const half = await core.join(as('ann', { dialect: 'stock' }))
  await half.say(aware(9, 1, '{}'))
  const again = await core.join(as('ann', { dialect: 'stock' }))
  await again.say(aware(9, 1, '{}'))
  half.take()
  assert.is(half.closed?.code, 4410)
  assert.equal([watcher.of('ann').connections, watcher.of('ann').left], [1, null])
})

test('[A16] a fresh token with another name is told', async () => {
  const core = new Core()
  const watcher = new Known(await core.live(as('watcher')))
  const renamed = { user: 'ann', name: 'Anna', role: 'write', expiresAtMs: null } as const
  const ann = await core.live({ ...as('ann'), authenticate: async () => renamed })
  await ann.say({ type: 'authenticate', token: 'fresh' })
  assert.is(watcher.of('ann').name, 'Anna')
})

test('[A9] [A15] 200,000 clientIDs and users that come and go leave memory where it was', async () => {
  const scheduler = new FakeScheduler()
  const observer = new CountingObserver()
  const store = openMemoryStore()
  const journal = new MemberJournal({ store: store.members, observer, scheduler, memberRetentionMs: HOUR_MS })
  const limits = { memberGraceMs: 30_000, maxMembersLeft: 500, memberRetentionMs: HOUR_MS }
  const roster = new RosterState({ limits, space: DEMO, journal }, [])
  const presence = new Presence({ limits: { maxAwarenessBytes: 1000 }, identityPaths: [], roster })
  const comeAndGo = async (from: number, to: number): Promise<number> => {
    for (let id = from; id < to; id++) {
      const user = `u${id}`
      const announcer: Announcer = { order: id, hasPresence: false, clientId: null }
      const nowMs = scheduler.now()
      roster.enter({ user, name: null }, nowMs)
      const stamp = { user, name: null, joinedAtMs: nowMs, lastSeenMs: nowMs }
      presence.announce(announcer, entryOf(id), { stamp, nowMs })
      presence.told(presence.leave(announcer))
      roster.leave(user, 'closed', nowMs)
      if (id % 1000 === 0) {
        scheduler.jump(1000)
        roster.sweep(scheduler.now())
        roster.takeNews(true)
        await journal.flush()
      }
    }
    scheduler.jump(31_000)
    roster.sweep(scheduler.now())
    roster.takeNews(true)
    await journal.flush()
    globalThis.gc?.()
    return process.memoryUsage().heapUsed
  }
  const beforeBytes = await comeAndGo(1, 10_000)
  const afterBytes = await comeAndGo(10_000, 210_000)
  assert.is(roster.size, 500)
  assert.equal([...presence.clientIds], [])
  assert.is((await store.members.load(DEMO)).length, 500)
  assert.ok(afterBytes - beforeBytes < 2_000_000, `${afterBytes - beforeBytes} bytes more`)
})

/** One awareness entry `{}` at clock 1. */
const entryOf = (clientId: number): Uint8Array =>
  Uint8Array.of(1, (clientId % 128) + 128, ((clientId >> 7) % 128) + 128, clientId >> 14, 1, 2, 123, 125)
