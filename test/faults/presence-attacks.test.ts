/**
 * What a client may say of who is there, over real sockets beside stock clients that echo all of it: whatever it
 * was, afterwards everybody sees exactly the people who are there, as they described themselves.
 */
import { WebSocket } from 'ws'
import * as Y from 'yjs'
import { SpaceProvider } from '../../client/space-provider.js'
import { openPlainClient, type PlainClient } from '../support/plain-client.js'
import { type ServerProcess, startServer } from '../support/server-process.js'
import { STOCK_VERSIONS } from '../support/stock-client-calls.js'
import { StockTab } from '../support/stock-tab.js'
import { assert, note, suite } from '../support/suite.js'
import { until } from '../support/until.js'

const test = suite('attacks on presence')

const SPACE = 'space'
const VICTIM = 1_001
const CLOCK_OF_THE_VICTIM = 2 ** 31

interface Entry {
  readonly id: number
  readonly clock: number
  /** JSON, or bytes that claim to be. */
  readonly json: string | Uint8Array
}

interface Attack {
  readonly what: string
  /** @param own the clientID that the attacker may use */
  entries(own: number): readonly Entry[]
  /** In place of these entries encoded. */
  bytes?(own: number): Uint8Array
  /** What others see of the attacker afterwards: a field of its state; null where it is nothing. */
  readonly seen: string | null
  /** The code that it is closed with; by default it is not. */
  readonly close?: number
}

const GOOD = '{"colour":"grey"}'
const nested = (levels: number): string => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`
const good = (own: number, clock = 1): Entry => ({ id: own, clock, json: GOOD })
/** A bad state as the first announcement, and one after a good one. */
const badState = (what: string, json: string | Uint8Array): Attack[] => [
  { what: `${what} at first`, entries: own => [{ id: own, clock: 1, json }], seen: null },
  { what: `${what} later`, entries: own => [good(own), { id: own, clock: 2, json }], seen: 'grey' },
]
const badClock = (what: string, clock: number): Attack[] => [
  { what: `${what} at first`, entries: own => [good(own, clock)], seen: null },
  {
    what: `${what} later`,
    entries: own => [good(own), { id: own, clock, json: '{"colour":"black"}' }],
    seen: 'grey',
  },
]
const malformed = (what: string, bytes: (own: number) => Uint8Array): Attack => ({
  what,
  entries: () => [],
  bytes,
  seen: null,
  close: 4400,
})

const ATTACKS: readonly Attack[] = [
  {
    what: 'in the name of somebody who is there',
    entries: () => [{ id: VICTIM, clock: CLOCK_OF_THE_VICTIM, json: '{"colour":"forged"}' }],
    seen: null,
  },
  {
    what: 'the same beside a good entry',
    entries: own => [good(own), { id: VICTIM, clock: CLOCK_OF_THE_VICTIM, json: '{"colour":"forged"}' }],
    seen: 'grey',
  },
  {
    what: 'people who are not there',
    entries: own => [good(own), ...[1, 2, 3].map(at => good(own + at * 10_000))],
    seen: 'grey',
  },
  {
    what: 'the removal of somebody else',
    entries: () => [{ id: VICTIM, clock: CLOCK_OF_THE_VICTIM, json: 'null' }],
    seen: null,
  },
  {
    what: 'the same beside a good entry',
    entries: own => [{ id: VICTIM, clock: CLOCK_OF_THE_VICTIM, json: 'null' }, good(own)],
    seen: 'grey',
  },
  {
    what: 'a removal of everybody by the thousand',
    entries: own => [
      good(own),
      ...Array.from({ length: 10_000 }, (_, at) => ({ id: 990 + at, clock: 2 ** 31, json: 'null' })),
    ],
    seen: 'grey',
  },
  {
    what: '10,000 clientIDs in one frame',
    entries: own => Array.from({ length: 10_000 }, (_, at) => good(own + at * 10_000)),
    seen: 'grey',
  },
  ...badClock('the clock 2^53 - 1', Number.MAX_SAFE_INTEGER),
  ...badClock('a clock above 2^32', 2 ** 32 + 1),
  ...badState('an array', '["colour"]'),
  ...badState('a string', '"colour"'),
  ...badState('a number', '7'),
  ...badState('true', 'true'),
  ...badState('a state of 1 MB', JSON.stringify({ colour: 'x'.repeat(2 ** 20) })),
  ...badState('3,000 levels', nested(3_000)),
  ...badState('30,000 levels of arrays', `{"a":${'['.repeat(30_000)}${']'.repeat(30_000)}}`),
  ...badState('__proto__', '{"__proto__":{"colour":"polluted"}}'),
  ...badState('__proto__ deep inside', '{"user":[{"__proto__":{"colour":"polluted"}}]}'),
  ...badState('constructor.prototype', '{"constructor":{"prototype":{"colour":"polluted"}}}'),
  ...badState('JSON that is cut off', '{"colour":'),
  ...badState('no JSON at all', ''),
  ...badState('bytes that are no UTF-8', Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d)),
  {
    what: 'one good entry among bad ones',
    entries: own => [
      { id: own, clock: 1, json: '[]' },
      { id: own, clock: 2 ** 40, json: GOOD },
      good(own, 3),
      { id: own, clock: 4, json: '{' },
      { id: VICTIM, clock: CLOCK_OF_THE_VICTIM, json: 'null' },
    ],
    seen: 'grey',
  },
  {
    what: 'the stamp and the name of somebody else',
    entries: own => [
      {
        id: own,
        clock: 1,
        json: '{"colour":"grey","user":{"id":"ours"},"plenum":{"user":"ours","joinedAt":7,"lastSeen":9e15}}',
      },
    ],
    seen: 'grey',
  },
  {
    what: 'a stamp that is no object, and a user that is none',
    entries: own => [{ id: own, clock: 1, json: '{"colour":"grey","user":null,"plenum":[1]}' }],
    seen: 'grey',
  },
  malformed('a count without entries', () => Uint8Array.of(5)),
  malformed('a good entry and trailing bytes', own => Uint8Array.of(...encode([good(own)]), 0)),
  malformed('a good entry that is cut off', own => encode([good(own)]).slice(0, -1)),
  malformed('a count of 2^40', () => Uint8Array.from(varUint(2 ** 40))),
]

const varUint = (number: number): number[] => {
  const bytes: number[] = []
  for (let rest = number; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest]
    bytes.push((rest % 128) + 128)
  }
}

const encode = (entries: readonly Entry[]): Uint8Array => {
  const parts = entries.map(({ id, clock, json }) => {
    const text = typeof json === 'string' ? Buffer.from(json) : json
    return Buffer.concat([
      Uint8Array.from([...varUint(id), ...varUint(clock), ...varUint(text.length)]),
      text,
    ])
  })
  return Uint8Array.from(Buffer.concat([Uint8Array.from(varUint(entries.length)), ...parts]))
}

type View = ReadonlyMap<number, Record<string, unknown>>

/** Somebody who is there all the time. */
interface Bystander {
  readonly id: number
  readonly user: string
  view(): View
  setColour(colour: string): void
}

let server: ServerProcess
const tabs: StockTab[] = []
let ours: SpaceProvider
let bystanders: Bystander[]
/** How each bystander last described itself. */
let colours: Map<number, string>
let turns = 0

test.before(async () => {
  server = await startServer()
  for (const [at, version] of STOCK_VERSIONS.entries()) {
    const token = await server.token(version, SPACE)
    tabs.push(
      await StockTab.open({
        version,
        url: server.syncUrl,
        space: SPACE,
        token,
        clientId: VICTIM + at,
        state: {},
      }),
    )
  }
  ours = new SpaceProvider(server.syncUrl, SPACE, new Y.Doc(), {
    token: () => server.token('ours', SPACE),
    WebSocketPolyfill: WebSocket,
    disableBc: true,
  })
  bystanders = [...tabs, ours].map(({ awareness }, at) => ({
    id: awareness.clientID,
    user: STOCK_VERSIONS[at] ?? 'ours',
    view: () => awareness.getStates() as View,
    setColour: colour => awareness.setLocalState({ colour }),
  }))
  await everybodyMoves()
})
test.after(async () => {
  ours?.destroy()
  for (const tab of tabs) tab.close()
  await server?.dispose()
})

/** Each bystander changes its state, and each sees it of each: what was told before has been taken by then. */
const everybodyMoves = async (): Promise<void> => {
  turns++
  colours = new Map(bystanders.map(({ id }) => [id, `${id} at ${turns}`]))
  for (const { id, setColour } of bystanders) setColour(colours.get(id)!)
  await until('each sees the others', () =>
    bystanders.every(({ view }) => [...colours].every(([id, colour]) => view().get(id)?.colour === colour)),
  )
}

interface StampedState {
  readonly plenum?: { readonly user: string }
  readonly user?: { readonly id: string }
  readonly colour?: string
}

/** What is to be seen of somebody: who it is, by the stamp and by the name, and the colour. */
const portrait = (user: string, colour: string): string => `${user}, ${user}: ${colour}`

/** Portraits by clientID of everybody whom a client sees, itself left out. */
const peopleIn = (view: View, self: number): Record<string, string> => {
  const people = new Map<number, string>()
  for (const [id, { plenum, user, colour }] of view as ReadonlyMap<number, StampedState>) {
    if (id !== self) people.set(id, `${plenum?.user}, ${user?.id}: ${colour}`)
  }
  return Object.fromEntries([...people].sort())
}

/** Portraits of everybody who is there but one. */
const peopleBeside = (
  self: number,
  extra: ReadonlyMap<number, string> = new Map(),
): Record<string, string> => {
  const others = bystanders
    .filter(({ id }) => id !== self)
    .map(({ id, user }) => [id, portrait(user, colours.get(id)!)] as const)
  return Object.fromEntries([...others, ...extra].sort())
}

const expectExactly = (extra: ReadonlyMap<number, string>, what: string): void => {
  for (const { id, view } of bystanders) assert.equal(peopleIn(view(), id), peopleBeside(id, extra), what)
}

/** Who comes in now, and sees what the server has. */
const peopleForNewcomer = async (): Promise<Record<string, string>> => {
  const token = await server.token('newcomer', SPACE)
  const tab = await StockTab.open({ version: '3.1.0', url: server.syncUrl, space: SPACE, token, state: null })
  try {
    await until('it has heard of all', () => colours.size <= tab.awareness.getStates().size)
    return peopleIn(tab.awareness.getStates() as View, tab.clientId)
  } finally {
    tab.close()
  }
}

const openAttacker = async (at: number): Promise<PlainClient> => {
  const dialect = at % 2 === 0 ? 'plenum.v1' : 'yjs'
  const token = await server.token(`attacker ${at}`, SPACE)
  const client = await openPlainClient(`${server.syncUrl}/${SPACE}`, token, [dialect])
  client.send({ type: 'step1', stateVector: Uint8Array.of(0) })
  await client.message('step2')
  return client
}

test('[A22] whatever a client says of who is there, others see exactly who is', {
  timeoutMs: 90_000,
}, async () => {
  for (const [at, { what, entries, bytes, seen, close }] of ATTACKS.entries()) {
    const own = 50_000 + at
    const attacker = await openAttacker(at)
    attacker.send({ type: 'awareness', entries: bytes?.(own) ?? encode(entries(own)) })
    if (close === undefined) {
      // Its second answer shows that what came before was taken.
      attacker.send({ type: 'step1', stateVector: Uint8Array.of(0) })
      await until(
        'it is answered',
        () => attacker.messages.filter(({ type }) => type === 'step2').length === 2,
      )
    } else {
      assert.is((await attacker.closed).code, close, what)
    }
    await everybodyMoves()
    expectExactly(new Map(seen === null ? [] : [[own, portrait(`attacker ${at}`, seen)]]), what)
    attacker.terminate()
    await until(`gone after: ${what}`, () => bystanders.every(({ view }) => !view().has(own)))
  }
  await everybodyMoves()
  expectExactly(new Map(), 'in the end')
  assert.equal(await peopleForNewcomer(), peopleBeside(0))
  for (const { closes, version } of tabs)
    assert.equal(closes, [], `stock ${version} sent back what it was told`)
  assert.is(ours.connection.state, 'connected')
  assert.is(({} as { colour?: unknown }).colour, undefined)
  note(`${ATTACKS.length} attacks`)
})
