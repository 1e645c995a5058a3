/**
 * What a test file's process tells the runner: one JSON line each on file descriptor 3. Written synchronously,
 * so that a report is out before whatever comes next can crash the process.
 */
import { writeSync } from 'node:fs'

export type Report =
  /** The file is imported. `limitMs` is what its explicit timeouts add to the file's time limit. */
  | { readonly type: 'plan'; readonly tests: number; readonly limitMs: number }
  /** A test or hook begins; it may block the process for `timeoutMs` and a grace, no longer. */
  | { readonly type: 'start'; readonly title: string; readonly timeoutMs: number }
  | { readonly type: 'end'; readonly title: string; readonly elapsedMs: number }
  /** A line to show although the file passes: a seed, a count. */
  | { readonly type: 'note'; readonly text: string }
  | { readonly type: 'skip'; readonly title: string; readonly reason: string }
  /** Failing tests, with what to print about them. */
  | { readonly type: 'failure'; readonly count: number; readonly text: string }
  | { readonly type: 'done'; readonly passed: number }

export const REPORT_FD = 3

export const sendReport = (report: Report): void => {
  writeSync(REPORT_FD, `${JSON.stringify(report)}\n`)
}
