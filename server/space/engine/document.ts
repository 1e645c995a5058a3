/**
 * One space's Y.Doc and the rules under which bytes from outside reach it: an update is read whole before it is
 * integrated, a batch is one transaction, every update event of it comes out, and no pending struct is kept.
 */
import * as Y from 'yjs'
import { PlenumError } from '../../../shared/errors.js'
import type {
  ApplyResult,
  ClockRange,
  EngineInput,
  EngineOutcome,
  Guard,
  IntentionsFound,
  Root,
  RootsFound,
} from '../engine.js'
import { readIntentions } from './intentions.js'
import { readJson } from './json.js'
import { leaveOut } from './leave-out.js'
import { QuietDoc } from './quiet-doc.js'
import { Run } from './run.js'
import { readStateVectorSize, readUpdate, type UpdateFacts } from './update-reader.js'

/** Building a diff visits each client of the asker's vector, so an absurd one is refused. */
const MAX_STATE_VECTOR_CLIENTS = 100_000
const NONE: readonly never[] = Object.freeze([])

/** Told which input is integrated next; null while it is several, or the clean-up of them all. */
type AtInput = (index: number | null) => void

export class Document {
  readonly #doc = new QuietDoc()
  /** Of the batch that is worked on. */
  #events: Uint8Array[] | null = null

  /**
   * One transaction: what it creates Yjs does not clean up, so that the document is what the updates say, and
   * nothing more.
   * @param updates trusted ones, stored before; applied in order
   * @throws whatever Yjs throws; the document must not be used then
   */
  constructor(updates: readonly Uint8Array[]) {
    this.#doc.transact(() => {
      for (const update of updates) {
        Y.applyUpdate(this.#doc, update)
        this.#dropPending()
      }
    })
    // Only now: listening makes Yjs encode every transaction.
    this.#doc.onUpdate(update => this.#events?.push(update))
  }

  apply(batch: readonly EngineInput[], atInput: AtInput = () => {}): ApplyResult {
    const events: Uint8Array[] = []
    this.#events = events
    // Yjs left a list there after the last transaction. It is old by now, and the collector is slow to free what an
    // old object held: the whole transaction, which Yjs is about to put into it.
    this.#doc._transactionCleanups = []
    const outcomes = new Array<EngineOutcome>(batch.length)
    let underWay: number | null = null
    const at = (index: number | null): void => {
      underWay = index
      atInput(index)
    }
    try {
      this.#doc.transact(() => {
        if (batch.length === 1) outcomes[0] = this.#applyAlone(batch[0]!, at)
        else this.#applyAll(batch, outcomes, at)
        at(null)
      })
    } catch (cause) {
      return { type: 'broken', offender: underWay, cause }
    } finally {
      this.#events = null
    }
    return { type: 'applied', outcomes, updates: events }
  }

  stateVector(): Uint8Array {
    return Y.encodeStateVector(this.#doc)
  }

  /** @throws malformed for a state vector that cannot be read */
  diff(stateVector: Uint8Array | null): Uint8Array {
    if (stateVector === null) return Y.encodeStateAsUpdate(this.#doc)
    if (readStateVectorSize(stateVector) > MAX_STATE_VECTOR_CLIENTS) {
      throw new PlenumError('malformed', 'a state vector with too many clients')
    }
    return Y.encodeStateAsUpdate(this.#doc, stateVector)
  }

  intentions(): IntentionsFound {
    return readIntentions(this.#doc)
  }

  /** @throws bad_request, too_large */
  json(roots: readonly Root[] | null): RootsFound {
    return readJson(this.#doc, roots)
  }

  destroy(): void {
    this.#doc.destroy()
  }

  /** There is nothing to join it with. */
  #applyAlone(input: EngineInput, at: AtInput): EngineOutcome {
    const facts = readInput(input)
    if ('type' in facts) return facts
    at(0)
    const outcome = this.#applyOne(input, facts)
    if (facts.isText && outcome.type === 'applied' && isWholly(outcome.ranges, facts)) {
      this.#doc.knowUpdate(input.update)
    }
    return outcome
  }

  #applyAll(batch: readonly EngineInput[], outcomes: EngineOutcome[], at: AtInput): void {
    const runs = new Map<number, Run>()
    const integrate = (): void => {
      for (const run of runs.values()) {
        at(run.members.length === 1 ? run.members[0]!.index : null)
        this.#applyRun(run, outcomes)
      }
      runs.clear()
    }
    for (const [i, input] of batch.entries()) {
      const facts = readInput(input)
      if ('type' in facts) outcomes[i] = facts
      else if (!this.#join(runs, i, input, facts)) {
        integrate()
        at(i)
        if (!this.#join(runs, i, input, facts)) outcomes[i] = this.#applyOne(input, facts)
      }
    }
    integrate()
  }

  /** @returns whether the input will be integrated with a run */
  #join(runs: Map<number, Run>, index: number, input: EngineInput, facts: UpdateFacts): boolean {
    const { kind, update, mayEdit, mayGrow, guard } = input
    const { structs, deletions } = facts
    const client = structs[0]?.client ?? deletions[0]?.client
    if (kind === 'step2' || !mayEdit || !mayGrow || guard !== undefined) return false
    if (client === undefined || structs.length > 1) return false
    const run = runs.get(client) ?? new Run(client, Y.getState(this.#doc.store, client))
    if (!run.fits(facts, other => Y.getState(this.#doc.store, other))) return false
    run.add(index, update, facts)
    runs.set(client, run)
    return true
  }

  #applyRun(run: Run, outcomes: EngineOutcome[]): void {
    Y.applyUpdate(this.#doc, run.encode())
    // A run is all known to fit; were it not, nobody is told that it did.
    const type = this.#dropPending() ? 'gap' : 'applied'
    for (const { index, facts } of run.members) outcomes[index] = { type, ranges: facts.structs }
  }

  #applyOne(
    { kind, update: whole, mayEdit, mayGrow, guard }: EngineInput,
    facts: UpdateFacts,
  ): EngineOutcome {
    if (!mayEdit) return this.#judgeReader(kind, facts)
    if (!mayGrow && this.#bringsStructs(facts)) {
      return { type: 'refused', code: 'too_large', reason: 'the document is at its size limit' }
    }
    const held = guard === undefined ? NONE : this.#othersIn(facts, guard)
    const update =
      held.length === 0 ? whole : leaveOut(whole, client => held.some(range => range.client === client))
    const store = this.#doc.store
    const before = facts.structs.map(({ client }) => Y.getState(store, client))
    Y.applyUpdate(this.#doc, update)
    const ranges: ClockRange[] = []
    for (const [i, { client }] of facts.structs.entries()) {
      const clock = before[i]!
      const length = Y.getState(store, client) - clock
      if (length > 0) ranges.push({ client, clock, length })
    }
    const hasRest = this.#dropPending()
    if (held.length > 0) return { type: 'held', ranges, held, update }
    if (!hasRest) return { type: 'applied', ranges }
    return { type: kind === 'step2' ? 'pending-dropped' : 'gap', ranges }
  }

  /** A reader still answers step 1 with its whole delete set, and replicas clean up formats: no edits. */
  #judgeReader(kind: EngineInput['kind'], facts: UpdateFacts): EngineOutcome {
    const isEdit =
      this.#bringsStructs(facts) || facts.deletions.some(range => this.#deletesSomethingLive(range))
    if (!isEdit || kind === 'step2') return { type: 'ignored', extras: isEdit }
    return { type: 'refused', code: 'read_only', reason: 'this role may not edit' }
  }

  /** The structs that are new and another user's to bring. */
  #othersIn({ structs }: UpdateFacts, { owners, user }: Guard): readonly ClockRange[] {
    return structs.filter(({ client, clock, length }) => {
      const owner = owners.get(client)
      return owner !== undefined && owner !== user && clock + length > Y.getState(this.#doc.store, client)
    })
  }

  #bringsStructs({ structs }: UpdateFacts): boolean {
    return structs.some(({ client, clock, length }) => clock + length > Y.getState(this.#doc.store, client))
  }

  #deletesSomethingLive({ client, clock, length }: ClockRange): boolean {
    const structs = this.#doc.store.clients.get(client)
    if (structs === undefined || clock >= Y.getState(this.#doc.store, client)) return false
    for (let i = Y.findIndexSS(structs, clock); i < structs.length; i++) {
      const struct = structs[i]!
      if (struct.id.clock >= clock + length) return false
      if (struct instanceof Y.Item && !struct.deleted && struct.countable) return true
    }
    return false
  }

  /** Structs that wait for others import an attack into every later load. @returns whether there were any */
  #dropPending(): boolean {
    const store = this.#doc.store
    if (store.pendingStructs === null && store.pendingDs === null) return false
    store.pendingStructs = null
    store.pendingDs = null
    return true
  }
}

/** Whether all of it was new. */
const isWholly = ([range]: readonly ClockRange[], { structs: [whole] }: UpdateFacts): boolean =>
  range !== undefined && range.clock === whole!.clock && range.length === whole!.length

const readInput = ({ update }: EngineInput): UpdateFacts | Extract<EngineOutcome, { type: 'refused' }> => {
  try {
    return readUpdate(update)
  } catch (error) {
    if (!(error instanceof PlenumError)) throw error
    return { type: 'refused', code: error.code, reason: error.message }
  }
}
