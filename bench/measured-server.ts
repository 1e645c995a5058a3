/** The server under test in a process and data folder of its own, and what the kernel says it used. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { WebSocket } from 'ws'
import type * as Y from 'yjs'
import { connectSpace, type SocketClass, type SpaceConnection } from '../client/index.js'
import { type ServerProcess, startServer } from '../test/support/server-process.js'

export interface Usage {
  readonly cpuSeconds: number
  /** Bytes that the process caused to be written to storage. */
  readonly writtenBytes: number
}

export class MeasuredServer {
  readonly process: ServerProcess

  private constructor(process: ServerProcess) {
    this.process = process
  }

  static async start(): Promise<MeasuredServer> {
    return new MeasuredServer(await startServer())
  }

  usage(): Usage {
    const io = readFileSync(`/proc/${this.process.pid}/io`, 'utf8')
    const writtenBytes = Number(/^write_bytes: (\d+)$/m.exec(io)?.[1])
    return { cpuSeconds: this.process.usage().cpuSeconds, writtenBytes }
  }

  /** Bytes of all files in the data folder. */
  storedBytes(): number {
    return readdirSync(this.process.dataDir)
      .map(name => statSync(join(this.process.dataDir, name)))
      .filter(file => file.isFile())
      .reduce((sum, file) => sum + file.size, 0)
  }

  async connect(space: string, doc: Y.Doc, traffic?: Traffic): Promise<SpaceConnection> {
    const token = await this.process.token(`user-${doc.clientID}`)
    const connection = connectSpace({
      url: this.process.url,
      space,
      token,
      doc,
      WebSocket: (traffic === undefined ? WebSocket : counting(traffic)) as unknown as SocketClass,
    })
    await connection.whenSynced()
    return connection
  }

  dispose(): Promise<void> {
    return this.process.dispose()
  }
}

/** Bytes of WebSocket messages that a client was sent. */
export interface Traffic {
  receivedBytes: number
  receivedMessages: number
}

const counting = (traffic: Traffic): typeof WebSocket =>
  class extends WebSocket {
    constructor(...args: ConstructorParameters<typeof WebSocket>) {
      super(...args)
      this.on('message', data => {
        // The client asks for ArrayBuffers.
        traffic.receivedBytes += (data as ArrayBuffer).byteLength
        traffic.receivedMessages++
      })
    }
  } as typeof WebSocket
