/** Runs one scenario once in a process of its own and sends its figures to the runner. */
import { SCENARIOS } from './scenarios.js'

export type WorkerMessage =
  | { readonly type: 'progress'; readonly text: string }
  | { readonly type: 'figures'; readonly figures: import('./workload.js').Figures }

const send = (message: WorkerMessage): void => {
  process.send?.(message)
}

const scenario = SCENARIOS.find(({ name }) => name === process.argv[2])
if (scenario === undefined) throw new Error(`no scenario is called ${process.argv[2]}`)
send({ type: 'figures', figures: await scenario.run({ progress: text => send({ type: 'progress', text }) }) })
process.disconnect?.()
