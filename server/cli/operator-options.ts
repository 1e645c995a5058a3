/** How the commands that work on a data folder open it: quietly, and telling people only what is wrong. */
import type { Observer } from '../space/observer.js'
import type { OperatorOptions } from '../storage/operator.js'
import type { CliIo } from './io.js'

export const operatorOptions = (dataDir: string, io: CliIo): OperatorOptions => {
  const observer: Observer = {
    count: () => {},
    timed: () => {},
    report: (level, what, details = {}) => {
      if (level === 'warn' || level === 'error') io.err(`plenum: ${what}${where(details)}`)
    },
  }
  return { dataDir, now: () => Date.now(), observer }
}

const where = ({ space }: Readonly<Record<string, unknown>>): string =>
  typeof space === 'string' ? ` (space ${JSON.stringify(space)})` : ''
