/** Stock providers that nobody touches, for minutes and hours of a clock that the test owns. */
import '../../support/virtual-time.js'

import { getUnixTime } from 'lib0/time'
import type { Awareness } from 'y-protocols/awareness'
import * as Y from 'yjs'
import { Core, type Door, spaceName } from '../../support/core.js'
import { pairedSocketClass, type SocketPair } from '../../support/socket-pair.js'
import { STOCK_PACKAGES, STOCK_VERSIONS, type StockVersion } from '../../support/stock-client-calls.js'
import { assert, suite } from '../../support/suite.js'
import { virtualTime } from '../../support/virtual-time.js'

const test = suite('left alone')

interface Provider {
  readonly awareness: Awareness
  readonly synced: boolean
  destroy(): void
}

interface Tab {
  readonly clientId: number
  readonly provider: Provider
  readonly awareness: Awareness
  /** Every socket that the provider has opened. */
  readonly links: readonly { readonly pair: SocketPair; readonly door: Door }[]
}

const STEP_MS = 1_000

class Room {
  readonly core = new Core({ scheduler: virtualTime })
  readonly tabs: Tab[] = []

  /** A stock provider of this version, with a state where one is given. */
  async open(version: StockVersion, space: string, state: Record<string, unknown> | null): Promise<Tab> {
    const { WebsocketProvider } = (await import(STOCK_PACKAGES[version])) as {
      WebsocketProvider: new (url: string, space: string, doc: Y.Doc, options: object) => Provider
    }
    const doc = new Y.Doc()
    const links: { pair: SocketPair; door: Door }[] = []
    const user = `${version} ${doc.clientID}`
    const WebSocketPolyfill = pairedSocketClass(pair => {
      // The provider sets its handlers once it has the socket.
      virtualTime.soon(() => {
        const door = this.core.attach(pair, spaceName(space), { dialect: 'stock', access: { user } })
        links.push({ pair, door })
        pair.accept()
      })
    })
    const provider = new WebsocketProvider('ws://test', space, doc, { disableBc: true, WebSocketPolyfill })
    provider.awareness.setLocalState(state)
    const tab = { clientId: doc.clientID, provider, awareness: provider.awareness, links }
    this.tabs.push(tab)
    await this.#deliver()
    return tab
  }

  async advance(byMs: number): Promise<void> {
    for (let leftMs = byMs; leftMs > 0; leftMs -= STEP_MS) {
      await this.core.advance(STEP_MS)
      await this.#deliver()
    }
  }

  async close(): Promise<void> {
    for (const { provider } of this.tabs) provider.destroy()
    await this.#deliver()
  }

  async #deliver(): Promise<void> {
    const links = this.tabs.flatMap(tab => tab.links)
    do await this.core.settle()
    while (links.reduce((parcels, { pair }) => parcels + pair.deliverAll(), 0) > 0)
    for (const { door } of links) door.drained()
  }
}

let room: Room
test.before.each(() => {
  assert.is(getUnixTime(), virtualTime.now(), 'the clock that providers go by')
  room = new Room()
})
test.after.each(() => room.close())

/** Whom a tab sees beside itself. */
const others = ({ awareness, clientId }: Tab): number[] =>
  [...awareness.getStates().keys()].filter(id => id !== clientId).sort((a, b) => a - b)

for (const version of STOCK_VERSIONS) {
  test(`[A7] stock ${version}, alone for three minutes with a state and without, is never cut`, async () => {
    const present = await room.open(version, 'present', { colour: 'red' })
    const absent = await room.open(version, 'absent', null)

    await room.advance(180_000)

    for (const { provider, links } of [present, absent]) {
      assert.is(links.length, 1, 'one socket was enough')
      assert.ok(provider.synced)
    }
  })
}

test('[A10] an idle crowd of every version still sees each other after ten minutes', async () => {
  for (const version of STOCK_VERSIONS) {
    await room.open(version, 'crowd', { colour: 'red' })
    await room.open(version, 'crowd', null)
  }

  await room.advance(600_000)

  const present = room.tabs.filter(({ awareness }) => awareness.getLocalState() !== null)
  for (const tab of room.tabs) {
    const wanted = present.filter(other => other !== tab).map(({ clientId }) => clientId)
    assert.equal(
      others(tab),
      wanted.sort((a, b) => a - b),
    )
    assert.is(tab.links.length, 1)
  }
})

test('[A14] whoever does nothing for an hour was last seen an hour ago, whatever they renew', async () => {
  for (const version of STOCK_VERSIONS) await room.open(version, 'idle', { colour: 'red' })
  const seenBy = (tab: Tab) =>
    others(tab).map(id => ({
      stamp: tab.awareness.getStates().get(id)?.plenum,
      clock: tab.awareness.meta.get(id)?.clock ?? 0,
    }))
  await room.advance(2_000)
  const before = room.tabs.map(seenBy)

  await room.advance(3_600_000)

  for (const [at, tab] of room.tabs.entries()) {
    assert.is(tab.links.length, 1)
    for (const [other, { stamp, clock }] of seenBy(tab).entries()) {
      const then = before[at]![other]!
      assert.ok(stamp !== undefined)
      assert.equal(stamp, then.stamp)
      assert.ok(clock - then.clock > 100, 'it was renewed all the time')
    }
  }
})
