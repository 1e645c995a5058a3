/** Finds the command and runs it; what it throws becomes lines for a person and an exit code. */
import { readFileSync } from 'node:fs'
import { describeFailure, UsageError } from './failure.js'
import { type CommandName, commandHelp, generalHelp, isCommandName } from './help.js'
import { type CliIo, type Command, EXIT } from './io.js'

/** Loaded when it is called: a token needs neither a database nor a web server. */
const COMMANDS: Readonly<Record<CommandName, () => Promise<Command>>> = {
  serve: async () => (await import('./serve.js')).serve,
  start: async () => (await import('./start.js')).start,
  token: async () => (await import('./token.js')).token,
  verify: async () => (await import('./verify.js')).verify,
  compact: async () => (await import('./compact.js')).compact,
  backup: async () => (await import('./backup.js')).backup,
  restore: async () => (await import('./restore.js')).restore,
}

/** @returns the exit code */
export const run = async (args: readonly string[], io: CliIo): Promise<number> => {
  try {
    return await dispatch(args, io)
  } catch (error) {
    const { lines, exitCode } = describeFailure(error)
    for (const line of lines) io.err(`plenum: ${line}`)
    return exitCode
  }
}

const dispatch = async ([name, ...rest]: readonly string[], io: CliIo): Promise<number> => {
  if (name === undefined) throw new UsageError('which command? See plenum --help')
  if (name === '--help' || name === '-h' || name === 'help') return answer(io, generalHelp())
  if (name === '--version' || name === '-v') return answer(io, version())
  if (!isCommandName(name)) throw new UsageError(`there is no command "${name}"; see plenum --help`)
  if (rest.includes('--help') || rest.includes('-h')) return answer(io, commandHelp(name))
  const command = await COMMANDS[name]()
  return command(rest, io)
}

const answer = (io: CliIo, text: string): number => {
  for (const line of text.split('\n')) io.out(line)
  return EXIT.ok
}

const version = (): string => {
  const file = new URL('../../../package.json', import.meta.url)
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}
