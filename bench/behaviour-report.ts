/** What was seen of Plenum and its peers: what is kept of a run, and how the README shows it. */
import { describeMachine, describeOrigin, type Origin } from './origin.js'

/** What was tried, and what each server did, by its name. */
export interface BehaviourRow {
  readonly what: string
  readonly seen: Readonly<Record<string, string>>
}

export interface TriedServer {
  readonly name: string
  readonly version: string
  /** The version that ran it. */
  readonly node: string
}

export interface BehaviourReport extends Origin {
  readonly machine: string
  readonly servers: readonly TriedServer[]
  readonly rows: readonly BehaviourRow[]
}

export const describeBehaviour = (
  servers: readonly TriedServer[],
  rows: readonly BehaviourRow[],
): BehaviourReport => ({ ...describeOrigin(new Date()), machine: describeMachine(), servers, rows })

export const behaviourToMarkdown = ({ date, commit, servers, rows }: BehaviourReport): string =>
  [
    `| what is tried | ${servers.map(({ name, version }) => `${name} ${version}`).join(' | ')} |`,
    `|---|${servers.map(() => '---').join('|')}|`,
    ...rows.map(
      ({ what, seen }) => `| ${what} | ${servers.map(({ name }) => seen[name] ?? '').join(' | ')} |`,
    ),
    '',
    `Seen ${date.slice(0, 10)}, commit ${commit}; machine and Node versions are in`,
    '[bench/results/behaviour.json](bench/results/behaviour.json).',
  ].join('\n')
