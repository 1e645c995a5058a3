/** `strace` on a running server: attached and detached at will, its report read as data. Linux only. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { tieToThisProcess } from '../support/lifeline.js'
import { temporaryFolder } from '../support/temporary-folder.js'
import { until } from '../support/until.js'

export interface SystemCall {
  readonly name: string
  /** What the file descriptor of the first argument stands for: a path, or `TCP:[local->remote]`. */
  readonly target: string
  /** What is written, as far as the report shows it. */
  readonly bytes: Buffer
  /** Lines of the report: when it was entered and when it returned; calls of several threads overlap. */
  readonly begin: number
  readonly end: number
  readonly result: string
}

/** Why it cannot be used here; null where it can. */
export const whyNoStrace = (): string | null => {
  const probe = spawnSync('strace', ['-qq', '-e', 'trace=fsync', '-o', '/dev/null', 'true'], {
    encoding: 'utf8',
  })
  if (probe.error !== undefined) return 'there is no strace here'
  return probe.status === 0 ? null : `strace is not allowed to trace: ${probe.stderr.trim()}`
}

export class Strace {
  readonly #child: ChildProcess
  readonly #report: string

  private constructor(child: ChildProcess, report: string) {
    this.#child = child
    this.#report = report
  }

  /** Resolves when every thread of the process is traced. */
  static async attach(pid: number, expressions: readonly string[]): Promise<Strace> {
    const report = join(temporaryFolder('strace'), 'report')
    const options = expressions.flatMap(expression => ['-e', expression])
    const args = ['-f', '-tt', '-yy', '-x', '-s', '65536', ...options, '-o', report, '-p', String(pid)]
    const child = spawn('strace', args, { stdio: ['ignore', 'ignore', 'pipe'] })
    tieToThisProcess(child)
    let told = ''
    child.stderr?.setEncoding('utf8').on('data', text => {
      told += text
    })
    await until('strace is attached', () => {
      if (child.exitCode !== null) throw new Error(`strace ended: ${told}`)
      return told.includes('attached')
    })
    return new Strace(child, report)
  }

  /** Lets the process go on untraced. @returns what was traced */
  async detach(): Promise<SystemCall[]> {
    const exited = once(this.#child, 'exit')
    this.#child.kill('SIGINT')
    await exited
    return parseReport(readFileSync(this.#report, 'utf8'))
  }
}

const LINE = /^(\d+) +\S+ (.*)$/
const CALL = /^(\w+)\(\d+<(TCP(?:v6)?:\[[^\]]*\]|[^>]*)>(.*)$/
const RESUMED = /^<\.\.\. \w+ resumed>(.*)$/
const TEXT = /"((?:\\.|[^"\\])*)"/g
const RESULT = / = ([^=]*)$/

export const parseReport = (report: string): SystemCall[] => {
  const calls: SystemCall[] = []
  const unfinished = new Map<string, SystemCall>()
  report.split('\n').forEach((line, at) => {
    const [, thread, rest] = LINE.exec(line) ?? []
    if (thread === undefined || rest === undefined) return
    const [, ending] = RESUMED.exec(rest) ?? []
    if (ending !== undefined) {
      const call = unfinished.get(thread)
      unfinished.delete(thread)
      if (call !== undefined) calls.push({ ...call, end: at, result: resultOf(ending) })
      return
    }
    const [, name, target, args] = CALL.exec(rest) ?? []
    if (name === undefined || target === undefined || args === undefined) return
    const bytes = Buffer.concat([...args.matchAll(TEXT)].map(([, text]) => bytesOf(text ?? '')))
    const call = { name, target, bytes, begin: at, end: at, result: '' }
    if (args.endsWith('<unfinished ...>')) unfinished.set(thread, call)
    else calls.push({ ...call, result: resultOf(args) })
  })
  return calls.sort((a, b) => a.begin - b.begin)
}

const resultOf = (text: string): string => RESULT.exec(text)?.[1]?.trim() ?? ''

const LETTERS: Readonly<Record<string, number>> = { n: 10, t: 9, r: 13, v: 11, f: 12 }

const bytesOf = (text: string): Buffer => {
  const bytes: number[] = []
  for (const [, escaped, plain] of text.matchAll(/\\(x[0-9a-f]{2}|[0-7]{1,3}|.)|([^\\])/g)) {
    if (plain !== undefined) bytes.push(plain.charCodeAt(0))
    else if (escaped !== undefined) bytes.push(escapedByte(escaped))
  }
  return Buffer.from(bytes)
}

const escapedByte = (escaped: string): number => {
  if (escaped.startsWith('x') && escaped.length === 3) return Number.parseInt(escaped.slice(1), 16)
  if (/^[0-7]/.test(escaped)) return Number.parseInt(escaped, 8)
  return LETTERS[escaped] ?? escaped.charCodeAt(0)
}
