/**
 * The process of one y-websocket client, stock or ours: does what it is told over IPC, and ends when the one who
 * told it is gone. In a process of its own, so that several versions edit at once and nothing is shared but the server.
 */
import { createHash } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Awareness } from 'y-protocols/awareness'
import * as Y from 'yjs'
import { SpaceProvider } from '../../client/index.js'
import { SlowLink, socketOver } from './held-socket.js'
import {
  type Call,
  type ClientVersion,
  type FromProcess,
  type OpenOptions,
  STOCK_PACKAGES,
  type StockCalls,
} from './stock-client-calls.js'
import { applyPatch, loadTrace } from './trace.js'
import { type Fingerprint, fingerprint } from './trace-turns.js'

interface StockProvider {
  readonly awareness: Awareness
  readonly synced: boolean
  connect(): void
  disconnect(): void
  destroy(): void
  on(event: 'sync', listener: (isSynced: boolean) => void): void
  on(event: 'connection-close', listener: (event: { code: number } | null) => void): void
}

type StockProviderClass = new (
  url: string,
  space: string,
  doc: Y.Doc,
  options: Record<string, unknown>,
) => StockProvider

/** How much may wait to be written while a trace is typed: more would only fill this process's memory. */
const MAX_FRAMES_UNDER_WAY = 2_000
const KEYSTROKES_PER_TURN = 50

const link = new SlowLink()
const doc = new Y.Doc()
const text = doc.getText('text')
const closes: (number | null)[] = []
let opened: StockProvider | null = null

const classOf = async (version: ClientVersion): Promise<StockProviderClass> => {
  if (version === 'plenum') return SpaceProvider as unknown as StockProviderClass
  return ((await import(STOCK_PACKAGES[version])) as { WebsocketProvider: StockProviderClass })
    .WebsocketProvider
}

const provider = (): StockProvider => {
  if (opened === null) throw new Error('not opened')
  return opened
}

const tell = (message: FromProcess): void => {
  process.send?.(message)
}

/** Resolves when `isReached` holds; asked now and after each change of the document. */
const untilChanged = (isReached: () => boolean): Promise<void> =>
  new Promise((resolve, reject) => {
    const check = (): void => {
      try {
        if (!isReached()) return
        resolve()
      } catch (error) {
        reject(error)
      }
      doc.off('update', check)
    }
    doc.on('update', check)
    check()
  })

const holdsText = (wanted: Fingerprint): boolean =>
  text.length === wanted.length && fingerprint(text.toString()).hash === wanted.hash

const open = async ({ version, url, space, token, clientId }: OpenOptions): Promise<void> => {
  if (clientId !== undefined) doc.clientID = clientId
  const Provider = await classOf(version)
  opened = new Provider(url, space, doc, {
    params: { token },
    disableBc: true,
    WebSocketPolyfill: socketOver(link),
  })
  opened.on('connection-close', event => closes.push(event?.code ?? null))
}

const calls: {
  [Name in keyof StockCalls]: (
    ...args: Parameters<StockCalls[Name]>
  ) => ReturnType<StockCalls[Name]> | Promise<ReturnType<StockCalls[Name]>>
} = {
  open,
  connect: () => provider().connect(),
  disconnect: () => provider().disconnect(),
  untilSynced: () =>
    new Promise<void>(resolve => {
      if (provider().synced) resolve()
      else provider().on('sync', isSynced => isSynced && resolve())
    }),
  replay: async name => {
    const { startContent = '', txns } = loadTrace(name)
    if (startContent !== '') text.insert(0, startContent)
    let typed = 0
    for (const { patches } of txns) {
      for (const patch of patches) {
        applyPatch(text, patch)
        if (++typed % KEYSTROKES_PER_TURN > 0) continue
        await nextTurn()
        if (link.underWay > MAX_FRAMES_UNDER_WAY) await link.untilIdle()
      }
    }
    await link.untilIdle()
  },
  play: async ({ turns, otherClientId }) => {
    link.hold()
    for (const { seen, textBefore, clockBefore, patches } of turns) {
      tell({ type: 'wants', keystrokes: seen })
      await untilChanged(() => {
        const clock = Y.getState(doc.store, otherClientId)
        if (clock > clockBefore) throw new Error(`overtaken: clock ${clock} instead of ${clockBefore}`)
        return clock === clockBefore && holdsText(textBefore)
      })
      for (const patch of patches) applyPatch(text, patch)
    }
    tell({ type: 'wants', keystrokes: Number.MAX_SAFE_INTEGER })
  },
  release: keystrokes => link.release(keystrokes),
  edit: patches => {
    for (const patch of patches) applyPatch(text, patch)
  },
  whenSaved: () => {
    if (opened instanceof SpaceProvider) return opened.whenSaved()
    throw new Error('a stock provider does not know what is saved')
  },
  text: () => text.toString(),
  untilText: wanted => untilChanged(() => holdsText(wanted)),
  state: () => ({
    clientId: doc.clientID,
    isSynced: provider().synced,
    stateVector: [...Y.decodeStateVector(Y.encodeStateVector(doc))].sort(([a], [b]) => a - b),
    snapshotHash: createHash('sha256')
      .update(Y.encodeSnapshot(Y.snapshot(doc)))
      .digest('hex'),
    textLength: text.length,
    isPending: doc.store.pendingStructs !== null || doc.store.pendingDs !== null,
    closes,
  }),
  setAwareness: state => provider().awareness.setLocalState(state),
  awareness: () => [...provider().awareness.getStates()],
}

process.on('message', async ({ id, name, argument }: Call) => {
  try {
    const call = calls[name] as (argument: unknown) => unknown
    tell({ type: 'result', id, result: await call(argument) })
  } catch (error) {
    tell({
      type: 'failure',
      id,
      text: error instanceof Error ? (error.stack ?? error.message) : String(error),
    })
  }
})

process.on('disconnect', () => {
  opened?.destroy()
  process.exit(0)
})
