/** The ledger against a slow model that remembers the fate of every single message. */
import { AckLedger } from '../../../server/space/ack-ledger.js'
import { createRng, int, pick, type Rng, seedFrom } from '../../support/rng.js'
import { assert, isLongRun, suite } from '../../support/suite.js'

const test = suite('ack ledger')

interface Message {
  readonly number: number
  /** Which step 1 it answers; 0 for an update. */
  readonly reply: number
  /** How many step 2 had arrived by then, it included. */
  readonly replies: number
  fate: 'waiting' | 'handled' | 'discarded' | 'refused'
  position: number
}

/** Says of every message by itself whether its content is on the disk. */
class Model {
  readonly messages: Message[] = []
  durable = 0

  /** It is: at a durable position, or discarded and answered later by a reply that holds it again and is itself. */
  isSafe(message: Message): boolean {
    if (message.fate === 'handled') return message.position <= this.durable
    return (
      message.fate === 'discarded' &&
      this.messages.some(
        later => later.reply > message.replies && later.fate === 'handled' && later.position <= this.durable,
      )
    )
  }

  /** The most that may ever be told: every message up to there is safe, and none was refused. */
  get savedCount(): number {
    const first = this.messages.find(message => !this.isSafe(message))
    return first === undefined ? this.messages.length : first.number - 1
  }
}

/** One random life of a connection. Messages are handled in order, as a space does. */
const live = (rng: Rng, steps: number): void => {
  const ledger = new AckLedger()
  const model = new Model()
  let handledUpTo = 0
  let position = 0
  let told = 0
  const receive = (kind: 'step2' | 'update'): void => {
    const { number, reply } = ledger.received(kind)
    model.messages.push({ number, reply, replies: ledger.replies, fate: 'waiting', position: 0 })
  }
  const next = (): Message | undefined => model.messages[handledUpTo]
  const decide = (fate: Message['fate'], decided: (message: Message) => void): void => {
    const message = next()
    if (message === undefined || ledger.isRefused(message.number)) return
    handledUpTo++
    message.fate = fate
    message.position = position
    decided(message)
  }
  const events: (() => void)[] = [
    () => receive('update'),
    () => receive('update'),
    () => receive('step2'),
    () => ledger.sentStep1(),
    () => {
      position += int(rng, 0, 2)
      decide('handled', ({ number, reply }) => ledger.handled(number, reply, position))
    },
    () => decide('handled', ({ number, reply }) => ledger.handled(number, reply, position)),
    () => {
      if (int(rng, 0, 2) === 0) decide('discarded', ({ replies }) => ledger.discarded(replies))
    },
    () => {
      // Whoever makes a batch throw is refused before the rest of the batch is handled.
      if (int(rng, 0, 30) > 0 || next() === undefined) return
      const refused = pick(rng, model.messages.slice(handledUpTo))
      refused.fate = 'refused'
      ledger.rejected(refused.number)
    },
    () => {
      model.durable = int(rng, model.durable, position)
      const before = ledger.savedCount
      const grew = ledger.durable(model.durable)
      assert.is(grew, ledger.savedCount > before)
    },
  ]
  for (let step = 0; step < steps; step++) {
    pick(rng, events)()
    assert.ok(ledger.savedCount >= told, 'it never goes back')
    told = ledger.savedCount
    assert.ok(told <= model.savedCount, `told ${told} of ${model.savedCount}`)
  }
  if (ledger.isDiverged) {
    while (next()?.fate === 'waiting' && !ledger.isRefused(next()?.number ?? 0)) {
      decide('handled', ({ number, reply }) => ledger.handled(number, reply, position))
    }
    model.durable = position
    ledger.durable(position)
    assert.is(ledger.savedCount, model.savedCount)
    return
  }
  // At the end everything is handled, answered and on the disk: then all of it is told.
  while (next() !== undefined)
    decide('handled', ({ number, reply }) => ledger.handled(number, reply, position))
  for (let i = 0; i < steps; i++) {
    ledger.sentStep1()
    receive('step2')
    decide('handled', ({ number, reply }) => ledger.handled(number, reply, position))
  }
  model.durable = position
  ledger.durable(position)
  assert.is(ledger.savedCount, model.messages.length)
  assert.not(ledger.needsStep1)
}

test('[S2] [S3] random lives: what is told is never more than what is safe, and at rest no less', () => {
  const rng = createRng(seedFrom())
  for (let round = 0; round < (isLongRun ? 20_000 : 2000); round++) live(rng, int(rng, 5, 60))
})

test('[S2] messages are numbered from 1, and a step 2 by the step 1 that it answers', () => {
  const ledger = new AckLedger()
  ledger.sentStep1()
  ledger.sentStep1()
  assert.equal(ledger.received('update'), { number: 1, reply: 0 })
  assert.equal(ledger.received('step2'), { number: 2, reply: 1 })
  assert.equal(ledger.received('update'), { number: 3, reply: 0 })
  assert.equal(ledger.received('step2'), { number: 4, reply: 2 })
  assert.equal(ledger.received('step2'), { number: 5, reply: 0 }, 'nobody asked')
})

test('[S3] a hold ends with the reply that was sent behind the discarded message, and with no earlier one', () => {
  const ledger = new AckLedger()
  ledger.sentStep1()
  ledger.received('update')
  ledger.discarded(0)
  assert.not(ledger.needsStep1, 'the first step 1 is not answered yet: its reply holds the message')
  ledger.received('step2')
  ledger.handled(2, 1, 5)
  assert.not(ledger.durable(4))
  assert.ok(ledger.durable(5))
  assert.is(ledger.savedCount, 2)
})

test('[S3] a discarded reply asks for another step 1', () => {
  const ledger = new AckLedger()
  ledger.sentStep1()
  const { number } = ledger.received('step2')
  ledger.discarded(ledger.replies)
  assert.ok(ledger.needsStep1)
  ledger.sentStep1()
  assert.not(ledger.needsStep1)
  ledger.handled(number, 1, 1)
  ledger.durable(1)
  assert.is(ledger.savedCount, 0)
  const second = ledger.received('step2')
  ledger.handled(second.number, second.reply, 1)
  assert.ok(ledger.durable(1))
  assert.is(ledger.savedCount, 2)
})

test('[S2] [S8] nothing is told from a refused message on', () => {
  const ledger = new AckLedger()
  for (let i = 0; i < 4; i++) ledger.received('update')
  ledger.handled(1, 0, 1)
  ledger.rejected(3)
  ledger.handled(2, 0, 1)
  ledger.handled(4, 0, 1)
  ledger.durable(9)
  assert.is(ledger.savedCount, 2)
})
