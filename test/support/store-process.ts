/**
 * A SQLite store in a process of its own, which a failpoint or the test kills. Says a line per step on its
 * standard output: `opened`, `saved <position>`, `compacted`, `failed <message>`; then waits to be killed.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Failpoints } from '../../server/storage/failpoints.js'
import { openSqliteStore } from '../../server/storage/sqlite/sqlite-store.js'
import { tieToThisProcess } from './lifeline.js'
import { LoggedDocument } from './logged-document.js'

export interface StoreTask {
  readonly dataDir: string
  readonly failpoints?: Failpoints
  /** How many words are typed into the space `ledger`, each appended by itself. */
  readonly appends?: number
  readonly compact?: boolean
}

export interface StoreProcess {
  readonly child: ChildProcess
  /** The next line; null when there are no more. */
  next(): Promise<string | null>
  /** All lines until it ends. */
  rest(): Promise<string[]>
  kill(): Promise<void>
}

export const startStoreProcess = (task: StoreTask): StoreProcess => {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), JSON.stringify(task)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  tieToThisProcess(child)
  const exited = once(child, 'exit')
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
  const next = async (): Promise<string | null> => {
    const { done, value } = await lines.next()
    return done === true ? null : value
  }
  return {
    child,
    next,
    rest: async () => {
      const all: string[] = []
      for (let line = await next(); line !== null; line = await next()) all.push(line)
      await exited
      return all
    },
    kill: async () => {
      child.kill('SIGKILL')
      await exited
    },
  }
}

const run = async ({ dataDir, failpoints = {}, appends = 0, compact = false }: StoreTask): Promise<void> => {
  const say = (line: string): void => void process.stdout.write(`${line}\n`)
  const observer = { count: () => undefined, timed: () => undefined, report: () => undefined }
  try {
    const store = await openSqliteStore({ dataDir, now: Date.now, observer, failpoints })
    say('opened')
    const ledger = new LoggedDocument('ledger')
    for (let i = 1; i <= appends; i++) {
      await store.append([{ space: ledger.space, flushes: [ledger.type(`word ${i} `)] }])
      say(`saved ${i}`)
    }
    if (compact) say(`${(await store.compact(ledger.space)).type}`)
  } catch (error) {
    say(`failed ${(error as Error).message}`)
    process.exit(1)
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await run(JSON.parse(process.argv[2]!) as StoreTask)
