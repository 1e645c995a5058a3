/** `plenum restore`: puts a backup in place of what is stored, while no server runs. */
import { restoreFrom } from '../storage/restore.js'
import { readCommandLine } from './arguments.js'
import { type Command, EXIT } from './io.js'
import { tellProblems } from './verify.js'

export const restore: Command = async (args, io) => {
  const rollback = args.includes('--rollback')
  const { config, positionals } = readCommandLine(
    'restore',
    args.filter(arg => arg !== '--rollback'),
    { flags: [], settings: ['dataDir'], positionals: ['FILE'] },
  )
  const { replaced, problems } = restoreFrom(positionals[0]!, { dataDir: config.dataDir, rollback })
  tellProblems(problems, io)
  io.out(`restored into ${config.dataDir}${rollback ? ', as a rollback' : ''}`)
  if (replaced !== null) io.out(`what was there is now ${replaced}`)
  return problems.length === 0 ? EXIT.ok : EXIT.failed
}
