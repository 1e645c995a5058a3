/**
 * What is tried on each server, one function for each behaviour. It gets a server that has just started and returns
 * what was seen, in the words of the table; nothing in it is known beforehand.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { WebSocket } from 'ws'
import * as awarenessProtocol from 'y-protocols/awareness'
import { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'

const EDITS = 20
/** Longer than any server takes to answer, where the question is whether it answers at all. */
const PATIENCE_MS = 2_000
/** Longer than Hocuspocus waits after the last edit. */
const DEBOUNCE_MS = 2_500
const MIB = 2 ** 20

/** @type {readonly {what: string, rounds?: number, run: (server: object, dialect: string) => Promise<string | number>}[]} */
export const behaviours = [
  {
    what: "y-websocket's own provider",
    run: async server => {
      const { url, room, params } = await server.stock('room')
      const doc = new Y.Doc()
      const provider = new WebsocketProvider(url, room, doc, {
        WebSocketPolyfill: WebSocket,
        disableBc: true,
        params,
      })
      const isSynced = await within(PATIENCE_MS, new Promise(resolve => provider.once('sync', resolve)))
      provider.destroy()
      return isSynced === null ? 'never syncs' : 'connects'
    },
  },
  {
    what: 'a client without a token',
    run: async server => {
      const writer = await server.join('room', { token: '' }).catch(() => null)
      if (writer === null) return 'is refused'
      const answer = await within(
        PATIENCE_MS,
        Promise.race([writer.synced, writer.closed]).catch(() => 'closed'),
      )
      if (answer !== undefined) {
        const { code } = await writer.closed
        return `is refused (${code})`
      }
      writer.doc.getText('text').insert(0, 'hello')
      const reader = await joined(server, 'room', { token: '' })
      const isThere = await isSeen(reader, 'the text', () => length(reader) === 5)
      end(writer, reader)
      return isThere ? 'reads and writes' : 'reads'
    },
  },
  {
    what: 'what the author of an edit is told',
    run: async server => {
      const { writer } = await written(server)
      const isTold = writer.acknowledged > 0
      end(writer)
      return isTold ? 'an acknowledgement' : 'nothing'
    },
  },
  {
    what: 'edits left by `kill -9` as soon as they were acknowledged, or others had them',
    rounds: 3,
    run: async server => {
      const { writer, reader } = await written(server)
      await server.kill9()
      return survivors(server, writer, reader)
    },
  },
  {
    what: 'the same, after six seconds of typing',
    run: async server => {
      const writer = await joined(server, 'room')
      const reader = await joined(server, 'room')
      for (let edit = 0; edit < EDITS; edit++) {
        writer.doc.getText('text').insert(edit, 'x')
        await sleep(300)
      }
      await arrival(writer, reader)
      await server.kill9()
      return survivors(server, writer, reader)
    },
  },
  {
    what: `the same, after ${DEBOUNCE_MS / 1000} quiet seconds`,
    run: async server => {
      const { writer, reader } = await written(server)
      await sleep(DEBOUNCE_MS)
      await server.kill9()
      return survivors(server, writer, reader)
    },
  },
  {
    what: 'the same, by SIGTERM',
    rounds: 3,
    run: async server => {
      const { writer, reader } = await written(server)
      await server.stop()
      return survivors(server, writer, reader)
    },
  },
  {
    what: 'an update that cannot be read',
    run: server => fateOf(server, [Uint8Array.of(1, 1, 1, 0, 255)]),
  },
  {
    what: 'an update that throws while it is applied',
    // Five collected clocks of a client, then ten others of the same client from the same clock on.
    run: server =>
      fateOf(server, [Uint8Array.of(1, 1, 2, 0, 0, 5, 0), Uint8Array.of(1, 1, 2, 0, 1, 1, 1, 97, 10, 0)]),
  },
  {
    what: "a state that a client sends for another's clientID",
    run: async server => {
      const { ada, bob, eve } = await present(server)
      eve.sendAwareness(awarenessOf(ada.doc.clientID, 100, { name: 'not Ada' }))
      await isSeen(bob, 'the forged state', () => nameOf(bob, ada) === 'not Ada')
      const name = nameOf(bob, ada)
      end(ada, bob, eve)
      return name === 'not Ada' ? 'replaces it' : name === 'Ada' ? 'is dropped' : 'removes it'
    },
  },
  {
    what: "a client that removes another's state",
    run: async server => {
      const { ada, bob, eve } = await present(server)
      eve.sendAwareness(awarenessOf(ada.doc.clientID, 100, null))
      const wasGone = await isSeen(bob, 'the removal', () => nameOf(bob, ada) === undefined)
      await sleep(500)
      const isBack = nameOf(bob, ada) === 'Ada'
      end(ada, bob, eve)
      if (!wasGone) return 'has no effect'
      return isBack ? 'does, until its owner answers' : 'does'
    },
  },
  {
    what: 'a member who takes its state back, and stays connected',
    run: async server => {
      const { ada, bob, eve } = await present(server)
      ada.awareness.setLocalState(null)
      const isGone = await isSeen(bob, 'the leaving', () => nameOf(bob, ada) === undefined)
      end(ada, bob, eve)
      return isGone ? 'is gone at once' : 'is still shown'
    },
  },
  {
    what: 'a member whose connection is cut',
    run: async server => {
      const { ada, bob, eve } = await present(server)
      ada.terminate()
      const isGone = await isSeen(bob, 'the leaving', () => nameOf(bob, ada) === undefined)
      end(bob, eve)
      return isGone ? 'is gone at once' : 'is still shown'
    },
  },
  {
    what: 'a member who was cut off and connects again',
    run: async server => {
      const doc = new Y.Doc()
      const awareness = new awarenessProtocol.Awareness(doc)
      const { ada, bob, eve } = await present(server, { doc, awareness })
      ada.terminate()
      await bob.until('the leaving', () => nameOf(bob, ada) === undefined)
      const from = Date.now()
      // Which announces the state and clock of before.
      const again = await server.join('room', { doc, awareness, user: 'ada' })
      await bob.until('the return', () => nameOf(bob, ada) === 'Ada', 20_000)
      const seconds = Math.round((Date.now() - from) / 1000)
      end(again, bob, eve)
      awareness.destroy()
      return seconds === 0 ? 'is seen at once' : `is seen ${seconds} s later`
    },
  },
  {
    what: 'memory for one who stops reading while others send 128 MiB',
    run: async server => {
      const writer = await joined(server, 'room')
      const sleeper = await joined(server, 'room', { user: 'bob' })
      const value = index => new Uint8Array(MIB / 2).map((_, at) => (at * 31 + index * 17) ^ (at >> 5))
      const send128MiB = async () => {
        for (let index = 1; index <= 256; index++) {
          writer.doc.getMap('map').set('key', value(index))
          await sleep(10)
        }
        await drained(writer)
        await sleep(1_000)
      }
      // What it needs for the work itself, and what V8 keeps of that.
      await send128MiB()
      const before = server.rssBytes()
      sleeper.ws.pause()
      await send128MiB()
      const grown = server.rssBytes() - before
      end(writer, sleeper)
      return grown < 16 * MIB ? 'under 16 MiB' : `${Math.round(grown / MIB)} MiB`
    },
  },
]

/** Whether it came to be so in the time of one's patience. */
const isSeen = (client, what, isSo) =>
  client.until(what, isSo, PATIENCE_MS).then(
    () => true,
    () => false,
  )

/** A client that has what the server has. */
const joined = async (server, room, options) => {
  const client = await server.join(room, options)
  await client.synced
  return client
}

/** A writer whose edits are acknowledged, if the server does that, and have reached another. */
const written = async server => {
  const writer = await joined(server, 'room')
  const reader = await joined(server, 'room', { user: 'bob' })
  for (let edit = 0; edit < EDITS; edit++) writer.doc.getText('text').insert(edit, 'x')
  await arrival(writer, reader)
  return { writer, reader }
}

const arrival = async (writer, reader) => {
  await reader.until('all edits', () => length(reader) === EDITS)
  await writer.until('all acknowledged', () => writer.isAllAcknowledged, 1_000).catch(() => {})
}

/** How many edits somebody finds who joins after a restart, when nobody else brings them back. */
const survivors = async (server, ...clients) => {
  end(...clients)
  await server.restart()
  const late = await joined(server, 'room')
  const count = length(late)
  end(late)
  return count
}

/** What the sender of bad updates hears, and whether others can go on. */
const fateOf = async (server, updates) => {
  const sender = await joined(server, 'room')
  const other = await joined(server, 'room', { user: 'bob' })
  await sender.until('greetings acknowledged', () => sender.isAllAcknowledged, 500).catch(() => {})
  for (const update of updates) sender.sendUpdate(update)
  const isAnswered = () => sender.refusals.length > 0 || (sender.acknowledged > 0 && sender.isAllAcknowledged)
  const closing = sender.closed.then(({ code, reason }) => ({ code, reason }))
  const answer = await within(
    PATIENCE_MS,
    Promise.race([sender.until('an answer', isAnswered), closing]),
  ).catch(() => null)
  // A refusal may be followed by a close.
  await sleep(200)
  const told = sender.refusals.at(-1)
  const closed = answer?.code ?? (await within(0, closing))?.code
  other.doc.getText('text').insert(0, 'x')
  const late = await joined(server, 'room', { user: 'eve' })
  const canGoOn = await isSeen(late, 'the edit', () => length(late) === 1)
  end(sender, other, late)
  const fate =
    told !== undefined || closed !== undefined
      ? `is refused (${[told, closed].filter(part => part !== undefined).join(', ')})`
      : sender.acknowledged > 0
        ? 'is acknowledged'
        : 'is passed over'
  return canGoOn ? fate : `${fate}; nobody can go on`
}

/** Three users; Ada has told her name, and the others know it. */
const present = async (server, options = {}) => {
  const ada = await joined(server, 'room', { user: 'ada', ...options })
  const bob = await joined(server, 'room', { user: 'bob' })
  const eve = await joined(server, 'room', { user: 'eve' })
  ada.announce({ name: 'Ada' })
  await bob.until('Ada', () => nameOf(bob, ada) === 'Ada')
  await eve.until('Ada', () => nameOf(eve, ada) === 'Ada')
  return { ada, bob, eve }
}

const nameOf = (observer, { doc }) => observer.awareness.getStates().get(doc.clientID)?.name

const awarenessOf = (clientID, clock, state) => {
  const awareness = new awarenessProtocol.Awareness(new Y.Doc())
  awareness.states.set(clientID, state)
  awareness.meta.set(clientID, { clock, lastUpdated: 0 })
  const update = awarenessProtocol.encodeAwarenessUpdate(awareness, [clientID])
  awareness.destroy()
  return update
}

const length = ({ doc }) => doc.getText('text').length

const end = (...clients) => {
  for (const client of clients) client.terminate()
}

const drained = async ({ ws }) => {
  while (ws.bufferedAmount > 0) await sleep(50)
}

/** What it resolves to, or null after the time. */
const within = async (ms, promise) => Promise.race([promise, sleep(ms, null, { ref: true })])
