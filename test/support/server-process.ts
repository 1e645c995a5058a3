/**
 * A real server in its own process: spawned from the compiled command, awaited by `/readyz`, killed or stopped
 * as the test likes, and gone with the test at the latest.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { signToken } from '../../server/auth/sign-token.js'
import type { Role } from '../../shared/roles.js'
import { tieToThisProcess } from './lifeline.js'
import { removeFolder, temporaryFolder } from './temporary-folder.js'
import { until } from './until.js'

export interface ServerOptions {
  /** A folder that stays; without it one is made, and removed by `dispose`. */
  readonly dataDir?: string
  /** `start` serves the demo as well, and prints how to open it; `serve` by default. */
  readonly command?: 'serve' | 'start'
  /** Flags beyond port and data folder. */
  readonly flags?: readonly string[]
  /** Flags of Node: `--expose-gc`, `--cpu-prof`. */
  readonly nodeFlags?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly readyTimeoutMs?: number
}

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

const MAIN = resolve(import.meta.dirname, '../../server/main.js')
const SECRET = 'a secret of the tests, long enough to be one'
const MAX_LOG_LINES = 2_000
/** What the kernel counts CPU time in, on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100

export class ServerProcess {
  readonly port: number
  readonly dataDir: string
  /** Everything that the server printed, newest last, over all its lives; bounded. */
  readonly log: string[] = []
  readonly #options: ServerOptions
  #child: ChildProcess | null = null
  #exit: Promise<Exit> = Promise.resolve({ code: null, signal: null })

  /** For `startServer`. */
  constructor(port: number, options: ServerOptions) {
    this.port = port
    this.#options = options
    this.dataDir = options.dataDir ?? temporaryFolder('data')
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  /** What a stock provider takes for its server URL. */
  get syncUrl(): string {
    return `ws://127.0.0.1:${this.port}/sync`
  }

  get pid(): number {
    const pid = this.#child?.pid
    if (pid === undefined) throw new Error('the server is not running')
    return pid
  }

  /** When the process of this life has ended. */
  get exit(): Promise<Exit> {
    return this.#exit
  }

  /** A token for one space; `**` for all. */
  token(user: string, space = '**', role: Role = 'write', ttlMs = 3_600_000): Promise<string> {
    return signToken({ secret: SECRET, user, spaces: { [space]: role }, ttlMs, nowMs: Date.now() })
  }

  /** CPU time of this life so far, and memory now and at its peak. Linux only. */
  usage(): { cpuSeconds: number; rssBytes: number; peakRssBytes: number } {
    const stat = readFileSync(`/proc/${this.pid}/stat`, 'utf8')
    // Behind "pid (name) " stands the third field; user and system time are fields 14 and 15.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8')
    const kilobytes = (name: string): number =>
      Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1])
    return {
      cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
      rssBytes: kilobytes('VmRSS') * 1024,
      peakRssBytes: kilobytes('VmHWM') * 1024,
    }
  }

  /** Spawns, and resolves when `/readyz` answers 200. */
  async start(): Promise<this> {
    if (this.#child !== null) throw new Error('the server is running')
    const { command = 'serve', env = {}, flags = [], nodeFlags = [], readyTimeoutMs = 15_000 } = this.#options
    const args = [
      '--enable-source-maps',
      ...nodeFlags,
      MAIN,
      command,
      '--port',
      String(this.port),
      '--data',
      this.dataDir,
      ...flags,
    ]
    const child = spawn(process.execPath, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, PLENUM_SECRET: SECRET, ...env },
    })
    this.#child = child
    tieToThisProcess(child)
    for (const stream of [child.stdout, child.stderr]) this.#keep(stream as Readable)
    this.#exit = once(child, 'exit').then(([code, signal]) => {
      if (this.#child === child) this.#child = null
      return { code, signal } as Exit
    })
    await this.#untilReady(readyTimeoutMs)
    return this
  }

  /** As a power cut would: no handler runs. */
  async kill9(): Promise<Exit> {
    return this.#end('SIGKILL')
  }

  /** Asks it to drain and end. */
  async stop(): Promise<Exit> {
    return this.#end('SIGTERM')
  }

  /** Kills what may still run and starts again: same port, same data. */
  async restart(): Promise<this> {
    await this.kill9()
    return this.start()
  }

  /** Kills what may still run; a data folder of its own is removed. */
  async dispose(): Promise<void> {
    await this.kill9()
    if (this.#options.dataDir === undefined) removeFolder(this.dataDir)
  }

  async #end(signal: NodeJS.Signals): Promise<Exit> {
    this.#child?.kill(signal)
    return this.#exit
  }

  #keep(stream: Readable): void {
    createInterface({ input: stream }).on('line', line => {
      this.log.push(line)
      if (this.log.length > MAX_LOG_LINES) this.log.shift()
    })
  }

  async #untilReady(timeoutMs: number): Promise<void> {
    const isReady = async (): Promise<boolean> => {
      if (this.#child === null) {
        const { code, signal } = await this.#exit
        throw new Error(`the server ended (${signal ?? code}) before it was ready`)
      }
      return fetch(`${this.url}/readyz`, { method: 'HEAD' }).then(
        ({ status }) => status === 200,
        () => false,
      )
    }
    try {
      await until('the server is ready', isReady, timeoutMs)
    } catch (cause) {
      await this.kill9()
      throw new Error(`no server:\n${this.log.join('\n')}`, { cause })
    }
  }
}

export const startServer = async (options: ServerOptions = {}): Promise<ServerProcess> => {
  const server = new ServerProcess(await freePort(), options)
  try {
    return await server.start()
  } catch (error) {
    await server.dispose()
    throw error
  }
}

/** A port that was free a moment ago. */
export const freePort = async (): Promise<number> => {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}
