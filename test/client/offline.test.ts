/** A copy that outlives its provider: what a tab kept, the next one opens, with what must be known about it. */
import * as Y from 'yjs'
import type { OpenPersistence } from '../../client/offline/persistence.js'
import type { SpaceProviderOptions } from '../../client/provider/provider-options.js'
import { warnBeforeUnload } from '../../client/provider/warn-before-unload.js'
import { SpaceProvider } from '../../client/space-provider.js'
import type { ClientMessage, DocumentMessage, ServerMessage } from '../../shared/protocol/index.js'
import { throwsCode } from '../support/expect.js'
import { FakeClock } from '../support/fake-clock.js'
import { MemoryDisk } from '../support/memory-persistence.js'
import { ScriptedServer, WELCOME } from '../support/scripted-server.js'
import { assert, suite } from '../support/suite.js'
import { until } from '../support/until.js'

const test = suite('offline')

const step1: ServerMessage = { type: 'step1', stateVector: Y.encodeStateVector(new Y.Doc()) }
const saved = (count: number): ServerMessage => ({ type: 'saved', count, position: count })
const contentOf = (message: ClientMessage | undefined): string => {
  const doc = new Y.Doc()
  Y.applyUpdate(doc, (message as DocumentMessage).update)
  return doc.getText('text').toString()
}

const providers: SpaceProvider[] = []
let disk: MemoryDisk
test.before.each(() => {
  disk = new MemoryDisk()
})
test.after.each(() => {
  for (const provider of providers.splice(0)) provider.destroy()
})

const open = (options: SpaceProviderOptions = {}) => {
  const server = new ScriptedServer()
  const provider = new SpaceProvider('ws://host/sync', 'demo', new Y.Doc(), {
    doors: ['websocket'],
    user: 'ann',
    token: 't.o.k',
    offline: { open: disk.open, texts: disk },
    WebSocketPolyfill: server.WebSocket,
    clock: new FakeClock(),
    hints: () => () => {},
    disableBc: true,
    ...options,
  })
  providers.push(provider)
  return { provider, server, text: provider.doc.getText('text') }
}

const accept = async ({ server }: ReturnType<typeof open>): Promise<void> => {
  await until('dialed', () => server.hasPair)
  server.pair.accept()
}

test('[P22] the last state is there without a network, and edits survive the closing of the tab', async () => {
  const first = open({ connect: false })
  await first.provider.whenLoaded
  first.text.insert(0, 'kept')
  await until('it is kept', () => first.provider.isKeptLocally)
  first.provider.destroy()
  const second = open({ connect: false })
  await second.provider.whenLoaded
  assert.is(second.text.toString(), 'kept')
  assert.is(second.provider.saveState, 'offline')
})

test('[P22] connects once the copy is loaded, and what it holds is saved only when it is acknowledged', async () => {
  const first = open({ connect: false })
  await first.provider.whenLoaded
  first.text.insert(0, 'kept')
  first.provider.destroy()

  disk.isHeld = true
  const second = open()
  await until('the copy is opened', () => disk.letLoad !== null)
  second.provider.connect()
  assert.is(second.provider.ws, null)
  disk.letLoad?.()
  await second.provider.whenLoaded
  await accept(second)
  const sent = second.server.say(WELCOME, step1)
  assert.is(contentOf(sent.find(({ type }) => type === 'step2')), 'kept')
  assert.is(second.provider.saveState, 'saving')
  second.server.say(saved(1))
  assert.is(second.provider.saveState, 'saved')
})

test('[P22] an edit made while the copy loads stays, and is an edit', async () => {
  disk.isHeld = true
  const { provider, text } = open({ connect: false })
  await until('the copy is opened', () => disk.letLoad !== null)
  text.insert(0, 'early')
  disk.letLoad?.()
  await provider.whenLoaded
  assert.is(text.toString(), 'early')
  assert.is(provider.hasUnsavedEdits, true)
})

test('[P22] the incarnation of the copy is remembered: a space that began anew asks before merging', async () => {
  const first = open()
  await accept(first)
  first.server.say(WELCOME, step1)
  first.text.insert(0, 'old')
  first.provider.destroy()
  const second = open()
  await accept(second)
  assert.equal(second.server.say({ ...WELCOME, incarnation: 'i2' }, step1), [])
  assert.is(second.provider.isConflict, true)
  assert.is(second.text.toString(), 'old')
})

test('[P22] that it holds edits is remembered too: a reader who edited offline is told', async () => {
  const first = open({ connect: false })
  await first.provider.whenLoaded
  first.text.insert(0, 'mine')
  first.provider.destroy()
  const second = open()
  await accept(second)
  second.server.say({ ...WELCOME, role: 'read' }, step1, {
    type: 'notice',
    kind: 'read-only',
    retryAfterMs: 0,
  })
  assert.is(second.provider.rejected?.code, 'read_only')

  // What was only loaded is no edit.
  const third = open({ user: 'bob' })
  await accept(third)
  third.server.say(WELCOME, step1, { type: 'update', update: Y.encodeStateAsUpdate(second.provider.doc) })
  third.provider.destroy()
  const fourth = open({ user: 'bob' })
  await accept(fourth)
  fourth.server.say({ ...WELCOME, role: 'read' }, step1, {
    type: 'notice',
    kind: 'read-only',
    retryAfterMs: 0,
  })
  assert.is(fourth.text.toString(), 'mine')
  assert.is(fourth.provider.rejected, null)
})

test('[P23] copies are by server, space and user', async () => {
  const ann = open({ connect: false })
  await ann.provider.whenLoaded
  ann.text.insert(0, 'of ann')
  const bob = open({ connect: false, user: 'bob' })
  await bob.provider.whenLoaded
  assert.is(bob.text.toString(), '')
  assert.equal(
    [...disk.copies.keys()],
    ['plenum/ws%3A%2F%2Fhost%2Fsync/demo/ann/0', 'plenum/ws%3A%2F%2Fhost%2Fsync/demo/bob/0'],
  )
})

test('[P23] a copy without an owner is refused before anything is opened', () => {
  const { open: openCopy } = disk
  throwsCode('bad_request', () => {
    new SpaceProvider('ws://host/sync', 'demo', new Y.Doc(), {
      doors: ['websocket'],
      token: async () => 't.o.k',
      offline: { open: openCopy },
      connect: false,
    })
  })
})

test('[P23] a discarded copy is never opened again, though another tab still keeps it', async () => {
  const [first, second] = [open({ connect: false }), open({ connect: false })]
  await Promise.all([first.provider.whenLoaded, second.provider.whenLoaded])
  first.text.insert(0, 'discarded')
  const next = await first.provider.discardLocal()
  providers.push(next)
  second.text.insert(0, 'kept by the other tab')
  await next.whenLoaded
  assert.is(next.doc.getText('text').toString(), '')
  const third = open({ connect: false })
  await third.provider.whenLoaded
  assert.is(third.text.toString(), '')
})

test('[P24] where the copy cannot be opened it is told, and everything else goes on', async () => {
  const refuse = async (): Promise<never> => {
    throw new Error('private mode')
  }
  const setUp = open({ offline: { open: refuse, texts: disk } })
  const told: unknown[] = []
  setUp.provider.on('storage-error', error => told.push(error))
  await accept(setUp)
  setUp.server.say(WELCOME, step1, saved(1))
  assert.is(setUp.provider.saveState, 'saved')
  assert.is(setUp.provider.isKeptLocally, false)
  assert.match(String(told[0]), 'private mode')
})

test('[P24] where there is no room any more it is told, and the copy counts as kept no more', async () => {
  const { provider, text } = open({ connect: false })
  await provider.whenLoaded
  const told: unknown[] = []
  provider.on('storage-error', error => told.push(error))
  disk.failure = new Error('QuotaExceededError')
  text.insert(0, 'x')
  assert.equal(told, [disk.failure])
  assert.is(provider.isKeptLocally, false)
})

test('[P24] an edit counts as kept once it is written, and not while another is on its way', async () => {
  const writes: (() => void)[] = []
  const slow: OpenPersistence = async (...args) =>
    Object.assign(await disk.open(...args), {
      whenKept: () => new Promise<void>(resolve => writes.push(resolve)),
    })
  const { provider, text } = open({ connect: false, offline: { open: slow, texts: disk } })
  await provider.whenLoaded
  const told: boolean[] = []
  provider.on('kept', () => told.push(provider.isKeptLocally))
  assert.is(provider.isKeptLocally, true)

  text.insert(0, 'a')
  assert.is(provider.isKeptLocally, false)
  await until('the write is asked for', () => writes.length === 1)
  text.insert(1, 'b')
  writes[0]?.()
  await until('the next is asked for', () => writes.length === 2)
  assert.equal([provider.isKeptLocally, told], [false, []])

  writes[1]?.()
  await until('it is told', () => told.length > 0)
  assert.equal([provider.isKeptLocally, told], [true, [true]])
})

test('[P24] the question before a page is left is asked only where edits would be lost', () => {
  let listener: ((event: BeforeUnloadEvent) => void) | null = null
  const page = {
    addEventListener: (_name: string, added: (event: BeforeUnloadEvent) => void) => {
      listener = added
    },
    removeEventListener: () => {
      listener = null
    },
  }
  const asks = (hasUnsavedEdits: boolean, isKeptLocally: boolean): boolean => {
    let isAsked = false
    const stop = warnBeforeUnload({ hasUnsavedEdits, isKeptLocally }, page)
    listener?.({
      preventDefault: () => {
        isAsked = true
      },
    } as BeforeUnloadEvent)
    stop()
    assert.is(listener, null)
    return isAsked
  }
  assert.equal([asks(true, false), asks(true, true), asks(false, false)], [true, false, false])
})

test('[P23] destroyed while it loads, it lets go of the copy and never connects', async () => {
  disk.isHeld = true
  const { provider, server } = open()
  await until('the copy is opened', () => disk.letLoad !== null)
  provider.destroy()
  disk.letLoad?.()
  await provider.whenLoaded
  assert.is(server.hasPair, false)
})
