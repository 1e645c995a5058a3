/** Failures as a person at a terminal reads them: one line for each mistake, and no stack for what is theirs. */
import { PlenumError } from '../../shared/errors.js'
import { ConfigError } from '../config.js'
import { StartupError } from '../storage/startup-error.js'
import { EXIT } from './io.js'

/** A wrong command line. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'UsageError'
  }
}

export interface Failure {
  readonly lines: readonly string[]
  readonly exitCode: number
}

export const describeFailure = (error: unknown): Failure => {
  if (error instanceof UsageError) return { lines: [error.message], exitCode: EXIT.usage }
  if (error instanceof ConfigError) return { lines: error.problems, exitCode: EXIT.usage }
  if (error instanceof StartupError) return { lines: [oneLine(error.message)], exitCode: EXIT.failed }
  if (error instanceof PlenumError && error.code !== 'internal') {
    return { lines: [oneLine(error.message)], exitCode: EXIT.failed }
  }
  const system = systemProblem(error)
  if (system !== null) return { lines: [system], exitCode: EXIT.failed }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return { lines: [`internal error: ${text}`], exitCode: EXIT.failed }
}

/** Errors of the operating system that have an everyday cause. */
const systemProblem = (error: unknown): string | null => {
  const { code, syscall, path, address, port, hostname } = error as NodeJS.ErrnoException & {
    address?: string
    port?: number
    hostname?: string
  }
  if (code === undefined) return null
  if (syscall === 'getaddrinfo') return `the host ${hostname} is not known`
  if (syscall === 'listen' || syscall === 'bind') return listenProblem(code, `${address}:${port}`)
  if (path === undefined) return null
  return `${path}: ${FILE_PROBLEMS[code] ?? code}`
}

const listenProblem = (code: string, where: string): string => {
  if (code === 'EADDRINUSE') return `${where} is in use by another program; choose another --port`
  if (code === 'EACCES') return `no permission to listen on ${where}; choose a --port above 1023`
  if (code === 'EADDRNOTAVAIL') return `${where} is not an address of this machine; choose another --host`
  return `cannot listen on ${where}: ${code}`
}

const FILE_PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or folder',
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  ENOTDIR: 'a part of the path is not a folder',
  EISDIR: 'is a folder',
  EEXIST: 'is there already',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space left on the device',
  EDQUOT: 'the disk quota is used up',
}

const oneLine = (text: string): string => text.replaceAll(/\s*\n\s*/g, ' ')
