/** `plenum verify`: whether everything that is stored can be read and loads. */
import { verifyDataFolder } from '../storage/operator.js'
import type { VerifyProblem } from '../storage/sqlite/verify.js'
import { readCommandLine } from './arguments.js'
import { type CliIo, type Command, EXIT } from './io.js'
import { operatorOptions } from './operator-options.js'

export const verify: Command = async (args, io) => {
  const { config } = readCommandLine('verify', args, { flags: [], settings: ['dataDir'] })
  const { spaces, rows, snapshots, problems } = await verifyDataFolder(operatorOptions(config.dataDir, io))
  tellProblems(problems, io)
  const verdict = problems.length === 0 ? 'all is well' : count(problems.length, 'problem')
  const read = [count(spaces, 'space'), count(rows, 'log row'), count(snapshots, 'snapshot')].join(', ')
  io.out(`${read}: ${verdict}`)
  return problems.length === 0 ? EXIT.ok : EXIT.failed
}

/** One line each; names are quoted, since they may hold anything that a name may. */
export const tellProblems = (problems: readonly VerifyProblem[], io: CliIo): void => {
  for (const { space, problem } of problems) {
    io.err(`plenum: ${space === null ? 'the database' : JSON.stringify(space)}: ${problem}`)
  }
}

export const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`
