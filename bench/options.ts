/** The command line of the bench: what is wanted, or one line that says what is wrong with it. */
import { parseArgs } from 'node:util'
import type { Parameters } from './workload.js'

export interface BenchOptions {
  readonly scenarios: readonly string[]
  readonly targets: readonly string[]
  readonly rounds: number
  /** What is not to be as the scenario has it. */
  readonly overrides: Partial<Parameters>
  readonly url: string | null
  readonly token: string | null
  readonly pid: number | null
  /** Where the results go; null for `bench/results`. */
  readonly out: string | null
}

export type Wish =
  | { readonly kind: 'run'; readonly options: BenchOptions }
  | { readonly kind: 'list' }
  | { readonly kind: 'help' }

/** What can be asked for. */
export interface Known {
  readonly scenarios: readonly string[]
  /** Those that can be pointed at a server by its address. */
  readonly remoteScenarios: readonly string[]
  readonly targets: readonly string[]
}

export const USAGE = `npm run bench [-- OPTIONS]

  --scenario NAME   only this one; may be repeated (--list shows them)
  --targets A,B     only these servers
  --rounds N        how often each scenario runs (1)
  --clients N, --writers N, --rate N (edits/s of each writer), --seconds N
                    other numbers than the scenario's own
  --url ws://…      measure a running server that speaks the y-websocket protocol; the space goes behind it
  --token TOKEN     for that server, sent as ?token=
  --pid PID         its process, on this machine, for CPU figures
  --out DIR         where the results go (bench/results)
  --list            the scenarios and servers
  --help            this`

/** @throws Error with one readable line */
export const readOptions = (args: readonly string[], known: Known): Wish => {
  const values = parse(args)
  if (values.help === true) return { kind: 'help' }
  if (values.list === true) return { kind: 'list' }
  const url = values.url === undefined ? null : webSocketUrl(values.url)
  for (const name of ['token', 'pid'] as const) {
    if (values[name] !== undefined && url === null) throw new Error(`--${name} goes with --url`)
  }
  if (url !== null && values.targets !== undefined) throw new Error('--targets and --url exclude each other')
  const possible = url === null ? known.scenarios : known.remoteScenarios
  const fallback = url === null ? known.scenarios : known.remoteScenarios.slice(0, 1)
  const scenarios = listed('scenario', values.scenario ?? fallback, known.scenarios)
  const impossible = scenarios.filter(name => !possible.includes(name))
  if (impossible.length > 0) {
    throw new Error(`${impossible} cannot be run against --url; these can: ${possible.join(', ')}`)
  }
  const overrides = Object.fromEntries(
    (['clients', 'writers', 'rate', 'seconds'] as const).flatMap(name => {
      const value = values[name]
      return value === undefined ? [] : [[name, positive(name, value, name !== 'rate' && name !== 'seconds')]]
    }),
  ) as Partial<Parameters>
  return {
    kind: 'run',
    options: {
      scenarios,
      targets: listed('targets', values.targets?.split(',') ?? known.targets, known.targets),
      rounds: positive('rounds', values.rounds ?? '1', true),
      overrides,
      url,
      token: values.token ?? null,
      pid: values.pid === undefined ? null : positive('pid', values.pid, true),
      out: values.out ?? null,
    },
  }
}

const parse = (args: readonly string[]) => {
  try {
    const text = { type: 'string' } as const
    return parseArgs({
      args: [...args],
      options: {
        scenario: { type: 'string', multiple: true },
        targets: text,
        rounds: text,
        clients: text,
        writers: text,
        rate: text,
        seconds: text,
        url: text,
        token: text,
        pid: text,
        out: text,
        list: { type: 'boolean' },
        help: { type: 'boolean' },
      },
    }).values
  } catch (error) {
    throw new Error(`${(error as Error).message.split(/\.? To specify|\n/)[0]} (--help shows the options)`)
  }
}

const positive = (name: string, text: string, isWhole: boolean): number => {
  const value = Number(text)
  if (!Number.isFinite(value) || value <= 0 || (isWhole && !Number.isInteger(value))) {
    throw new Error(`--${name} must be a ${isWhole ? 'whole ' : ''}number above 0, not "${text}"`)
  }
  return value
}

const listed = (name: string, wanted: readonly string[], known: readonly string[]): readonly string[] => {
  const unknown = wanted.filter(one => !known.includes(one))
  if (unknown.length > 0)
    throw new Error(`--${name}: no ${unknown.join(', ')}; there are ${known.join(', ')}`)
  return [...new Set(wanted)]
}

const webSocketUrl = (text: string): string => {
  if (!URL.canParse(text) || !/^wss?:$/.test(new URL(text).protocol)) {
    throw new Error(`--url must begin with ws:// or wss://, not "${text}"`)
  }
  return text
}
