/** Presence between stock `Awareness` objects, which send back whatever they receive. */
import * as awarenessProtocol from 'y-protocols/awareness'
import * as Y from 'yjs'
import { type AwarenessEntry, decodeAwareness } from '../../../server/space/awareness-codec.js'
import { type Announcer, Presence } from '../../../server/space/presence.js'
import {
  decodeServerMessage,
  EMPTY_AWARENESS_FRAME,
  type ServerMessage,
} from '../../../shared/protocol/index.js'
import { ASK_ALL, type Caller, type ConnectOptions, Core, NOTHING } from '../../support/core.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('presence')

interface Entry {
  readonly clientId: number
  readonly clock: number
  readonly state: string
}

const entriesOf = (messages: readonly ServerMessage[]): Entry[] =>
  messages.flatMap(message =>
    message.type === 'awareness' ? decodeAwareness(message.entries, () => true).entries.map(asText) : [],
  )

const asText = ({ clientId, clock, json }: AwarenessEntry): Entry => ({
  clientId,
  clock,
  state: unstamped(new TextDecoder().decode(json)),
})

/** What is left without what the server writes into a state. */
const unstamped = (json: string): string => {
  const { plenum, user = {}, ...state } = (JSON.parse(json) ?? { gone: true }) as Record<string, object>
  const { id, ...rest } = user as { id?: string }
  if (state.gone) return 'null'
  return JSON.stringify({ ...state, ...(Object.keys(rest).length > 0 && { user: rest }) })
}

/** What the stock provider does with its awareness over one connection after the other. */
class Person {
  readonly awareness: awarenessProtocol.Awareness
  /** Every entry that the server has sent. */
  readonly heard: Entry[] = []
  readonly #core: Core
  readonly #options: ConnectOptions
  caller: Caller | null = null

  constructor(core: Core, clientId: number, options: ConnectOptions = {}) {
    const doc = new Y.Doc()
    doc.clientID = clientId
    this.#core = core
    this.#options = options
    this.awareness = new awarenessProtocol.Awareness(doc)
    // Nothing here goes by the real clock.
    clearInterval(this.awareness._checkInterval)
    this.awareness.setLocalState({ name: `client ${clientId}` })
    this.awareness.on('update', ({ added, updated, removed }: Record<string, number[]>) =>
      this.#send([...(added ?? []), ...(updated ?? []), ...(removed ?? [])]),
    )
  }

  get clientId(): number {
    return this.awareness.clientID
  }

  /** Whom this person sees, itself included. */
  get seen(): number[] {
    return [...this.awareness.getStates().keys()].sort((a, b) => a - b)
  }

  async connect(): Promise<this> {
    this.caller = this.#core.call({ dialect: 'stock', ...this.#options })
    this.caller.send(ASK_ALL)
    if (this.awareness.getLocalState() !== null) this.#send([this.clientId])
    this.caller.send(NOTHING)
    await this.#core.settle()
    return this
  }

  /** Takes what has come, and sends back what it changed. @returns how many frames came */
  read(): number {
    if (this.caller === null) return 0
    const messages = this.caller.take()
    for (const message of messages) {
      if (message.type !== 'awareness') continue
      this.heard.push(...entriesOf([message]))
      awarenessProtocol.applyAwarenessUpdate(this.awareness, message.entries, this)
    }
    return messages.length
  }

  /** The connection is lost, and the server knows it at once. */
  disconnect(): void {
    this.caller?.hangUp()
    this.lost()
  }

  /** The connection is lost, and the server does not know it. */
  lost(): void {
    this.caller = null
    const others = this.seen.filter(id => id !== this.clientId)
    awarenessProtocol.removeAwarenessStates(this.awareness, others, this)
  }

  #send(clientIds: number[]): void {
    const entries = awarenessProtocol.encodeAwarenessUpdate(this.awareness, clientIds)
    this.caller?.send({ type: 'awareness', entries })
  }
}

/** Lets everybody read until nobody is sent anything. @returns how many frames were read */
const quiet = async (core: Core, ...people: Person[]): Promise<number> => {
  let frames = 0
  for (let round = 0; round < 50; round++) {
    await core.settle()
    const read = people.reduce((sum, person) => sum + person.read(), 0)
    if (read === 0) return frames
    frames += read
  }
  throw new Error(`no quiet after ${frames} frames`)
}

/** So many people, connected and quiet. */
const together = async (count: number): Promise<{ core: Core; people: Person[] }> => {
  const core = new Core()
  const people: Person[] = []
  for (let i = 1; i <= count; i++)
    people.push(await new Person(core, i, { access: { user: `u${i}` } }).connect())
  await quiet(core, ...people)
  return { core, people }
}

test('[A6] people who echo see each other, and then it is quiet', async () => {
  const core = new Core()
  const people = await Promise.all([1, 2, 3, 4, 5].map(id => new Person(core, id).connect()))
  const frames = await quiet(core, ...people)
  for (const { seen } of people) assert.equal(seen, [1, 2, 3, 4, 5])
  assert.ok(frames < 60, `${frames} frames`)
  people[0]?.awareness.setLocalStateField('cursor', 7)
  assert.is(await quiet(core, ...people), 4, 'one frame to each other')
  for (const { awareness } of people) assert.is(awareness.getStates().get(1)?.cursor, 7)
})

test('[A6] echoes of people who have left raise no ghost', async () => {
  const { core, people } = await together(4)
  const [first, ...others] = people
  // Their echoes of each other's renewals are under way while it leaves.
  for (const { awareness } of people) awareness.setLocalStateField('at', 1)
  await core.settle()
  first?.disconnect()
  await quiet(core, ...others)
  for (const { seen } of others) assert.equal(seen, [2, 3, 4])
  const late = await new Person(core, 9).connect()
  await quiet(core, ...others, late)
  assert.equal(late.seen, [2, 3, 4, 9])
})

test('[A6] somebody with nothing to announce echoes, and does not become who they heard', async () => {
  const { core, people } = await together(2)
  const silent = new Person(core, 9)
  silent.awareness.setLocalState(null)
  await silent.connect()
  await quiet(core, ...people, silent)
  people[0]?.disconnect()
  await quiet(core, people[1]!, silent)
  assert.equal(people[1]?.seen, [2])
  assert.equal(silent.seen, [2])
  silent.disconnect()
  await quiet(core, people[1]!)
  assert.equal(people[1]?.seen, [2], 'its end removes nobody')
})

test('[A6] an echo by somebody of the same user neither replaces nor revives whom it names', async () => {
  const core = new Core()
  const person = await new Person(core, 1).connect()
  const other = await new Person(core, 2).connect()
  const silent = await core.live({ dialect: 'stock' })
  person.awareness.setLocalStateField('at', 1)
  await core.settle()
  const echo = silent.take().find(({ type }) => type === 'awareness')!
  await silent.say(echo as ServerMessage & { type: 'awareness' })
  await quiet(core, person, other)
  assert.is(person.caller?.closed, null)
  person.disconnect()
  await quiet(core, other)
  await silent.say(echo as ServerMessage & { type: 'awareness' })
  const late = await new Person(core, 3).connect()
  await quiet(core, other, late)
  assert.equal(other.seen, [2, 3])
  assert.equal(late.seen, [2, 3])
})

test('[A6] a tab that passes on what it heard of another before the server did does not end it', async () => {
  const core = new Core()
  const person = await new Person(core, 1).connect()
  const silent = await core.live({ dialect: 'stock' })
  await silent.say(entry(1, 100, '{"name":"client 1"}'))
  await quiet(core, person)
  assert.is(person.caller?.closed, null)
})

test('[A3] nobody is sent an entry of its own, and no clock is changed', async () => {
  const { core, people } = await together(3)
  for (let i = 0; i < 10; i++) {
    for (const { awareness } of people) awareness.setLocalStateField('at', i)
    await quiet(core, ...people)
  }
  for (const { heard, clientId, awareness } of people) {
    assert.equal(
      heard.filter(entry => entry.clientId === clientId),
      [],
    )
    for (const other of people) {
      const told = heard.filter(entry => entry.clientId === other.clientId).at(-1)?.clock
      if (other.clientId !== clientId) assert.is(told, awareness.meta.get(other.clientId)?.clock)
      if (other.clientId !== clientId) assert.is(told, other.awareness.meta.get(other.clientId)?.clock)
    }
  }
})

test('[A1] leaving is told in the tick of the close', async () => {
  const { people } = await together(3)
  const [leaving, second, third] = people
  leaving?.caller?.hangUp()
  for (const person of [second, third]) {
    const entries = entriesOf(person?.caller?.take() ?? [])
    assert.equal(
      entries.map(({ clientId, state }) => [clientId, state]),
      [[1, 'null']],
    )
  }
})

test('[A1] an explicit null leaves too, and the connection can come back', async () => {
  const { core, people } = await together(2)
  const [first, second] = people
  first?.awareness.setLocalState(null)
  await quiet(core, ...people)
  assert.equal(second?.seen, [2])
  first?.awareness.setLocalState({ name: 'again' })
  await quiet(core, ...people)
  assert.equal(second?.seen, [1, 2])
})

test('[A4] whoever comes back with a known clientID is visible at once', async () => {
  const { core, people } = await together(3)
  const [first, second] = people
  for (let i = 0; i < 5; i++) {
    first?.disconnect()
    await quiet(core, ...people)
    assert.equal(second?.seen, [2, 3])
    await first?.connect()
    await quiet(core, ...people)
    for (const { seen } of people.slice(1)) assert.equal(seen, [1, 2, 3])
    // It knows the others' clocks from before, and takes their states when they renew them.
    for (const { awareness } of people) awareness.setLocalState(awareness.getLocalState())
    await quiet(core, ...people)
    assert.equal(first?.seen, [1, 2, 3])
  }
})

test('[A4] so it is where the clock starts again', async () => {
  const { core, people } = await together(2)
  const [first, second] = people
  for (let i = 0; i < 9; i++) first?.awareness.setLocalStateField('at', i)
  await quiet(core, ...people)
  first?.disconnect()
  await quiet(core, ...people)
  const reloaded = await new Person(core, 1, { access: { user: 'u1' } }).connect()
  await quiet(core, reloaded, second!)
  assert.equal(second?.seen, [1, 2])
  assert.equal(reloaded.seen, [1, 2])
  assert.is(second?.awareness.getStates().get(1)?.at, undefined)
})

test('[A5] the same user with the same clientID takes the place of a half-open connection', async () => {
  const { core, people } = await together(2)
  const [first, second] = people
  const old = first?.caller
  first?.lost()
  await first?.connect()
  await quiet(core, ...people)
  old?.take()
  assert.is(old?.closed?.code, 4410)
  assert.is(core.observer.of('replaced'), 1)
  assert.equal(second?.seen, [1, 2])
  old?.hangUp()
  await quiet(core, ...people)
  assert.equal(second?.seen, [1, 2], 'the end of the old connection removes nobody')
})

test('[A5] what an older connection sent may arrive late, and does not end the newer one', async () => {
  const { core, people } = await together(2)
  const [first, second] = people
  first?.disconnect()
  const stale = await core.join({ dialect: 'stock', access: { user: 'u1' } })
  await first?.connect()
  await quiet(core, ...people)
  const entries = awarenessProtocol.encodeAwarenessUpdate(first!.awareness, [1])
  await stale.say({ type: 'awareness', entries })
  assert.is(stale.closed?.code, 4410)
  assert.is(first?.caller?.closed, null)
  await quiet(core, ...people)
  assert.equal(second?.seen, [1, 2])
})

test('[A5] another user is not heard for a clientID that is present', async () => {
  const { core, people } = await together(2)
  const [first, second] = people
  const impostor = new Person(core, 1, { access: { user: 'eve' } })
  impostor.awareness.setLocalState({ name: 'impostor' })
  await impostor.connect()
  for (let i = 0; i < 20; i++) impostor.awareness.setLocalStateField('at', i)
  await quiet(core, ...people, impostor)
  assert.is(second?.awareness.getStates().get(1)?.name, 'client 1')
  assert.is(first?.caller?.closed, null)
  impostor.disconnect()
  await quiet(core, ...people)
  assert.equal(second?.seen, [1, 2])
})

test('[A2] nobody can announce, change or remove another', async () => {
  const { core, people } = await together(3)
  const [first, second, third] = people
  const before = core.observer.of('awareness_dropped')
  const forged = new awarenessProtocol.Awareness(new Y.Doc())
  clearInterval(forged._checkInterval)
  forged.states.set(2, { name: 'forged' }).set(77, { name: 'made up' })
  for (const id of [2, 77, 3]) forged.meta.set(id, { clock: 50, lastUpdated: 0 })
  const entries = awarenessProtocol.encodeAwarenessUpdate(forged, [2, 77, 3])
  first?.caller?.send({ type: 'awareness', entries })
  await quiet(core, ...people)
  assert.is(core.observer.of('awareness_dropped') - before, 3)
  assert.equal(third?.seen, [1, 2, 3])
  assert.is(third?.awareness.getStates().get(2)?.name, 'client 2')
  assert.is(second?.caller?.closed, null)
})

test('[A2] entries for others do not hurt one’s own beside them', async () => {
  const { core, people } = await together(2)
  const [first, second] = people
  first?.awareness.setLocalStateField('at', 1)
  first?.caller?.send({
    type: 'awareness',
    entries: awarenessProtocol.encodeAwarenessUpdate(first.awareness, [2, 1]),
  })
  await quiet(core, ...people)
  assert.is(second?.awareness.getStates().get(1)?.at, 1)
})

test('[A2] a change of many turns is one frame for each reader', async () => {
  const { core, people } = await together(3)
  for (let i = 0; i < 100; i++) people[0]?.awareness.setLocalStateField('at', i)
  await core.settle()
  assert.is(people[1]?.read(), 1)
  assert.is(people[1]?.awareness.getStates().get(1)?.at, 99)
})

/** So many who have announced themselves and read what there was, and one who announced nothing. */
const crowd = async (size: number): Promise<{ core: Core; members: Caller[]; watcher: Caller }> => {
  const core = new Core()
  const members: Caller[] = []
  for (let id = 1; id <= size; id++)
    members.push(await core.live({ dialect: 'stock', access: { user: `u${id}` } }))
  const watcher = await core.live({ dialect: 'stock' })
  for (const [i, member] of members.entries()) member.send(entry(i + 1, 1, '{}'))
  await core.advance(5000)
  for (const caller of [...members, watcher]) caller.take()
  return { core, members, watcher }
}

/** Everybody announces one after the other while the clock stands. */
const announceAll = async (
  core: Core,
  members: readonly Caller[],
  clock: number,
  json: string,
): Promise<void> => {
  for (const [i, member] of members.entries()) {
    member.send(entry(i + 1, clock, json))
    await core.settle()
  }
}

test('[A11] in a small room each change is told at once', async () => {
  const { core, members, watcher } = await crowd(10)
  await announceAll(core, members, 2, '{"at":2}')
  assert.is(watcher.take().length, 10)
})

test('[A11] a large room collects changes, for a bounded time', async () => {
  const { core, members, watcher } = await crowd(100)
  await announceAll(core, members, 2, '{"at":2}')
  const early = watcher.take()
  await core.advance(100)
  const late = watcher.take()
  assert.ok(early.length > 0 && early.length < 20, `${early.length} frames at once`)
  assert.is(late.length, 1)
  assert.equal(
    entriesOf([...early, ...late]).map(({ clientId, clock }) => [clientId, clock]),
    members.map((_, i) => [i + 1, 2]),
  )
})

test('[A11] newcomers to a large room know everybody, and what is being collected a moment later', async () => {
  const { core, members } = await crowd(100)
  await announceAll(core, members, 2, '{"at":2}')
  const first = await core.join({ dialect: 'stock' })
  const known = new Map<number, string>()
  const hear = (messages: readonly ServerMessage[]): void => {
    for (const { clientId, state } of entriesOf(messages)) known.set(clientId, state)
  }
  hear(await first.say(ASK_ALL, NOTHING))
  assert.is(known.size, 100)

  members[0]?.send(entry(1, 3, '{"at":3}'))
  members[1]?.hangUp()
  await core.live({ dialect: 'stock' })
  const second = await core.join({ dialect: 'stock', access: { user: 'u2' } })
  second.send(entry(2, 1, '{"back":true}'), ASK_ALL)
  const late = await core.join({ dialect: 'stock' })
  known.clear()
  hear(await late.say(ASK_ALL, NOTHING))
  assert.is(known.size, 100, 'who came back is known, whatever others still have to be told')
  await core.advance(100)
  hear(late.take())
  assert.is(known.get(1), '{"at":3}')
  assert.is(known.get(2), '{"back":true}')
})

test('[A10] renewals are told together, and within four seconds', async () => {
  const { core, members, watcher } = await crowd(100)
  await announceAll(core, members, 2, '{}')
  const early = watcher.take()
  await core.advance(4000)
  const late = watcher.take()
  assert.ok(early.length < 10, `${early.length} frames at once`)
  assert.is(late.length, 1)
  assert.equal(
    entriesOf([...early, ...late]).map(({ clientId, clock, state }) => [clientId, clock, state]),
    members.map((_, i) => [i + 1, 2, '{}']),
  )
})

test('[A10] what renewals wait for is not the time of a change', async () => {
  const { core, members, watcher } = await crowd(100)
  await announceAll(core, members, 2, '{}')
  watcher.take()
  members[0]?.send(entry(1, 3, '{"at":3}'))
  await core.settle()
  assert.equal(
    entriesOf(watcher.take())
      .filter(({ clientId }) => clientId === 1)
      .at(-1)?.clock,
    3,
  )
})

test('[A1] a crowd that leaves at once is told of together, the first in the tick of the close', async () => {
  const { core, members, watcher } = await crowd(150)
  members[0]?.hangUp()
  assert.equal(entriesOf(watcher.take()), [{ clientId: 1, clock: 1, state: 'null' }])
  for (const member of members.slice(1)) member.hangUp()
  const early = watcher.take()
  await core.advance(1000)
  const late = watcher.take()
  assert.ok(early.length < 75, `${early.length} frames at once`)
  assert.equal(
    entriesOf([...early, ...late]).map(({ clientId, state }) => [clientId, state]),
    members.slice(1).map((_, i) => [i + 2, 'null']),
  )
})

test('[A8] a bad entry is dropped alone', async () => {
  const core = new Core({ limits: { maxAwarenessBytes: 100 } })
  const [caller, other] = [await core.live(), await core.live()]
  const bad: [number, string][] = [
    [1, '[]'],
    [2, '"text"'],
    [3, '7'],
    [4, '{'],
    [5, '{"__proto__":{"a":1}}'],
    [6, `{"a":"${'x'.repeat(100)}"}`],
    [2 ** 33, '{}'],
    [7, `${'{"a":'.repeat(70)}1${'}'.repeat(70)}`],
  ]
  for (const [clock, json] of bad) {
    await caller.say(entry(9, clock, json))
    assert.equal(entriesOf(other.take()), [], json)
  }
  assert.is(core.observer.of('awareness_dropped'), bad.length)
  await caller.say(entry(9, 1, '{"name":"ann"}'))
  assert.equal(entriesOf(other.take()), [{ clientId: 9, clock: 1, state: '{"name":"ann"}' }])
})

const entry = (clientId: number, clock: number, json: string): ServerMessage & { type: 'awareness' } => {
  const text = new TextEncoder().encode(json)
  const entries = Uint8Array.from([
    1,
    ...varUint(clientId),
    ...varUint(clock),
    ...varUint(text.length),
    ...text,
  ])
  return { type: 'awareness', entries }
}

const varUint = (number: number): number[] => {
  const bytes: number[] = []
  for (let rest = number; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest]
    bytes.push((rest % 128) + 128)
  }
}

test('[A8] bytes that are no awareness update are malformed', async () => {
  const padded = Uint8Array.from([1, ...new Array(200).fill(0x80), 0, 1, 2, 123, 125])
  const cases = [
    Uint8Array.of(),
    Uint8Array.of(1),
    Uint8Array.of(1, 9, 1),
    Uint8Array.of(1, 9, 1, 2, 123),
    Uint8Array.of(0, 0),
    Uint8Array.of(200, 200, 200, 200, 1),
    padded,
  ]
  const core = new Core()
  for (const entries of cases) {
    const caller = await core.live()
    await caller.say({ type: 'awareness', entries })
    assert.is(caller.closed?.code, 4400, `${entries}`)
  }
})

test('[A8] an empty update is fine', async () => {
  const core = new Core()
  const caller = await core.live()
  await caller.say(EMPTY_AWARENESS_FRAME)
  assert.is(caller.closed, null)
})

/** So many came and went. */
const visited = (
  count: number,
  onLeave: (presence: Presence<Announcer>, clientId: number) => void,
): Presence<Announcer> => {
  const presence = new Presence<Announcer>({
    limits: { maxAwarenessBytes: 1000 },
    identityPaths: [],
    roster: { isStampOf: () => false },
  })
  for (let id = 1; id <= count; id++) {
    const announcer: Announcer = { order: id, hasPresence: false, clientId: null }
    const { entries } = entry(id, 3, '{}')
    const stamp = { user: 'ann', name: null, joinedAtMs: 0, lastSeenMs: 0 }
    presence.announce(announcer, entries, { stamp, nowMs: 0 })
    assert.equal(presence.leave(announcer), [id])
    onLeave(presence, id)
  }
  assert.equal([...presence.clientIds], [])
  return presence
}

test('[A9] who left is remembered, the latest of them', () => {
  const count = 5000
  const presence = visited(count, (presence, id) => presence.told([id]))
  const known = (id: number): boolean => presence.batch([id]).messageFor(null) !== null
  assert.ok(known(count))
  assert.ok(known(count - 2000))
  assert.not(known(count - 2100))
  assert.not(known(1))
})

test('[B2] whoever was behind is told of those, too, who are not remembered any more', () => {
  const clocks = new Map<number, number>()
  const presence = visited(5000, (presence, id) => {
    presence.addClocks([id], clocks)
    presence.told([id])
  })
  const told = entriesOf([decodeServerMessage(presence.missed(clocks).messageFor(null)!)])
  assert.is(told.length, 5000)
  assert.equal(told[0], { clientId: 1, clock: 3, state: 'null' })
})

test('[A9] when thousands leave at once, all of them can be told of', () => {
  const presence = visited(5000, () => {})
  const everybody = Array.from({ length: 5000 }, (_, at) => at + 1)
  const told = entriesOf([decodeServerMessage(presence.batch(everybody).messageFor(null)!)])
  assert.equal(
    told.map(({ clientId, state }) => [clientId, state]),
    everybody.map(id => [id, 'null']),
  )
})
