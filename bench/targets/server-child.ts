/** A server process of the bench: pinned to its core, with a data folder of its own, gone with this process at the latest. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { tieToThisProcess } from '../../test/support/lifeline.js'
import { removeFolder, temporaryFolder } from '../../test/support/temporary-folder.js'
import type { Dialect } from '../dialects/dialect.js'
import { pinned, SERVER_CORE, unpinned } from '../pinning.js'
import { type Usage, usageOf } from '../process-usage.js'
import type { MemoryAnswer } from '../server-launcher.js'
import type { Address, Memory, RunningServer } from './target.js'

export interface ServerChildOptions {
  readonly dialect: Dialect
  readonly address: (port: number, space: string, user: string) => Promise<Address>
  /** The command line for a data folder. */
  readonly command: (dataDir: string) => readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly isOnAllCores?: boolean
  /** Its port, once a line that it prints says that it serves; else null. */
  readonly portIn: (line: string) => number | null
}

const START_TIMEOUT_MS = 20_000
const MEMORY_TIMEOUT_MS = 20_000
const LAST_WORDS = 20

export class ServerChild implements RunningServer {
  readonly dialect: Dialect
  readonly #options: ServerChildOptions
  readonly #dataDir = temporaryFolder('bench')
  readonly #lastWords: string[] = []
  #child: ChildProcess | null = null
  #port = 0

  /** For `startServerChild`. */
  constructor(options: ServerChildOptions) {
    this.#options = options
    this.dialect = options.dialect
  }

  address(space: string, user: string): Promise<Address> {
    return this.#options.address(this.#port, space, user)
  }

  usage(): Usage {
    return usageOf(this.#running.pid!)
  }

  async memory(): Promise<Memory> {
    const child = this.#running
    child.send({ type: 'memory' })
    const [answer] = (await once(child, 'message', { signal: AbortSignal.timeout(MEMORY_TIMEOUT_MS) })) as [
      MemoryAnswer,
    ]
    return { rssBytes: answer.rss, heldBytes: answer.heapUsed + answer.external }
  }

  storedBytes(): number {
    return readdirSync(this.#dataDir)
      .map(name => statSync(join(this.#dataDir, name)))
      .filter(file => file.isFile())
      .reduce((sum, file) => sum + file.size, 0)
  }

  async start(): Promise<void> {
    const { command, env = {}, isOnAllCores = false, portIn } = this.#options
    const line = command(this.#dataDir)
    // This process is pinned, and what it starts would be as well.
    const [program, ...args] = isOnAllCores ? unpinned(line) : pinned(SERVER_CORE, line)
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: { ...process.env, ...env },
    })
    this.#child = child
    tieToThisProcess(child)
    await new Promise<void>((resolve, reject) => {
      const fail = (why: string): void => reject(new Error([why, ...this.#lastWords].join('\n')))
      const timer = setTimeout(() => fail('the server is not ready in time'), START_TIMEOUT_MS)
      child.once('error', reject)
      child.once('exit', code => {
        if (this.#child === child) this.#child = null
        clearTimeout(timer)
        fail(`the server ended with ${code} before it was ready`)
      })
      for (const stream of [child.stdout, child.stderr]) {
        createInterface({ input: stream! }).on('line', line => {
          this.#lastWords.push(line)
          if (this.#lastWords.length > LAST_WORDS) this.#lastWords.shift()
          const port = portIn(line)
          if (port === null) return
          this.#port = port
          clearTimeout(timer)
          resolve()
        })
      }
    })
  }

  async restart(): Promise<void> {
    await this.#end('SIGTERM')
    await this.start()
  }

  kill9(): Promise<void> {
    return this.#end('SIGKILL')
  }

  async dispose(): Promise<void> {
    await this.kill9()
    removeFolder(this.#dataDir)
  }

  get #running(): ChildProcess {
    if (this.#child === null) throw new Error(['the server is not running', ...this.#lastWords].join('\n'))
    return this.#child
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child
    if (child === null) return
    const exit = once(child, 'exit')
    child.kill(signal)
    await exit
  }
}

export const startServerChild = async (options: ServerChildOptions): Promise<ServerChild> => {
  const server = new ServerChild(options)
  try {
    await server.start()
    return server
  } catch (error) {
    await server.dispose()
    throw error
  }
}
