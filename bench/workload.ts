/** What a workload is: a function of a target and numbers, which returns named figures. */
import type { Target } from './targets/target.js'

export interface Figure {
  readonly value: number
  readonly unit: string
  /** Which is better; null for what is no merit: how busy the load generator was. */
  readonly better: 'lower' | 'higher' | null
}

export type Figures = Readonly<Record<string, Figure>>

/** What a scenario sets and the command line may change; each workload uses what means something to it. */
export interface Parameters {
  readonly clients: number
  readonly writers: number
  /** Per second and writer. */
  readonly rate: number
  readonly seconds: number
}

export interface WorkloadContext {
  readonly target: Target
  readonly parameters: Parameters
  /** One line for whoever watches. */
  progress(text: string): void
}

export type Workload = (context: WorkloadContext) => Promise<Figures>

export const lower = (value: number, unit: string): Figure => ({ value, unit, better: 'lower' })
export const higher = (value: number, unit: string): Figure => ({ value, unit, better: 'higher' })
export const noted = (value: number, unit: string): Figure => ({ value, unit, better: null })
