/**
 * Clients of the fuzz: one document each, which outlives its connections. Both dialects over queued sockets;
 * nothing is sent or received but when the world delivers it.
 */
import * as decoding from 'lib0/decoding'
import * as encoding from 'lib0/encoding'
import * as awarenessProtocol from 'y-protocols/awareness'
import * as syncProtocol from 'y-protocols/sync'
import * as Y from 'yjs'
import type { SaveLedger, SaveState } from '../../client/channel/save-ledger.js'
import { connectSpace, type SpaceConnection, SpaceProvider } from '../../client/index.js'
import { decodeServerMessage } from '../../shared/protocol/index.js'
import type { Role } from '../../shared/roles.js'
import { FakeClock } from '../support/fake-clock.js'
import { editRandomly, roots } from '../support/random-edits.js'
import { chance, type Rng } from '../support/rng.js'
import { pairedSocketClass, SocketPair } from '../support/socket-pair.js'

export abstract class Replica {
  readonly name: string
  readonly role: Role
  readonly doc = new Y.Doc()
  readonly awareness: awarenessProtocol.Awareness
  pair: SocketPair | null = null
  /** Why the last connection ended. */
  closeCode: number | null = null
  readonly #undo: Y.UndoManager

  constructor(name: string, role: Role, clientId: number) {
    this.name = name
    this.role = role
    this.doc.clientID = clientId
    this.awareness = new awarenessProtocol.Awareness(this.doc)
    // Nothing here goes by the real clock.
    clearInterval(this.awareness._checkInterval)
    const { text, map, array, xml } = roots(this.doc)
    this.#undo = new Y.UndoManager([text, map, array, xml], { captureTimeout: 0 })
  }

  abstract readonly dialect: 'plenum' | 'stock'
  /** Updates of which the server said that they are saved. */
  readonly acknowledged: Uint8Array[] = []
  /** Opens a socket, and nothing more: the server accepts it. */
  abstract connect(): SocketPair | Promise<SocketPair>
  abstract disconnect(): void

  /** What it says of its document; null where it cannot know. */
  get saveState(): SaveState | null {
    return null
  }

  edit(rng: Rng): void {
    if (chance(rng, 0.1)) this.#undo.undo()
    else if (chance(rng, 0.05)) this.#undo.redo()
    else editRandomly(rng, this.doc)
  }

  /** Whom this client sees, itself included. */
  get seen(): number[] {
    return [...this.awareness.getStates().keys()].sort((a, b) => a - b)
  }

  /** Says where it is, or that it still is there. */
  announce(at: number): void {
    this.awareness.setLocalState({ name: this.name, at })
  }

  destroy(): void {
    this.#undo.destroy()
    this.doc.destroy()
  }
}

export class PlenumReplica extends Replica {
  readonly dialect = 'plenum'
  connection: SpaceConnection | null = null
  #ledger: SaveLedger | undefined

  override get saveState(): SaveState | null {
    return this.connection?.saveState ?? null
  }

  connect(): SocketPair {
    let opened: SocketPair | null = null
    const sent: Uint8Array[] = []
    let told = 0
    const connection = connectSpace({
      url: 'ws://test',
      space: 'demo',
      token: 't',
      doc: this.doc,
      awareness: this.awareness,
      ...(this.#ledger === undefined ? {} : { ledger: this.#ledger }),
      WebSocket: pairedSocketClass(pair => {
        opened = pair
        const { client } = pair
        const send = client.send.bind(client)
        client.send = frame => {
          const update = documentUpdate(new Uint8Array(frame))
          if (update !== null) sent.push(update)
          send(frame)
        }
      }),
    })
    connection.on('saved', ({ count }) => {
      if (this.role !== 'read') this.acknowledged.push(...sent.slice(told, count))
      told = Math.max(told, count)
    })
    connection.on('closed', ({ code }) => {
      // A client has one connection at a time, and hears of no other.
      this.#ledger = connection.ledger
      this.closeCode = code
      this.connection = null
      this.pair = null
    })
    this.connection = connection
    this.pair = opened
    return opened as unknown as SocketPair
  }

  disconnect(): void {
    this.connection?.close()
  }
}

/** A provider, which goes on where it was, and comes back only when the world lets it. */
export class ResumingReplica extends Replica {
  readonly dialect = 'plenum'
  readonly #provider: SpaceProvider
  #onPair: (pair: SocketPair) => void = () => {}

  constructor(name: string, role: Role, clientId: number) {
    super(name, role, clientId)
    this.#provider = new SpaceProvider('ws://test/sync', 'demo', this.doc, {
      doors: ['websocket'],
      token: 't',
      user: name,
      connect: false,
      awareness: this.awareness,
      WebSocketPolyfill: pairedSocketClass(pair => this.#watch(pair)),
      clock: new FakeClock(),
      hints: () => () => {},
      disableBc: true,
    })
    this.#provider.on('connection', ({ state }) => {
      if (state === 'connected' || state === 'connecting') return
      this.pair = null
      this.#provider.disconnect()
    })
  }

  override get saveState(): SaveState {
    return this.#provider.saveState
  }

  async connect(): Promise<SocketPair> {
    const opened = new Promise<SocketPair>(resolve => {
      this.#onPair = resolve
    })
    this.#provider.connect()
    this.pair = await opened
    return this.pair
  }

  disconnect(): void {
    this.pair = null
    this.#provider.disconnect()
  }

  override destroy(): void {
    this.#provider.destroy()
    super.destroy()
  }

  #watch(pair: SocketPair): void {
    const { client } = pair
    const sent: Uint8Array[] = []
    const send = client.send.bind(client)
    client.send = frame => {
      const update = documentUpdate(new Uint8Array(frame))
      if (update !== null) sent.push(update)
      send(frame)
    }
    client.addEventListener('message', ({ data }) => {
      const message = decodeServerMessage(new Uint8Array(data))
      if (message.type !== 'saved' || this.role === 'read') return
      this.acknowledged.push(...sent.slice(0, message.count))
      sent.fill(Uint8Array.of(0, 0), 0, message.count)
    })
    client.addEventListener('close', ({ code }) => {
      if (this.pair === pair) this.closeCode = code
    })
    this.#onPair(pair)
  }
}

const documentUpdate = (frame: Uint8Array): Uint8Array | null => {
  const isDocumentMessage = frame[0] === 0 && frame[1] !== 0
  return isDocumentMessage ? decoding.readVarUint8Array(decoding.createDecoder(frame.slice(2))) : null
}

/** What the stock provider does with its document, without its timers. */
export class StockReplica extends Replica {
  readonly dialect = 'stock'
  isSynced = false

  constructor(name: string, role: Role, clientId: number) {
    super(name, role, clientId)
    this.doc.on('update', (update: Uint8Array, origin: unknown) => {
      if (origin !== this && this.pair !== null) this.#sendSync(e => syncProtocol.writeUpdate(e, update))
    })
    // It sends back what it receives.
    this.awareness.on('update', ({ added, updated, removed }: Record<string, number[]>) =>
      this.#sendAwareness([...(added ?? []), ...(updated ?? []), ...(removed ?? [])]),
    )
  }

  connect(): SocketPair {
    const pair = new SocketPair()
    const { client } = pair
    this.pair = pair
    this.isSynced = false
    client.onopen = () => {
      this.#sendSync(e => syncProtocol.writeSyncStep1(e, this.doc))
      if (this.awareness.getLocalState() !== null) this.#sendAwareness([this.awareness.clientID])
    }
    client.onmessage = ({ data }: { data: ArrayBuffer }) => this.#receive(new Uint8Array(data))
    client.onclose = ({ code }: { code: number }) => {
      if (this.pair !== pair) return
      this.closeCode = code
      this.#lost()
    }
    return pair
  }

  disconnect(): void {
    this.pair?.client.close(1000)
    this.#lost()
  }

  #lost(): void {
    this.pair = null
    const others = this.seen.filter(id => id !== this.awareness.clientID)
    awarenessProtocol.removeAwarenessStates(this.awareness, others, this)
  }

  #receive(frame: Uint8Array): void {
    const decoder = decoding.createDecoder(frame)
    const type = decoding.readVarUint(decoder)
    if (type === 1) {
      awarenessProtocol.applyAwarenessUpdate(this.awareness, decoding.readVarUint8Array(decoder), this)
      return
    }
    if (type !== 0) throw new Error(`a stock client was sent a message of type ${type}`)
    const encoder = encoding.createEncoder()
    encoding.writeVarUint(encoder, 0)
    const onError = (error: unknown): never => {
      throw error
    }
    const subtype = syncProtocol.readSyncMessage(decoder, encoder, this.doc, this, onError)
    if (subtype === syncProtocol.messageYjsSyncStep2) this.isSynced = true
    if (encoding.length(encoder) > 1) this.pair?.client.send(encoding.toUint8Array(encoder))
  }

  #sendAwareness(clientIds: number[]): void {
    if (this.pair === null) return
    const encoder = encoding.createEncoder()
    encoding.writeVarUint(encoder, 1)
    const entries = awarenessProtocol.encodeAwarenessUpdate(this.awareness, clientIds)
    encoding.writeVarUint8Array(encoder, entries)
    this.pair.client.send(encoding.toUint8Array(encoder))
  }

  #sendSync(write: (encoder: encoding.Encoder) => void): void {
    const encoder = encoding.createEncoder()
    encoding.writeVarUint(encoder, 0)
    write(encoder)
    this.pair?.client.send(encoding.toUint8Array(encoder))
  }
}
