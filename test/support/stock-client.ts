/** A y-websocket client of a chosen version, or ours in its place, in a process of its own, driven by the test. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type {
  Call,
  CallName,
  ClientVersion,
  FromProcess,
  OpenOptions,
  StockCalls,
  StockState,
} from './stock-client-calls.js'
import type { Patch, TraceName } from './trace.js'
import { fingerprint, TURN_CLIENT_IDS, type Turn } from './trace-turns.js'

interface Waiting {
  readonly name: CallName
  resolve(result: unknown): void
  reject(error: Error): void
}

export class StockClient {
  readonly version: ClientVersion
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, Waiting>()
  #calls = 0
  #onWants: (keystrokes: number) => void = () => {}

  /** For `openStockClient`. */
  constructor(version: ClientVersion, child: ChildProcess) {
    this.version = version
    this.#child = child
    child.on('message', message => this.#onMessage(message as FromProcess))
    child.on('exit', (code, signal) => {
      const error = new Error(`the process of a stock ${version} client ended (${signal ?? code})`)
      for (const { reject } of this.#waiting.values()) reject(error)
      this.#waiting.clear()
    })
  }

  connect = (): Promise<void> => this.call('connect')
  disconnect = (): Promise<void> => this.call('disconnect')
  untilSynced = (): Promise<void> => this.call('untilSynced')
  replay = (trace: TraceName): Promise<void> => this.call('replay', trace)
  edit = (patches: readonly Patch[]): Promise<void> => this.call('edit', patches)
  whenSaved = (): Promise<void> => this.call('whenSaved')
  text = (): Promise<string> => this.call('text')
  state = (): Promise<StockState> => this.call('state')
  setAwareness = (state: Record<string, unknown> | null): Promise<void> => this.call('setAwareness', state)
  awareness = async (): Promise<Map<number, Record<string, unknown>>> => new Map(await this.call('awareness'))

  /** Resolves when the text is this one. @throws after `timeoutMs`, with what it was instead */
  async untilText(wanted: string, timeoutMs = 20_000): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<'late'>(resolve => {
      timer = setTimeout(() => resolve('late'), timeoutMs)
    })
    try {
      if ((await Promise.race([this.call('untilText', fingerprint(wanted)), late])) !== 'late') return
      const state = JSON.stringify({ ...(await this.state()), stateVector: undefined })
      throw new Error(`stock ${this.version} does not get to ${wanted.length} characters: ${state}`)
    } finally {
      clearTimeout(timer)
    }
  }

  call<Name extends CallName>(
    name: Name,
    ...[argument]: Parameters<StockCalls[Name]>
  ): Promise<ReturnType<StockCalls[Name]>> {
    const call: Call = { id: ++this.#calls, name, argument }
    return new Promise((resolve, reject) => {
      this.#waiting.set(call.id, { name, resolve: resolve as Waiting['resolve'], reject })
      this.#child.send(call, error => {
        if (error !== null) this.#take(call.id)?.reject(error)
      })
    })
  }

  /** Types these turns while the other client types its own; each lets the other's keystrokes through as told. */
  play(turns: readonly Turn[], other: StockClient, otherClientId: number): Promise<void> {
    this.#onWants = keystrokes => {
      // A failure shows in the other's own `play`.
      other.call('release', keystrokes).catch(() => {})
    }
    return this.call('play', { turns, otherClientId })
  }

  /** The process stands still: its sockets stay open, and nobody answers on them. */
  suspend(): void {
    this.#child.kill('SIGSTOP')
  }

  /** Ends the process, without a word to anybody. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exit = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exit
  }

  /** Leaves, and ends the process. */
  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exit = once(this.#child, 'exit')
    if (this.#child.connected) this.#child.disconnect()
    await exit
  }

  #onMessage(message: FromProcess): void {
    switch (message.type) {
      case 'result':
        this.#take(message.id)?.resolve(message.result)
        break
      case 'failure': {
        const waiting = this.#take(message.id)
        waiting?.reject(new Error(`stock ${this.version}: ${waiting.name}: ${message.text}`))
        break
      }
      case 'wants':
        this.#onWants(message.keystrokes)
    }
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    return waiting
  }
}

/** Starts the process and its provider, which connects at once. */
export const openStockClient = async (options: OpenOptions): Promise<StockClient> => {
  const child = fork(join(import.meta.dirname, 'stock-client-process.js'), {
    execArgv: ['--enable-source-maps'],
  })
  const client = new StockClient(options.version, child)
  await client.call('open', options)
  return client
}

/** Two clients, opened with `TURN_CLIENT_IDS`, type at the same time what the two authors typed. */
export const playTogether = async (
  clients: readonly [StockClient, StockClient],
  turns: readonly [readonly Turn[], readonly Turn[]],
): Promise<void> => {
  const [first, second] = clients
  await Promise.all([
    first.play(turns[0], second, TURN_CLIENT_IDS[1]),
    second.play(turns[1], first, TURN_CLIENT_IDS[0]),
  ])
}
