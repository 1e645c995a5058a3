/** What an attacker sends, by what it is meant to do. */
import * as encoding from 'lib0/encoding'
import { awarenessMessage, step1, updateMessage } from './messages.js'
import { TEXT_NAME } from './typist.js'

/** The clientID of its first connection. */
export const ATTACKER_ID = 1

const CHARACTER = 4
const HAS_LEFT = 0x80
const HAS_RIGHT = 0x40

interface Struct {
  readonly clientId: number
  readonly clock: number
  readonly left?: { readonly clientId: number; readonly clock: number }
  readonly right?: { readonly clientId: number; readonly clock: number }
}

/** One character, as an update. */
const character = ({ clientId, clock, left, right }: Struct): Uint8Array => {
  const encoder = encoding.createEncoder()
  for (const number of [1, 1, clientId, clock]) encoding.writeVarUint(encoder, number)
  encoding.writeUint8(encoder, CHARACTER | (left ? HAS_LEFT : 0) | (right ? HAS_RIGHT : 0))
  for (const id of [left, right]) {
    if (id === undefined) continue
    encoding.writeVarUint(encoder, id.clientId)
    encoding.writeVarUint(encoder, id.clock)
  }
  if (left === undefined && right === undefined) {
    encoding.writeVarUint(encoder, 1)
    encoding.writeVarString(encoder, TEXT_NAME)
  }
  encoding.writeVarString(encoder, 'x')
  encoding.writeVarUint(encoder, 0)
  return encoding.toUint8Array(encoder)
}

/** Made once: making it takes longer than sending it. */
let largeStateVector: Uint8Array | null = null

const stateVectorOf = (clients: number): Uint8Array => {
  const encoder = encoding.createEncoder()
  encoding.writeVarUint(encoder, clients)
  for (let i = 0; i < clients; i++) {
    encoding.writeVarUint(encoder, 3_000_000_000 + i)
    encoding.writeVarUint(encoder, 1_000_000)
  }
  return encoding.toUint8Array(encoder)
}

const MANY = 2_000
const clientOf = (round: number, i: number): number => 10_000 + round * MANY + i

/** By what is done; each a fresh set of frames for each round. */
export const ATTACKS: Readonly<Record<string, (round: number) => Iterable<Uint8Array>>> = {
  'updates that build on what is missing': function* (round) {
    for (let i = 0; i < MANY; i++) yield updateMessage(character({ clientId: clientOf(round, i), clock: 7 }))
  },
  'characters of many clients at one place': function* (round) {
    // Each has to be compared with all that came before: the cost grows with the square of their number.
    for (let i = MANY; i > 0; i--)
      yield updateMessage(character({ clientId: clientOf(0, i) + round * 7, clock: 0 }))
  },
  'a state vector of 8 MB': function* () {
    largeStateVector ??= stateVectorOf(1_000_000)
    yield step1(largeStateVector)
  },
  'a flood of states': function* (round) {
    const state = JSON.stringify({ user: { name: 'x'.repeat(4_000) } })
    for (let i = 0; i < MANY; i++) {
      yield awarenessMessage([{ clientId: ATTACKER_ID + round, clock: round * MANY + i + 1, state }])
    }
  },
}
