/** The texts of `--help`. */
import { renderConfigHelp } from '../config.js'

const SUMMARIES = {
  serve: 'run the server',
  start: 'run the server, with a token to try it with',
  token: 'sign a token',
  verify: 'check everything that is stored',
  compact: 'fold the logs of all spaces into snapshots',
  backup: 'copy the stored spaces to a file, also while the server runs',
  restore: 'put a backup in place of what is stored',
} as const

export type CommandName = keyof typeof SUMMARIES

const USAGE: Readonly<Record<CommandName, () => string>> = {
  serve: () => `plenum serve [--port N] [--data DIR] [more settings]\n\n${settings()}`,
  start: () => `plenum start [--port N] [--data DIR] [more settings]\n\n${settings()}`,
  token: () =>
    [
      'plenum token --user U --space S --role R [--ttl 1h] [--name N] [--data DIR]',
      '',
      'Prints a token for user U. S is a space or a pattern ("*" is one segment, "**" any number of them), R is',
      'read, write or admin. It is signed with PLENUM_SECRET, else with the secret in the data folder, which is',
      'drawn where there is none yet. --audience and --issuer are taken as by serve.',
    ].join('\n'),
  verify: () =>
    [
      'plenum verify [--data DIR]',
      '',
      'Reads every page, row and snapshot and loads every space. Exit code 1 where something is wrong. Works',
      'beside a running server.',
    ].join('\n'),
  compact: () =>
    [
      'plenum compact [--space NAME] [--data DIR]',
      '',
      'Works beside a running server, which then does it itself.',
    ].join('\n'),
  backup: () =>
    [
      'plenum backup FILE [--data DIR]',
      '',
      'Writes a consistent copy to FILE, which must not exist yet. Works beside a running server.',
    ].join('\n'),
  restore: () =>
    [
      'plenum restore FILE [--rollback] [--data DIR]',
      '',
      'Checks the backup and puts it in place; what was there is moved aside, never deleted. Clients that come',
      'back bring again what the backup lacks; with --rollback they must not, and are told to discard it.',
    ].join('\n'),
}

const settings = (): string =>
  [
    'Every setting is also an environment variable: --max-frame is PLENUM_MAX_FRAME. A flag beats a variable.',
    '',
    renderConfigHelp(),
  ].join('\n')

export const isCommandName = (name: string): name is CommandName => Object.hasOwn(SUMMARIES, name)

export const commandHelp = (name: CommandName): string => USAGE[name]()

export const generalHelp = (): string => {
  const width = Math.max(...Object.keys(SUMMARIES).map(name => name.length))
  return [
    'plenum <command> [flags]',
    '',
    ...Object.entries(SUMMARIES).map(([name, summary]) => `  ${name.padEnd(width)}  ${summary}`),
    '',
    'plenum <command> --help tells more; plenum --version tells which one this is.',
  ].join('\n')
}
