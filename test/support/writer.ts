/** A document whose every edit is one update message, as a client sends it. */
import * as Y from 'yjs'
import type { ClientMessage, ServerMessage } from '../../shared/protocol/index.js'

export class Writer {
  readonly doc = new Y.Doc()

  constructor(clientId?: number) {
    if (clientId !== undefined) this.doc.clientID = clientId
  }

  get text(): Y.Text {
    return this.doc.getText('text')
  }

  /** The edit as a message. */
  edit(change: (doc: Y.Doc) => void): ClientMessage & { type: 'update' } {
    const before = Y.encodeStateVector(this.doc)
    let update: Uint8Array | null = null
    const keep = (made: Uint8Array) => {
      update = made
    }
    this.doc.on('update', keep)
    this.doc.transact(() => change(this.doc))
    this.doc.off('update', keep)
    return { type: 'update', update: update ?? Y.encodeStateAsUpdate(this.doc, before) }
  }

  /** Typing at the end. */
  type(what: string): ClientMessage & { type: 'update' } {
    return this.edit(() => this.text.insert(this.text.length, what))
  }

  /** The answer to a step 1. */
  answer(stateVector: Uint8Array = Uint8Array.of(0)): ClientMessage & { type: 'step2' } {
    return { type: 'step2', update: Y.encodeStateAsUpdate(this.doc, stateVector) }
  }

  ask(): ClientMessage {
    return { type: 'step1', stateVector: Y.encodeStateVector(this.doc) }
  }

  /** Takes what a server sent. @returns how many of the messages were content */
  read(messages: readonly ServerMessage[]): number {
    let contents = 0
    for (const message of messages) {
      if (message.type !== 'step2' && message.type !== 'update') continue
      Y.applyUpdate(this.doc, message.update, 'server')
      contents++
    }
    return contents
  }
}

/** The text that these messages bring to a client that had nothing. */
export const textIn = (messages: readonly ServerMessage[]): string => {
  const reader = new Writer()
  reader.read(messages)
  return reader.text.toString()
}
