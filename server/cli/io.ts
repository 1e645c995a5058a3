/** What a command may do to the world: two streams of lines and the signals. The process itself stays in main. */

export interface CliIo {
  /** One line of the answer, to standard output. */
  out(line: string): void
  /** One line for the person, to standard error. */
  err(line: string): void
  /** Calls back once, at the first request to end (SIGINT, SIGTERM); a second one ends the process at once. */
  onceAsked(callback: () => void): void
}

/** Runs one command. @returns the exit code */
export type Command = (args: readonly string[], io: CliIo) => Promise<number>

export const EXIT = Object.freeze({ ok: 0, failed: 1, usage: 2 })
