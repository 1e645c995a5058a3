/** Intentions that three people edit apart and exchange at random end the same, and hold only what was written. */
import * as Y from 'yjs'
import { type Intentions, intentions } from '../../client/intentions/intentions.js'
import { PlenumError } from '../../shared/errors.js'
import { chance, createRng, int, pick, type Rng, seedFrom } from '../support/rng.js'
import { assert, isLongRun, suite } from '../support/suite.js'

const test = suite('intentions, at random')

const SEEDS = isLongRun ? 2_000 : 60
const STEPS = 120
const FIELDS = ['by', 'text', 'status', 'target', 'createdAt', 'modifiedAt'] as const

interface Person {
  readonly doc: Y.Doc
  readonly board: Intentions
}

class Board {
  readonly #rng: Rng
  readonly #people: readonly Person[]
  /** Every value that a field of an intention was ever given. */
  readonly #written = new Map<string, Set<unknown>>()
  #nowMs = 0
  #words = 0

  constructor(seed: number) {
    this.#rng = createRng(seed)
    this.#people = ['ada', 'bob', 'eve'].map((by, i) => {
      const doc = new Y.Doc()
      doc.clientID = i + 1
      const person = { doc, board: intentions(doc, { by, now: () => ++this.#nowMs }) }
      person.board.observe(() => this.#noteAll(person))
      return person
    })
  }

  run(steps: number): void {
    for (let step = 0; step < steps; step++) {
      if (chance(this.#rng, 0.2)) this.#talk(pick(this.#rng, this.#people), pick(this.#rng, this.#people))
      else this.#act(pick(this.#rng, this.#people))
      for (const person of this.#people) this.#check(person)
    }
    for (let round = 0; round < 2; round++) {
      for (const a of this.#people) for (const b of this.#people) this.#talk(a, b)
    }
    const [first, ...others] = this.#people
    for (const { doc, board } of others) {
      assert.equal(board.list(), first!.board.list())
      assert.equal(Y.encodeStateVector(doc), Y.encodeStateVector(first!.doc))
    }
    for (const person of this.#people) this.#check(person)
  }

  #act({ board }: Person): void {
    const rng = this.#rng
    const ids = board.list().map(({ id }) => id)
    if (ids.length === 0 || chance(rng, 0.15)) {
      board.propose(this.#word(), chance(rng, 0.5) ? { target: this.#word() } : {})
      return
    }
    const id = pick(rng, ids)
    const acts = [
      () => board.activate(id),
      () => board.finish(id),
      () => board.drop(id),
      () => board.edit(id, { text: this.#word() }),
      () => board.edit(id, { target: chance(rng, 0.3) ? null : this.#word() }),
      () => board.edit(id, { text: this.#word(), target: this.#word() }),
      () => chance(rng, 0.2) && board.remove(id),
    ]
    try {
      pick(rng, acts)()
    } catch (error) {
      assert.ok(error instanceof PlenumError && error.code === 'bad_request', String(error))
    }
  }

  /** One way, the whole or what is missing, once or twice. */
  #talk(from: Person, to: Person): void {
    const vector = chance(this.#rng, 0.5) ? Y.encodeStateVector(to.doc) : undefined
    const update = Y.encodeStateAsUpdate(from.doc, vector)
    for (let times = int(this.#rng, 1, 2); times > 0; times--) Y.applyUpdate(to.doc, update)
  }

  /** What a person wrote is seen by that person first. */
  #noteAll({ doc, board }: Person): void {
    for (const intention of board.list()) {
      const entry = doc.getMap<Y.Map<unknown>>('intentions').get(intention.id)!
      for (const field of FIELDS) {
        const item = entry._map.get(field)
        if (item !== undefined && item.id.client !== doc.clientID) continue
        this.#valuesOf(intention.id, field).add(intention[field])
      }
    }
  }

  #check({ board }: Person): void {
    assert.equal(board.invalid(), [])
    for (const intention of board.list()) {
      for (const field of FIELDS) {
        if (field === 'target' && intention.target === undefined) continue
        const isWritten = this.#valuesOf(intention.id, field).has(intention[field])
        assert.ok(isWritten, `nobody wrote ${field} = ${intention[field]}`)
      }
    }
  }

  #valuesOf(id: string, field: string): Set<unknown> {
    const key = `${id} ${field}`
    const values = this.#written.get(key) ?? new Set()
    this.#written.set(key, values)
    return values
  }

  #word(): string {
    return `word ${++this.#words}`
  }
}

const runSeed = (seed: number): void => {
  try {
    new Board(seed).run(STEPS)
  } catch (error) {
    throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error })
  }
}

test('[V2] [V3] [V4] three people who edit apart end with the same intentions', {
  timeoutMs: 600_000,
}, () => {
  for (let seed = 1; seed <= SEEDS; seed++) runSeed(seed)
})

test('[V2] so they do with a seed that nobody has seen', () => runSeed(seedFrom()))
