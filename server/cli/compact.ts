/** `plenum compact`: folds logs into verified snapshots. */
import { parseSpaceName } from '../../shared/names.js'
import { compactDataFolder } from '../storage/operator.js'
import { readCommandLine } from './arguments.js'
import { type Command, EXIT } from './io.js'
import { operatorOptions } from './operator-options.js'
import { count } from './verify.js'

export const compact: Command = async (args, io) => {
  const { flags, config } = readCommandLine('compact', args, { flags: ['space'], settings: ['dataDir'] })
  const space = flags.space === undefined ? undefined : parseSpaceName(flags.space)
  const options = operatorOptions(config.dataDir, io)
  const report = await compactDataFolder(space === undefined ? options : { ...options, space })
  let compacted = 0
  let failed = 0
  for (const { space: name, outcome } of report.spaces) {
    switch (outcome.type) {
      case 'compacted':
        compacted++
        break
      case 'skipped':
        break
      case 'repaired':
        compacted++
        io.err(
          `plenum: ${JSON.stringify(name)} was repaired: ${count(outcome.dropped.length, 'input')} left out`,
        )
        break
      case 'quarantined':
        failed++
        io.err(`plenum: ${JSON.stringify(name)} is read-only: ${outcome.reason}`)
        break
    }
  }
  io.out(`${count(compacted, 'space')} compacted`)
  return failed === 0 ? EXIT.ok : EXIT.failed
}
