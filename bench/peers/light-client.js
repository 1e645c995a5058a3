/**
 * A small Yjs client that speaks both dialects and shows what the server says: for checks, not for load. It sends
 * every local change of its document, answers step 1, and counts what is acknowledged.
 */
import { once } from 'node:events'
import * as decoding from 'lib0/decoding'
import * as encoding from 'lib0/encoding'
import { WebSocket } from 'ws'
import * as awarenessProtocol from 'y-protocols/awareness'
import * as Y from 'yjs'

const SYNC = 0
const AWARENESS = 1
const AUTH = 2
const SYNC_REPLY = 4
const CLOSE = 7
const SYNC_STATUS = 8
/** Plenum's, where `plenum.v1` was offered. */
const SAVED = 101
const REJECTED = 102
/** In an auth message of the server. */
const PERMISSION_DENIED = 1

/**
 * @param {{url: string, room: string, dialect: 'stock' | 'hocuspocus', doc?: Y.Doc,
 *   awareness?: awarenessProtocol.Awareness, token?: string,
 *   protocols?: string[]}} options `url` without the room; `awareness` to keep it
 *   over connections, then it is the caller's to end; `token` for Hocuspocus's first message
 */
export const connect = async ({
  url,
  room,
  dialect,
  doc = new Y.Doc(),
  awareness = null,
  token = '',
  protocols = [],
}) => {
  const ws = new WebSocket(dialect === 'stock' ? `${url}/${room}` : url, protocols)
  ws.binaryType = 'arraybuffer'
  const client = new LightClient(ws, room, dialect, doc, awareness)
  await Promise.race([
    once(ws, 'open'),
    client.closed.then(({ code }) => {
      throw new Error(`refused: ${code}`)
    }),
  ])
  client.open(token)
  return client
}

const failBecause =
  what =>
  ({ code, reason }) => {
    throw new Error(`closed (${code} ${reason}) before: ${what}`)
  }

class LightClient {
  doc
  awareness
  ws
  /** Resolves when the first step 2 has come; rejects when the connection ends before. */
  synced
  /** `{code, reason}`, when the server ended it: by the socket or by Hocuspocus's own message. */
  closed
  /** Updates and step 2 messages that were sent, and how many of them the server has acknowledged. */
  sentDocuments = 0
  acknowledged = 0
  /** What the server said of those that it refused. */
  refusals = []
  /** Auth messages of the server: `{kind, text}`. */
  authAnswers = []
  /** Awareness messages as they came. */
  awarenessUpdates = []
  #ownsAwareness
  #room
  #dialect
  #resolveSynced
  #resolveClosed

  constructor(ws, room, dialect, doc, awareness) {
    this.ws = ws
    this.doc = doc
    this.#room = room
    this.#dialect = dialect
    this.#ownsAwareness = awareness === null
    this.awareness = awareness ?? new awarenessProtocol.Awareness(doc)
    if (this.#ownsAwareness) this.awareness.setLocalState(null)
    this.closed = new Promise(resolve => {
      this.#resolveClosed = resolve
    })
    const step2 = new Promise(resolve => {
      this.#resolveSynced = resolve
    })
    this.synced = Promise.race([step2, this.closed.then(failBecause('synced'))])
    this.synced.catch(() => {})
    ws.on('message', data => this.#receive(new Uint8Array(data)))
    ws.on('error', () => {})
    ws.on('close', (code, reason) => this.#end(code, reason.toString()))
    doc.on('update', this.#onUpdate)
  }

  open(token) {
    if (this.#dialect === 'hocuspocus') {
      this.send(AUTH, encoder => {
        encoding.writeVarUint(encoder, 0)
        encoding.writeVarString(encoder, token)
      })
    }
    this.sendStep1()
    // As stock providers do, before anything can have been received.
    if (this.awareness.getLocalState() !== null) this.announce()
  }

  /** One message of this dialect. */
  send(type, write) {
    this.sendBytes(encoder => {
      if (this.#dialect === 'hocuspocus') encoding.writeVarString(encoder, this.#room)
      encoding.writeVarUint(encoder, type)
      write(encoder)
    })
  }

  sendBytes(write) {
    if (this.ws.readyState === WebSocket.OPEN) this.ws.send(encoding.encode(write))
  }

  sendStep1() {
    this.send(SYNC, encoder => {
      encoding.writeVarUint(encoder, 0)
      encoding.writeVarUint8Array(encoder, Y.encodeStateVector(this.doc))
    })
  }

  sendUpdate(update) {
    this.sentDocuments++
    this.send(SYNC, encoder => {
      encoding.writeVarUint(encoder, 2)
      encoding.writeVarUint8Array(encoder, update)
    })
  }

  /** An awareness update, whoever it speaks of. */
  sendAwareness(update) {
    this.send(AWARENESS, encoder => encoding.writeVarUint8Array(encoder, update))
  }

  /** From now on as stock clients: sends its own state, and every change that it sees, also what it was sent. */
  announce(state = this.awareness.getLocalState()) {
    this.awareness.on('update', this.#onAwareness)
    if (state === this.awareness.getLocalState()) this.#onAwareness({ added: [this.doc.clientID] })
    else this.awareness.setLocalState(state)
  }

  /** Ends as a lost network does: no goodbye. */
  terminate() {
    this.#end(1006, 'terminated here')
    this.ws.terminate()
  }

  #onUpdate = (update, origin) => {
    if (origin !== this) this.sendUpdate(update)
  }

  #onAwareness = ({ added, updated = [], removed = [] }) =>
    this.sendAwareness(
      awarenessProtocol.encodeAwarenessUpdate(this.awareness, [...added, ...updated, ...removed]),
    )

  #end(code, reason) {
    this.doc.off('update', this.#onUpdate)
    this.awareness.off('update', this.#onAwareness)
    if (this.#ownsAwareness) this.awareness.destroy()
    this.#resolveClosed({ code, reason })
  }

  #receive(data) {
    const decoder = decoding.createDecoder(data)
    if (this.#dialect === 'hocuspocus') decoding.readVarString(decoder)
    const type = decoding.readVarUint(decoder)
    switch (type) {
      case SYNC:
      case SYNC_REPLY:
        this.#receiveSync(decoder)
        break
      case AWARENESS: {
        const update = decoding.readVarUint8Array(decoder)
        this.awarenessUpdates.push(update)
        awarenessProtocol.applyAwarenessUpdate(this.awareness, update, this)
        break
      }
      case AUTH:
        this.#receiveAuth(decoding.readVarUint(decoder), decoding.readVarString(decoder))
        break
      case SYNC_STATUS:
        if (decoding.readVarUint(decoder) === 1) this.acknowledged++
        else this.refusals.push('not saved')
        break
      case SAVED:
        this.acknowledged = decoding.readVarUint(decoder)
        break
      case REJECTED:
        decoding.readVarUint(decoder)
        this.refusals.push(decoding.readVarString(decoder))
        break
      case CLOSE:
        this.#end(1000, decoding.readVarString(decoder))
        break
    }
    this.onMessage?.()
  }

  #receiveAuth(kind, text) {
    this.authAnswers.push({ kind, text })
    if (kind === PERMISSION_DENIED) this.#end(1000, text)
  }

  #receiveSync(decoder) {
    const kind = decoding.readVarUint(decoder)
    const bytes = decoding.readVarUint8Array(decoder)
    if (kind === 0) {
      this.sentDocuments++
      this.send(SYNC, encoder => {
        encoding.writeVarUint(encoder, 1)
        encoding.writeVarUint8Array(encoder, Y.encodeStateAsUpdate(this.doc, bytes))
      })
      return
    }
    Y.applyUpdate(this.doc, bytes, this)
    if (kind === 1) this.#resolveSynced()
  }

  get isAllAcknowledged() {
    return this.acknowledged >= this.sentDocuments
  }

  /** Called after each message, for `until`. */
  onMessage = null

  /** Resolves when `isSo` does after some message; rejects after the time or when the connection ends. */
  async until(what, isSo, timeoutMs = 10_000) {
    if (isSo()) return
    let timer
    await new Promise((resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`not within ${timeoutMs} ms: ${what}`)), timeoutMs)
      this.closed.then(failBecause(what)).catch(reject)
      this.onMessage = () => {
        if (isSo()) resolve()
      }
    }).finally(() => {
      clearTimeout(timer)
      this.onMessage = null
    })
  }
}
