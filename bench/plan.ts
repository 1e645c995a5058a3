/** In which order what is run: round by round, so that what disturbs the machine disturbs all servers alike. */

export interface Run {
  /** From 1. */
  readonly round: number
  readonly scenario: string
  readonly target: string
}

export interface PlanOptions {
  readonly rounds: number
  /** With the targets of each. */
  readonly scenarios: readonly { readonly name: string; readonly targets: readonly string[] }[]
}

/** Each round has every scenario on every one of its targets; who goes first changes from round to round. */
export const planRuns = ({ rounds, scenarios }: PlanOptions): Run[] =>
  Array.from({ length: rounds }, (_, index) => index + 1).flatMap(round =>
    scenarios.flatMap(({ name, targets }) =>
      rotated(targets, round - 1).map(target => ({ round, scenario: name, target })),
    ),
  )

const rotated = <T>(list: readonly T[], by: number): T[] =>
  list.map((_, index) => list[(index + by) % list.length]!)
