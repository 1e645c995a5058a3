/** Command lines: flags of our own and those of the settings, strict about both. */
import { type ParseArgsConfig, parseArgs } from 'node:util'
import { CONFIG_TABLE, type Config, type ConfigName, loadConfig } from '../config.js'
import { UsageError } from './failure.js'

export interface CommandLine<Flag extends string> {
  /** The command's own flags; those not given are missing. */
  readonly flags: Readonly<Partial<Record<Flag, string>>>
  readonly config: Config
  readonly positionals: readonly string[]
}

export interface CommandLineRules<Flag extends string> {
  /** The command's own flags; each takes a value. */
  readonly flags: readonly Flag[]
  /** The settings that it takes as flags; all of them by default. */
  readonly settings?: readonly ConfigName[]
  /** Names of the arguments without a flag, for messages; none by default. */
  readonly positionals?: readonly string[]
}

/** @throws UsageError, ConfigError */
export const readCommandLine = <Flag extends string>(
  command: string,
  args: readonly string[],
  rules: CommandLineRules<Flag>,
): CommandLine<Flag> => {
  const settings = rules.settings ?? (Object.keys(CONFIG_TABLE) as ConfigName[])
  const settingFlags = settings.map(name => CONFIG_TABLE[name].flag).filter(flag => flag !== null)
  const { values, positionals } = parse(command, args, [...rules.flags, ...settingFlags])
  const expected = rules.positionals ?? []
  if (positionals.length > expected.length) {
    throw new UsageError(`${command}: unexpected argument "${positionals[expected.length]}"${help(command)}`)
  }
  if (positionals.length < expected.length) {
    throw new UsageError(`${command}: ${expected[positionals.length]} is missing${help(command)}`)
  }
  const flags = Object.fromEntries(
    rules.flags.flatMap(flag => (flag in values ? [[flag, values[flag]]] : [])),
  )
  return { flags: flags as CommandLine<Flag>['flags'], config: loadConfig({ flags: values }), positionals }
}

const parse = (
  command: string,
  args: readonly string[],
  flags: readonly string[],
): { values: Record<string, string>; positionals: string[] } => {
  const options: NonNullable<ParseArgsConfig['options']> = {}
  for (const flag of flags) options[flag] = { type: 'string' }
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true })
    return { values: values as Record<string, string>, positionals }
  } catch (error) {
    const first = (error as Error).message.split(/\. |\n/)[0]!
    throw new UsageError(`${command}: ${first.charAt(0).toLowerCase()}${first.slice(1)}${help(command)}`)
  }
}

const help = (command: string): string => `; see plenum ${command} --help`
