/** What a run of the bench found, as it is stored: every figure of every round, and where they come from. */
import { loadavg } from 'node:os'
import { describeMachine, describeOrigin, type Origin } from '../origin.js'
import { whyNotPinned } from '../pinning.js'
import type { Run } from '../plan.js'
import type { Scenario } from '../scenarios.js'
import type { Target } from '../targets/target.js'
import type { Figures, Parameters } from '../workload.js'

export interface RunResult extends Run {
  /** Null where it failed. */
  readonly figures: Figures | null
  readonly failure: string | null
}

export interface ReportedTarget {
  readonly name: string
  readonly version: string
  readonly role: Target['role']
  readonly notes: string
}

export interface ReportedScenario {
  readonly name: string
  readonly title: string
  readonly group: string
  readonly parameters: Parameters
  /** Why a server is not in it, by its name. */
  readonly leftOut: Readonly<Record<string, string>>
  readonly results: readonly Omit<RunResult, 'scenario'>[]
}

export interface BenchReport extends Origin {
  readonly format: 2
  readonly machine: string
  /** Why server and load were not on cores of their own; null where they were. */
  readonly notPinned: string | null
  /** Of the last minute when it ended: above 2 on two cores, others were at work. */
  readonly loadAverage: number
  readonly rounds: number
  readonly targets: readonly ReportedTarget[]
  readonly scenarios: readonly ReportedScenario[]
}

export interface RunDescription {
  readonly date: Date
  readonly rounds: number
  readonly targets: readonly Target[]
  readonly scenarios: readonly { readonly scenario: Scenario; readonly parameters: Parameters }[]
  readonly results: readonly RunResult[]
}

export const describeRun = ({ date, rounds, targets, scenarios, results }: RunDescription): BenchReport => ({
  format: 2,
  ...describeOrigin(date),
  machine: describeMachine(),
  notPinned: whyNotPinned(),
  loadAverage: loadavg()[0]!,
  rounds,
  targets: targets.map(({ name, version, role, notes }) => ({ name, version, role, notes })),
  scenarios: scenarios.map(({ scenario, parameters }) => ({
    name: scenario.name,
    title: scenario.title,
    group: scenario.group,
    parameters,
    leftOut: scenario.leftOut ?? {},
    results: results
      .filter(result => result.scenario === scenario.name)
      .map(({ round, target, figures, failure }) => ({ round, target, figures, failure })),
  })),
})
