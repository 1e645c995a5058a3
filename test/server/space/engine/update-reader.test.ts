/** The reader against Yjs itself: real updates, cut ones, mutated ones, and crafted lies. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import * as Y from 'yjs'
import { readStateVectorSize, readUpdate } from '../../../../server/space/engine/update-reader.js'
import type { ClockRange } from '../../../../server/space/engine.js'
import { PlenumError } from '../../../../shared/errors.js'
import { throwsCode } from '../../../support/expect.js'
import { editRandomly } from '../../../support/random-edits.js'
import { chance, createRng, int, pick, type Rng, seedFrom } from '../../../support/rng.js'
import { assert, isLongRun, note, suite } from '../../../support/suite.js'

const test = suite('update reader')

/** Updates of every form that Yjs makes: single edits, states, diffs, merged ones with skips. */
const realUpdates = (rng: Rng): Uint8Array[] => {
  const updates: Uint8Array[] = []
  const docs = Array.from({ length: 3 }, (_, i) => {
    const doc = new Y.Doc({ gc: i !== 2 })
    doc.clientID = int(rng, 1, chance(rng, 0.2) ? 2 ** 32 - 1 : 300)
    return doc
  })
  for (const doc of docs) {
    doc.on('update', (update: Uint8Array, origin: unknown) => {
      if (origin !== 'remote') updates.push(update)
    })
  }
  for (let i = 0; i < 12; i++) {
    const doc = pick(rng, docs)
    const before = Y.encodeStateVector(doc)
    editRandomly(rng, doc)
    if (chance(rng, 0.3)) updates.push(Y.encodeStateAsUpdate(doc, before))
    if (updates.length > 0 && chance(rng, 0.4)) Y.applyUpdate(pick(rng, docs), pick(rng, updates), 'remote')
  }
  docs[0]?.getMap('map').set('many', 10n)
  for (const doc of docs) updates.push(Y.encodeStateAsUpdate(doc))
  const some = updates.filter(() => chance(rng, 0.5))
  if (some.length > 1) updates.push(Y.mergeUpdates(some))
  for (const doc of docs) doc.destroy()
  return updates
}

/** What Yjs reads, in the reader's form. */
const factsOf = (update: Uint8Array) => {
  const { structs, ds } = Y.decodeUpdate(update)
  const ranges = new Map<number, ClockRange>()
  for (const { id, length } of structs) {
    const known = ranges.get(id.client) ?? { client: id.client, clock: id.clock, length: 0 }
    ranges.set(id.client, { ...known, length: known.length + length })
  }
  const deletions = [...ds.clients].flatMap(([client, items]) =>
    items.map(({ clock, len }) => ({ client, clock, length: len })),
  )
  return { structs: [...ranges.values()], deletions }
}

const byClient = (ranges: readonly ClockRange[]): readonly ClockRange[] =>
  ranges.toSorted((a, b) => a.client - b.client || a.clock - b.clock)

const refuses = (bytes: readonly number[]): void => {
  throwsCode('malformed', () => readUpdate(Uint8Array.from(bytes)))
}

const isMalformed = (update: Uint8Array): boolean => {
  try {
    readUpdate(update)
    return false
  } catch (error) {
    if (error instanceof PlenumError && error.code === 'malformed') return true
    throw error
  }
}

test('[M4] it agrees with Yjs on thousands of real updates', () => {
  const rng = createRng(1)
  let count = 0
  for (let round = 0; round < 300; round++) {
    for (const update of realUpdates(rng)) {
      const { structs, deletions } = readUpdate(update)
      const expected = factsOf(update)
      assert.equal(byClient(structs), byClient(expected.structs))
      assert.equal(byClient(deletions), byClient(expected.deletions))
      count++
    }
  }
  note(`${count} updates`)
  assert.ok(count > 4000, `${count}`)
})

test('[M4] every truncation and every byte too many is malformed', () => {
  const rng = createRng(2)
  for (let round = 0; round < 40; round++) {
    const update = pick(rng, realUpdates(rng))
    for (let length = 0; length < Math.min(update.length, 400); length++) {
      assert.ok(isMalformed(update.subarray(0, length)), `${length} bytes of ${update}`)
    }
    for (const extra of [0, 1, 255]) assert.ok(isMalformed(Uint8Array.from([...update, extra])))
  }
})

test('[M4] an update in encoding v2 is malformed, the empty one included', () => {
  const rng = createRng(3)
  const doc = new Y.Doc()
  assert.ok(isMalformed(Y.encodeStateAsUpdateV2(doc)))
  for (let round = 0; round < 200; round++) {
    editRandomly(rng, doc)
    assert.ok(isMalformed(Y.encodeStateAsUpdateV2(doc)), `round ${round}`)
  }
})

test('[M4] [M5] what it accepts of mutated updates Yjs reads alike, and no input takes long', {
  timeoutMs: 600_000,
}, async () => {
  const rng = createRng(seedFrom())
  let accepted = 0
  let slowestMs = 0
  for (let round = 0; round < (isLongRun ? 2000 : 60); round++) {
    const updates = realUpdates(rng)
    for (let i = 0; i < 200; i++) {
      const update = mutated(rng, pick(rng, updates))
      const startMs = performance.now()
      const isRefused = isMalformed(update)
      slowestMs = Math.max(slowestMs, performance.now() - startMs)
      if (isRefused) continue
      accepted++
      const { structs, deletions } = readUpdate(update)
      const expected = factsOf(update)
      assert.equal(byClient(structs), byClient(expected.structs), `${update}`)
      // Yjs keeps the last of several lists of one client.
      if (new Set(deletions.map(({ client }) => client)).size === deletions.length) {
        assert.equal(byClient(deletions), byClient(expected.deletions), `${update}`)
      }
    }
    await nextTurn()
  }
  note(`${accepted} mutated updates accepted`)
  assert.ok(accepted > 500, `${accepted}`)
  assert.ok(slowestMs < 1000, `${slowestMs} ms`)
})

const mutated = (rng: Rng, update: Uint8Array): Uint8Array => {
  const bytes = update.slice()
  for (let left = int(rng, 1, 3); left > 0; left--) {
    const at = int(rng, 0, bytes.length - 1)
    bytes[at] = chance(rng, 0.5) ? bytes[at]! ^ (1 << int(rng, 0, 7)) : int(rng, 0, 255)
  }
  return bytes
}

/** A struct of client 1 at clock 0 in an update of its own: info, a root parent "a", content. */
const item = (content: number, ...body: number[]): number[] => [1, 1, 1, 0, content, 1, 1, 97, ...body, 0]

const HUGE = [255, 255, 255, 255, 255, 255, 255, 15]

test('[M4] the smallest updates of every content are read', () => {
  const ranges = (bytes: number[]) => readUpdate(Uint8Array.from(bytes)).structs
  const { isText, ...nothing } = readUpdate(Uint8Array.of(0, 0))
  assert.equal(nothing, { structs: [], deletions: [], references: [], body: null })
  assert.not(isText)
  assert.ok(readUpdate(Uint8Array.from(item(4, 1, 97))).isText)
  assert.not(readUpdate(Uint8Array.from(item(4, 0x81, 0, 97))).isText, 'a length with a byte too many')
  assert.equal(ranges(item(1, 5)), [{ client: 1, clock: 0, length: 5 }])
  assert.is(ranges(item(2, 2, 1, 49, 9, 117, 110, 100, 101, 102, 105, 110, 101, 100))[0]?.length, 2)
  assert.is(ranges(item(3, 2, 7, 7))[0]?.length, 1)
  assert.is(ranges(item(4, 4, 240, 159, 152, 128))[0]?.length, 2, 'a surrogate pair is two clocks')
  assert.is(ranges(item(4, 3, 239, 187, 191))[0]?.length, 1, 'a byte order mark is a character')
  assert.is(ranges(item(5, 2, 123, 125))[0]?.length, 1)
  assert.is(ranges(item(6, 1, 98, 4, 116, 114, 117, 101))[0]?.length, 1)
  for (const type of [0, 1, 2, 4, 6]) assert.is(ranges(item(7, type))[0]?.length, 1)
  for (const type of [3, 5]) assert.is(ranges(item(7, type, 1, 112))[0]?.length, 1)
  assert.is(ranges(item(8, 3, 127, 126, 120))[0]?.length, 3)
  assert.is(ranges(item(9, 1, 103, 118, 0))[0]?.length, 1)
  assert.equal(ranges([1, 2, 1, 0, 10, 7, 0, 3, 0]), [{ client: 1, clock: 0, length: 10 }])
})

test('[M4] empty structs and deletions, and a client named twice, are malformed', () => {
  refuses([1, 0, 1, 0, 0])
  refuses([1, 1, 1, 0, 0, 0, 0])
  refuses([1, 1, 1, 0, 10, 0, 0])
  refuses(item(1, 0))
  refuses(item(2, 0))
  refuses(item(4, 0))
  refuses(item(8, 0))
  refuses([0, 1, 1, 1, 0, 0])
  refuses([2, 1, 1, 0, 0, 1, 1, 1, 1, 0, 1, 0])
})

test('[M4] unknown content, types, values and flags are malformed', () => {
  for (const content of [11, 12, 31]) refuses(item(content, 1, 1, 1))
  for (const type of [7, 8, 127]) refuses(item(7, type))
  for (const tag of [0, 115, 128]) refuses(item(8, 1, tag))
  refuses([1, 1, 1, 0, 0x80, 3, 0])
  refuses([1, 1, 1, 0, 0x4a, 3, 0])
})

test('[M4] a subdocument without options is malformed: Yjs would throw on it', () => {
  for (const tag of [126, 127, 120]) refuses(item(9, 1, 103, tag))
  refuses(item(9, 1, 103))
})

test('[M4] a struct that builds on itself or what follows is malformed: Yjs would throw on it', () => {
  for (const flag of [0x80, 0x40]) {
    refuses([1, 1, 1, 5, 4 | flag, 1, 5, 1, 98, 0])
    refuses([1, 1, 1, 5, 4 | flag, 1, 9, 1, 98, 0])
    readUpdate(Uint8Array.of(1, 1, 1, 5, 4 | flag, 1, 4, 1, 98, 0))
    readUpdate(Uint8Array.of(1, 1, 1, 5, 4 | flag, 2, 9, 1, 98, 0))
  }
  refuses([1, 1, 1, 5, 4, 0, 1, 5, 1, 98, 0])
})

test('[M4] invalid UTF-8 and JSON are malformed', () => {
  refuses(item(4, 1, 0xff))
  refuses(item(4, 3, 0xed, 0xa0, 0x80))
  refuses(item(5, 1, 123))
  refuses(item(5, 0))
  refuses(item(6, 1, 0xff, 1, 49))
  refuses([1, 1, 1, 0, 4, 1, 1, 0xff, 1, 98, 0])
  refuses(item(5, 9, 117, 110, 100, 101, 102, 105, 110, 101, 100))
})

test('[M4] clocks and numbers out of range are malformed', () => {
  refuses(item(1, ...HUGE, 1))
  refuses([1, 1, 1, ...HUGE, 0, 5, 0])
  refuses([0, 1, 1, 1, ...HUGE, 5])
  refuses([1, 1, 255, 255, 255, 255, 255, 255, 255, 255, 1, 0, 0, 1, 0])
  refuses([1, 1, ...new Array(200).fill(0x80), 0, 0, 0, 1, 0])
})

test('[M5] counts and lengths beyond the end are malformed at once', () => {
  refuses([...HUGE])
  refuses([1, ...HUGE, 1, 0])
  refuses([0, ...HUGE])
  refuses([0, 1, 1, ...HUGE])
  for (const content of [2, 3, 4, 5, 8]) refuses(item(content, ...HUGE))
  for (const tag of [116, 117, 118, 119]) refuses(item(8, 1, tag, ...HUGE))
})

test('[M4] [M5] values nested too deeply are malformed, without a deep stack', () => {
  const json = (depth: number): number[] => {
    const text = new TextEncoder().encode('['.repeat(depth) + ']'.repeat(depth))
    return [...item(5).slice(0, -1), ...varUint(text.length), ...text, 0]
  }
  const any = (depth: number): number[] => {
    const open = Array.from({ length: depth }, () => [117, 1]).flat()
    return [...item(8, 1).slice(0, -1), ...open, 126, 0]
  }
  readUpdate(Uint8Array.from(json(150)))
  readUpdate(Uint8Array.from(any(150)))
  for (const depth of [250, 2000, 100_000]) {
    refuses(json(depth))
    refuses(any(depth))
  }
})

const varUint = (number: number): number[] =>
  number < 128 ? [number] : [(number % 128) + 128, ...varUint(Math.floor(number / 128))]

test('[M5] a large update is read in time proportional to it', () => {
  const doc = new Y.Doc()
  const text = doc.getText('text')
  doc.transact(() => {
    for (let i = 0; i < 50_000; i++) text.insert(i % 2 === 0 ? 0 : text.length, 'x')
  })
  const update = Y.encodeStateAsUpdate(doc)
  const startMs = performance.now()
  assert.is(readUpdate(update).structs[0]?.length, 50_000)
  assert.ok(performance.now() - startMs < 3000)
})

test('[M4] a state vector is checked whole', () => {
  assert.is(readStateVectorSize(Uint8Array.of(0)), 0)
  assert.is(readStateVectorSize(Uint8Array.of(2, 1, 5, 2, 6)), 2)
  for (const bytes of [[], [1], [1, 1], [1, 1, 1, 1], [...HUGE], [1, 128, 128]]) {
    throwsCode('malformed', () => readStateVectorSize(Uint8Array.from(bytes)))
  }
})
