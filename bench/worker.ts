/** Runs one scenario once on one target, in a process of its own, and sends its figures to the runner. */
import { SCENARIOS } from './scenarios.js'
import { findTarget, type TargetWish } from './targets.js'
import type { Figures, Parameters } from './workload.js'

export interface RunWish {
  readonly scenario: string
  readonly target: TargetWish
  readonly parameters: Parameters
}

export type WorkerMessage =
  | { readonly type: 'progress'; readonly text: string }
  | { readonly type: 'figures'; readonly figures: Figures }
  | { readonly type: 'failed'; readonly reason: string }

const send = (message: WorkerMessage): void => {
  process.send?.(message)
}

// The runner has gone: nobody waits for the figures.
process.on('disconnect', () => process.exit(1))

const wish = JSON.parse(process.argv[2]!) as RunWish
const scenario = SCENARIOS.find(({ name }) => name === wish.scenario)
if (scenario === undefined) throw new Error(`no scenario is called ${wish.scenario}`)
try {
  const target = await findTarget(wish.target)
  const progress = (text: string): void => send({ type: 'progress', text })
  send({ type: 'figures', figures: await scenario.run({ target, parameters: wish.parameters, progress }) })
} catch (error) {
  send({ type: 'failed', reason: error instanceof Error ? error.message : String(error) })
}
