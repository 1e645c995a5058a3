/** `plenum backup`: a consistent copy of everything, also beside a running server. */
import { backupTo } from '../storage/operator.js'
import { readCommandLine } from './arguments.js'
import { type Command, EXIT } from './io.js'
import { operatorOptions } from './operator-options.js'
import { count } from './verify.js'

export const backup: Command = async (args, io) => {
  const { config, positionals } = readCommandLine('backup', args, {
    flags: [],
    settings: ['dataDir'],
    positionals: ['FILE'],
  })
  const { path, bytes } = await backupTo(positionals[0]!, operatorOptions(config.dataDir, io))
  io.out(`${path}: ${count(bytes, 'byte')}`)
  return EXIT.ok
}
