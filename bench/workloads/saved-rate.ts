/** Many writers, a space each, at a pace that the server is offered: how many of their edits are on disk, and how soon. */
import { decodeServerMessage } from '../../shared/protocol/index.js'
import { plenumV1 } from '../dialects/stock.js'
import { Latencies } from '../load/latencies.js'
import { LoadClient } from '../load/load-client.js'
import { updateMessage } from '../load/messages.js'
import { atPace } from '../load/pace.js'
import { AwarenessFrames, PresenceEcho } from '../load/presence-echo.js'
import { measure } from '../load/stretch.js'
import { Typist } from '../load/typist.js'
import { extendedAddress } from '../targets/plenum.js'
import type { RunningServer } from '../targets/target.js'
import { higher, lower, noted, type Workload } from '../workload.js'

/** @param syncDelayMs by which each sync of the disk is delayed; 0 for the disk as it is */
export const savedRate =
  (syncDelayMs: number): Workload =>
  async ({ target, parameters, progress }) => {
    const { rate, writers, seconds } = parameters
    const slow = { PLENUM_FAILPOINTS: `append:before-commit=stall:${syncDelayMs}` }
    const server = await target.start({ env: syncDelayMs === 0 ? {} : slow })
    const latencies = new Latencies()
    const all: SavingWriter[] = []
    try {
      for (let number = 0; number < writers; number++)
        all.push(await SavingWriter.open(server, number, latencies))
      progress(`${writers} writers are to save ${rate} edits/s each for ${seconds} s`)
      const counted = (): number => all.reduce((sum, { saved }) => sum + saved, 0)
      const before = counted()
      let saved = 0
      const stretch = await measure(server, async () => {
        const act = (writer: number, dueMs: number): void => all[writer]!.type(dueMs)
        await atPace({ actors: writers, perSecond: rate, seconds, act })
        saved = counted() - before
      })
      return {
        'saved edits': higher(saved / stretch.seconds, 'edits/s'),
        'edit → saved, p99': lower(latencies.quantile(0.99), 'ms'),
        'server CPU': lower((stretch.cpuSeconds * 1e6) / saved, 'µs/edit'),
        'written to disk': lower(stretch.writtenBytes / saved, 'bytes/edit'),
        'load generator busy': noted(stretch.loadBusyPercent, '%'),
      }
    } finally {
      for (const writer of all) writer.close()
      await server.dispose()
    }
  }

/** The answer to the server's first question is a document message as well. */
const FIRST_REPLY = 1

class SavingWriter {
  /** Document messages that are on disk. */
  saved = 0
  readonly #client: LoadClient
  readonly #typist: Typist
  readonly #latencies: Latencies
  /** By character. */
  readonly #dueMs: number[] = []

  private constructor(
    client: (onOther: (frame: Uint8Array) => void) => LoadClient,
    typist: Typist,
    latencies: Latencies,
  ) {
    this.#typist = typist
    this.#latencies = latencies
    this.#client = client(frame => this.#hear(frame))
  }

  static async open(server: RunningServer, number: number, latencies: Latencies): Promise<SavingWriter> {
    const space = `saved/${number}`
    const typist = new Typist(1_000 + number)
    const address = await extendedAddress(server, space, `user-${number}`)
    const open = (onOther: (frame: Uint8Array) => void): LoadClient =>
      new LoadClient({
        address,
        dialect: plenumV1,
        space,
        clientId: typist.clientId,
        state: null,
        presence: new PresenceEcho(0, 1),
        frames: new AwarenessFrames(new Map()),
        isDeflating: false,
        onUpdate: () => {},
        onOther,
      })
    const writer = new SavingWriter(open, typist, latencies)
    await writer.#client.synced
    return writer
  }

  type(dueMs: number): void {
    this.#dueMs.push(dueMs)
    this.#client.send(updateMessage(this.#typist.type()))
  }

  close(): void {
    this.#client.terminate()
  }

  #hear(frame: Uint8Array): void {
    const message = decodeServerMessage(frame)
    if (message.type !== 'saved') return
    const nowMs = performance.now()
    for (; this.saved < message.count; this.saved++) {
      const dueMs = this.#dueMs[this.saved - FIRST_REPLY]
      if (dueMs !== undefined) this.#latencies.add(nowMs - dueMs)
    }
  }
}
