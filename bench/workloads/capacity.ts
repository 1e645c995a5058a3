/**
 * How many edits a second one room takes until one in a hundred takes longer than the limit: the rate doubles until
 * it is too much, and what lies between is halved twice. Each step has a space of its own.
 */
import { atPace } from '../load/pace.js'
import { Room } from '../load/room.js'
import { untilQuiet } from '../load/stretch.js'
import type { RunningServer } from '../targets/target.js'
import { higher, lower, noted, type Parameters, type Workload } from '../workload.js'

const SEED = 7
const LIMIT_P99_MS = 100
const FIRST_RATE = 400
/** Beyond it the load generator types no faster. */
const MAX_RATE = 102_400
const HALVINGS = 2
const DRAIN_TIME_MS = 20_000

export const capacity: Workload = async ({ target, parameters, progress }) => {
  const server = await target.start()
  try {
    let [attempts, p99Ms] = [0, Number.NaN]
    const isSustained = async (rate: number): Promise<boolean> => {
      const found = await p99At(server, { space: `capacity-${++attempts}`, rate, parameters })
      const [foundMs, lateMs] = [found.p99Ms, found.lateMs].map(Math.round)
      progress(`${Math.round(rate)} edits/s: p99 ${foundMs} ms, the load generator itself ${lateMs} ms late`)
      if (found.p99Ms > LIMIT_P99_MS) return false
      p99Ms = found.p99Ms
      return true
    }
    let [sustained, tooMuch] = [0, Number.POSITIVE_INFINITY]
    for (let rate = FIRST_RATE; rate <= MAX_RATE && !Number.isFinite(tooMuch); rate *= 2) {
      // Whatever disturbed the machine for a moment is not the server's limit.
      if ((await isSustained(rate)) || (await isSustained(rate))) sustained = rate
      else tooMuch = rate
    }
    for (let i = 0; i < HALVINGS && sustained > 0 && Number.isFinite(tooMuch); i++) {
      const between = Math.sqrt(sustained * tooMuch)
      if (await isSustained(between)) sustained = between
      else tooMuch = between
    }
    return {
      'edits/s with p99 ≤ 100 ms': higher(sustained, 'edits/s'),
      'p99 there': lower(p99Ms, 'ms'),
      'it was the load generator that ended it': noted(Number(!Number.isFinite(tooMuch)), '1 = yes'),
    }
  } finally {
    await server.dispose()
  }
}

interface Attempt {
  /** A new one each time. */
  readonly space: string
  readonly rate: number
  readonly parameters: Parameters
}

interface Step {
  readonly p99Ms: number
  /** Of the load generator itself. */
  readonly lateMs: number
}

const p99At = async (server: RunningServer, { space, rate, parameters }: Attempt): Promise<Step> => {
  const { clients, seconds, writers } = parameters
  const room = await Room.open({ server, space, clients, writers, seed: SEED })
  try {
    await untilQuiet(server)
    const type = (writer: number, dueMs: number): void => room.type(writer, dueMs)
    const lateness = await atPace({ actors: writers, perSecond: rate / writers, seconds, act: type })
    const isDelivered = await room.whenDelivered(DRAIN_TIME_MS).then(
      () => true,
      () => false,
    )
    const p99Ms = isDelivered ? room.latencies.quantile(0.99) : Number.POSITIVE_INFINITY
    // What was too much may not have arrived everywhere; what was not, is the same everywhere.
    if (p99Ms <= LIMIT_P99_MS) room.expectConverged()
    return { p99Ms, lateMs: lateness.quantile(0.99) }
  } finally {
    room.close()
    await untilQuiet(server)
  }
}
