/**
 * Why a data folder cannot be opened, as one line for the operator. Nothing was changed when it is thrown.
 */

export type StartupProblem =
  /** The folder is missing and cannot be made, is no folder, or cannot be written. */
  | 'folder'
  /** Another process serves the folder. */
  | 'locked'
  /** A newer Plenum wrote it. */
  | 'schema'
  /** The file there is not a Plenum database, or cannot be read at all. */
  | 'database'
  /** The path is too long for a Unix socket. */
  | 'socket'

/** Its message is one readable line: print it and exit. */
export class StartupError extends Error {
  readonly problem: StartupProblem

  constructor(problem: StartupProblem, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'StartupError'
    this.problem = problem
  }
}
