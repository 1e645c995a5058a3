/** Rounds to what is shown: for each figure the median of each server, and ours against the better peer. */
import { type Interval, intervalOf, ratioToBest } from '../statistics.js'
import type { Figure } from '../workload.js'
import type { BenchReport, ReportedScenario } from './report.js'

export interface FigureComparison {
  readonly figure: string
  readonly unit: string
  readonly better: Figure['better']
  /** By the server's name; a server without this figure is not in it. */
  readonly byTarget: ReadonlyMap<string, Interval>
  /** Ours over the better peer of the same round, by the name of ours; medians of the rounds. */
  readonly toBest: ReadonlyMap<string, Interval>
}

export const compareFigures = (
  { results }: ReportedScenario,
  targets: BenchReport['targets'],
): FigureComparison[] => {
  const known = new Map<string, Figure>()
  for (const { figures } of results) {
    for (const [name, figure] of Object.entries(figures ?? {})) known.set(name, figure)
  }
  const named = (role: string): string[] =>
    targets.filter(target => target.role === role).map(({ name }) => name)
  return [...known].map(([figure, { unit, better }]) => {
    const valuesOf = (target: string): { readonly round: number; readonly value: number }[] =>
      results.flatMap(({ round, figures, target: of }) => {
        // What JSON cannot hold, such as the CPU of a server elsewhere, is null there.
        const value: number | null | undefined = figures?.[figure]?.value
        return of === target && value !== undefined && value !== null && Number.isFinite(value)
          ? [{ round, value }]
          : []
      })
    const byTarget = new Map(
      targets.flatMap(({ name }) => {
        const values = valuesOf(name).map(({ value }) => value)
        return values.length === 0 ? [] : [[name, intervalOf(values)] as const]
      }),
    )
    const toBest = new Map(
      named('ours').flatMap(ours => {
        const ratio = better === null ? null : ratioToBest(roundsOf(ours), better)
        return ratio === null ? [] : [[ours, ratio] as const]
      }),
    )
    return { figure, unit, better, byTarget, toBest }

    function roundsOf(ours: string) {
      return valuesOf(ours).map(({ round, value }) => ({
        ours: value,
        peers: named('peer')
          .flatMap(valuesOf)
          .filter(peer => peer.round === round)
          .map(peer => peer.value),
      }))
    }
  })
}
