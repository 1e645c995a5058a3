/**
 * One visit: a provider and the editor on its document, replaced together when a copy is discarded. It tells of
 * every change, and always answers from the provider itself.
 */
import * as Y from 'yjs'
import { type Intentions, intentions } from '../intentions/intentions.js'
import type { Member } from '../presence/member.js'
import type { Presence } from '../presence/roster-view.js'
import { warnBeforeUnload } from '../provider/warn-before-unload.js'
import { SpaceProvider } from '../space-provider.js'
import type { DemoAddress, DemoRole } from './address.js'
import { downloadText } from './download.js'
import { createEditor, type Editor, type EditorOptions } from './editor.js'
import type { Facts } from './status.js'
import { tokensFor } from './tokens.js'
import type { TroubleFacts, Way } from './trouble.js'

export interface SessionOptions {
  readonly address: DemoAddress
  /** The server's address with a slash at its end. */
  readonly base: string
  readonly nonce: string
  readonly parent: HTMLElement
  readonly isSwitchedOff: boolean
  readonly covered: EditorOptions['covered']
  /** Anything that the page shows may have changed. */
  onChange(): void
}

const TEXT = 'text'
const CHANGES = ['connection', 'saveState', 'rejected', 'conflict', 'loaded', 'kept', 'members'] as const
/** What the page asks before a copy is gone for good. */
export type Confirm = () => Promise<boolean>

export class Session {
  readonly #options: SessionOptions
  #provider: SpaceProvider
  #editor: Editor
  #intentions: Intentions
  #stopWarning: () => void
  #role: DemoRole
  #isSwitchedOff: boolean
  #storageProblem: string | null = null

  constructor(options: SessionOptions) {
    const { address, base, isSwitchedOff } = options
    this.#options = options
    this.#role = address.role
    this.#isSwitchedOff = isSwitchedOff
    const provider = new SpaceProvider(`${base}sync`, address.space, new Y.Doc(), {
      token: tokensFor(address, base),
      ...(address.entry.type !== 'token' && { user: address.name }),
      offline: true,
      connect: !isSwitchedOff,
    })
    this.#provider = provider
    provider.awareness.setLocalStateField('user', { name: address.name })
    this.#intentions = this.#watch(provider)
    ;[this.#editor, this.#stopWarning] = this.#show(provider)
  }

  get facts(): Facts & TroubleFacts {
    const { connection, saveState, hasUnsavedEdits, isKeptLocally, rejected, isConflict, doc } =
      this.#provider
    return {
      connection,
      saveState,
      hasUnsavedEdits,
      isKeptLocally,
      isKeeping: this.#storageProblem === null,
      rejected,
      isConflict,
      isSwitchedOff: this.#isSwitchedOff,
      hasText: doc.getText(TEXT).length > 0,
      hasEntry: this.#options.address.entry.type !== 'none',
      storageProblem: this.#storageProblem,
      space: this.#options.address.space,
    }
  }

  /** What was asked for, until the server says otherwise. */
  get role(): DemoRole {
    return this.#role
  }

  get presence(): Presence {
    return this.#provider.presence
  }

  get members(): readonly Member[] {
    return this.#provider.members
  }

  get intentions(): Intentions {
    return this.#intentions
  }

  get mayEdit(): boolean {
    const { role, rejected } = this.#provider
    // What is refused goes nowhere: more of it would only be lost.
    return this.#role !== 'read' && role !== 'read' && rejected === null
  }

  serverNow(): number | null {
    return this.#provider.serverNow()
  }

  setSwitchedOff(isSwitchedOff: boolean): void {
    this.#isSwitchedOff = isSwitchedOff
    if (isSwitchedOff) this.#provider.disconnect()
    else this.#provider.connect()
    this.#changed()
  }

  /** Asks for another role: less is so at once, more once the server has said so. */
  setRole(role: DemoRole): void {
    const { address, base } = this.#options
    this.#role = role
    this.#provider.authenticate(tokensFor({ ...address, role }, base))
    this.#changed()
  }

  /** The bars have another size. */
  reveal(): void {
    this.#editor.reveal()
  }

  /** @param confirm asked before anything is lost */
  async take(way: Way, confirm: Confirm): Promise<void> {
    switch (way) {
      case 'merge':
        this.#provider.mergeLocal()
        break
      case 'discard':
        if (await confirm()) await this.#discard()
        break
      case 'export':
        downloadText(this.#provider.doc.getText(TEXT).toString(), this.#options.address.space)
        break
      case 'retry':
        this.#provider.connect()
        break
      case 'reload':
        location.reload()
    }
  }

  async #discard(): Promise<void> {
    this.#editor.destroy()
    this.#stopWarning()
    this.#isSwitchedOff = false
    this.#intentions.destroy()
    this.#provider = await this.#provider.discardLocal()
    this.#intentions = this.#watch(this.#provider)
    ;[this.#editor, this.#stopWarning] = this.#show(this.#provider)
    this.#editor.focus()
  }

  /** They tell of themselves through the document. */
  #watch(provider: SpaceProvider): Intentions {
    return intentions(provider.doc, {
      by: () => provider.self?.user ?? this.#options.address.name,
      now: () => provider.serverNow(),
    })
  }

  #show(provider: SpaceProvider): [Editor, () => void] {
    const { nonce, parent, covered } = this.#options
    const { awareness, doc } = provider
    const editor = createEditor({ parent, text: doc.getText(TEXT), awareness, nonce, covered })
    const changed = (): void => this.#changed()
    for (const event of CHANGES) provider.on(event, changed)
    provider.on('role', role => {
      this.#role = role === 'read' ? 'read' : 'write'
      this.#changed()
    })
    provider.on('storage-error', error => {
      this.#storageProblem = error instanceof Error ? error.message : String(error)
      this.#changed()
    })
    doc.on('update', changed)
    queueMicrotask(changed)
    return [editor, warnBeforeUnload(provider)]
  }

  #changed(): void {
    this.#editor.setReadOnly(!this.mayEdit)
    this.#options.onChange()
  }
}
