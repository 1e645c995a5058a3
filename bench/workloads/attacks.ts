/** Others edit in spaces of their own while one space is attacked: what they notice of it. */
import { setTimeout as pause } from 'node:timers/promises'
import * as encoding from 'lib0/encoding'
import { Latencies } from '../load/latencies.js'
import { EMPTY_STATE, LoadClient } from '../load/load-client.js'
import { awarenessMessage, step1, updateMessage } from '../load/messages.js'
import { atPace } from '../load/pace.js'
import { AwarenessFrames, PresenceEcho } from '../load/presence-echo.js'
import { Room } from '../load/room.js'
import { untilQuiet } from '../load/stretch.js'
import { TEXT_NAME } from '../load/typist.js'
import type { RunningServer } from '../targets/target.js'
import { type Figure, lower, noted, type Workload } from '../workload.js'

const SEED = 10
const ROOMS = 25
const DELIVERY_TIME_MS = 60_000
const ATTACKER = 1

export const attacks: Workload = async ({ target, parameters, progress }) => {
  const { rate, seconds } = parameters
  const flags = ['--workers', '1']
  const server = await target.start({ flags, isOnAllCores: true })
  const rooms: Room[] = []
  try {
    for (let number = 0; number < ROOMS; number++) {
      rooms.push(
        await Room.open({ server, space: `others-${number}`, clients: 2, writers: 1, seed: SEED + number }),
      )
    }
    await untilQuiet(server)
    const figures: Record<string, Figure> = {}
    const quiet = await p99While(rooms, rate, seconds)
    figures['p99 of the others, before'] = lower(quiet, 'ms')
    for (const [name, frames] of Object.entries(ATTACKS)) {
      progress(name)
      const attack = runAttack({ server, space: `victim-${name}`.replaceAll(' ', '-'), frames, seconds })
      const during = await p99While(rooms, rate, seconds)
      const sent = await attack
      figures[`p99 of the others: ${name}`] = lower(during, 'ms')
      figures[`times before: ${name}`] = lower(during / quiet, '×')
      figures[`frames sent: ${name}`] = noted(sent, '')
      await untilQuiet(server)
    }
    for (const room of rooms) room.expectConverged()
    return figures
  } finally {
    for (const room of rooms) room.close()
    await server.dispose()
  }
}

const p99While = async (rooms: readonly Room[], perSecond: number, seconds: number): Promise<number> => {
  const latencies = new Latencies()
  for (const room of rooms) room.latencies = latencies
  const act = (number: number, dueMs: number): void => rooms[number]!.type(0, dueMs)
  await atPace({ actors: rooms.length, perSecond, seconds, act })
  for (const room of rooms) await room.whenDelivered(DELIVERY_TIME_MS)
  return latencies.quantile(0.99)
}

interface Attack {
  readonly server: RunningServer
  readonly space: string
  readonly frames: (round: number) => Iterable<Uint8Array>
  readonly seconds: number
}

/** Sends the frames again and again, on a new connection whenever the last was closed. @returns how many were sent */
const runAttack = async ({ server, space, frames, seconds }: Attack): Promise<number> => {
  const endMs = performance.now() + seconds * 1000
  let [sent, round] = [0, 0]
  while (performance.now() < endMs) {
    const clientId = ATTACKER + round
    const client = new LoadClient({
      address: await server.address(space, 'attacker'),
      dialect: server.dialect,
      space,
      clientId,
      state: EMPTY_STATE,
      presence: new PresenceEcho(0, 1),
      frames: new AwarenessFrames(new Map([[clientId, 0]])),
      isDeflating: false,
      onUpdate: () => {},
    })
    const isIn = await client.synced.then(
      () => true,
      () => false,
    )
    while (isIn && client.closedWith === null && performance.now() < endMs) {
      for (const frame of frames(round++)) {
        client.send(frame)
        // What is made here must not take the time of the others' clients.
        if (++sent % 50 === 0) await pause(1)
        if (performance.now() > endMs) break
      }
      await pause(5)
    }
    client.terminate()
    if (!isIn) await pause(100)
  }
  return sent
}

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

const MANY = 2_000
const clientOf = (round: number, i: number): number => 10_000 + round * MANY + i

/** By what is done; each a fresh set of frames for each round. */
const ATTACKS: Readonly<Record<string, (round: number) => Iterable<Uint8Array>>> = {
  'updates that build on what is missing': function* (round) {
    for (let i = 0; i < MANY; i++) yield updateMessage(character({ clientId: clientOf(round, i), clock: 7 }))
  },
  'characters of many clients at one place': function* (round) {
    // Each has to be compared with all that came before: the cost grows with the square of their number.
    for (let i = MANY; i > 0; i--)
      yield updateMessage(character({ clientId: clientOf(0, i) + round * 7, clock: 0 }))
  },
  'a state vector of 8 MB': function* () {
    const encoder = encoding.createEncoder()
    const entries = 1_000_000
    encoding.writeVarUint(encoder, entries)
    for (let i = 0; i < entries; i++) {
      encoding.writeVarUint(encoder, 3_000_000_000 + i)
      encoding.writeVarUint(encoder, 1_000_000)
    }
    yield step1(encoding.toUint8Array(encoder))
  },
  'a flood of states': function* (round) {
    const state = JSON.stringify({ user: { name: 'x'.repeat(4_000) } })
    for (let i = 0; i < MANY; i++) {
      yield awarenessMessage([{ clientId: ATTACKER + round, clock: round * MANY + i + 1, state }])
    }
  },
}
