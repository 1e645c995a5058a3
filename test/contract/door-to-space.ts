/** What somebody inside a space is promised, whichever door they came through: a whole service, one door. */
import { Awareness, encodeAwarenessUpdate } from 'y-protocols/awareness'
import * as Y from 'yjs'
import {
  type ClientMessage,
  decodeServerMessage,
  encodeMessage,
  type ServerMessage,
} from '../../shared/protocol/index.js'
import type { DoorLine, DoorUnderTest } from '../support/door-line.js'
import { RunningServices, type TokenWish } from '../support/running-service.js'
import { assert, suite } from '../support/suite.js'
import { until } from '../support/until.js'

type Message<Type extends ServerMessage['type']> = ServerMessage & { readonly type: Type }

/** A line that speaks in messages. */
class Speaker {
  readonly line: DoorLine

  constructor(line: DoorLine) {
    this.line = line
  }

  get messages(): ServerMessage[] {
    return this.line.frames.map(frame => decodeServerMessage(frame))
  }

  send(message: ClientMessage): void {
    this.line.send(encodeMessage(message))
  }

  /** Asks for what there is: from then on it is told what others do. */
  async enter(): Promise<void> {
    await this.hears('welcome')
    this.send({ type: 'step1', stateVector: EMPTY })
    this.send({ type: 'query-awareness' })
    await this.hears('step2')
  }

  hears<Type extends ServerMessage['type']>(
    type: Type,
    isWanted: (message: Message<Type>) => boolean = () => true,
  ): Promise<Message<Type>> {
    return until(`a ${type} comes`, () =>
      this.messages.find(
        (each): each is Message<Type> => each.type === type && isWanted(each as Message<Type>),
      ),
    )
  }
}

const updateOf = (text: string): Uint8Array => {
  const doc = new Y.Doc()
  doc.getText('text').insert(0, text)
  return Y.encodeStateAsUpdate(doc)
}

const EMPTY = Y.encodeStateVector(new Y.Doc())

const textOf = (update: Uint8Array): string => {
  const doc = new Y.Doc()
  Y.applyUpdate(doc, update)
  return doc.getText('text').toString()
}

export const doorToSpaceContract = (kind: DoorUnderTest): void => {
  const test = suite(`a space behind the door: ${kind.name}`)
  const services = new RunningServices()
  const lines: DoorLine[] = []

  const join = async (url: string, wish: TokenWish & { readonly after?: string } = {}): Promise<Speaker> => {
    const query = wish.after === undefined ? '' : `?after=${wish.after}`
    const line = kind.open({
      port: Number(new URL(url).port),
      target: `/sync/demo${query}`,
      token: await services.token(wish),
    })
    lines.push(line)
    return new Speaker(line)
  }

  test.after.each(async () => {
    for (const line of lines.splice(0)) line.terminate()
    await services.end()
  })

  test('[R5] the first thing to come is a welcome, then the question what is missing', async () => {
    const { url } = await services.serve()
    const ann = await join(url)
    await ann.hears('step1')
    const [first, second] = ann.messages
    assert.is(first?.type, 'welcome')
    assert.is(second?.type, 'step1')
  })

  test('[S1] an edit reaches the others, is acknowledged once it is saved, and is there for who comes later', async () => {
    const { url } = await services.serve()
    const [ann, bob] = [await join(url), await join(url, { user: 'bob' })]
    await Promise.all([ann.enter(), bob.enter()])
    ann.send({ type: 'update', update: updateOf('hello') })
    const { update } = await bob.hears('update')
    assert.is(textOf(update), 'hello')
    await ann.hears('saved', ({ count }) => count === 1)
    const eve = await join(url, { user: 'eve' })
    eve.send({ type: 'step1', stateVector: EMPTY })
    assert.is(textOf((await eve.hears('step2')).update), 'hello')
  })

  test('[D16] who comes back goes on from where it was, and gets only what it missed', async () => {
    const { url } = await services.serve()
    const [ann, bob] = [await join(url), await join(url, { user: 'bob' })]
    const { epoch } = await ann.hears('welcome')
    await Promise.all([ann.enter(), bob.enter()])
    const doc = new Y.Doc()
    doc.getText('text').insert(0, 'one')
    doc.getText('text').delete(0, 1)
    ann.send({ type: 'update', update: Y.encodeStateAsUpdate(doc) })
    const { position } = await ann.hears('saved', ({ count }) => count === 1)
    ann.line.leave()
    await ann.line.ended
    bob.send({ type: 'update', update: updateOf('two') })
    await bob.hears('saved', ({ count }) => count === 1)
    const stateVector = Y.encodeStateVector(doc)
    const deletionsFor = async (speaker: Speaker): Promise<number> => {
      speaker.send({ type: 'step1', stateVector })
      const { update } = await speaker.hears('step2')
      assert.is(textOf(update), 'two')
      return Y.decodeUpdate(update).ds.clients.size
    }
    assert.is(await deletionsFor(await join(url, { after: `${epoch}:${position}` })), 0)
    assert.is(await deletionsFor(await join(url, { after: `other:${position}` })), 1)
  })

  test('[A1] who vanishes is gone for the others', async () => {
    const { url } = await services.serve()
    const [ann, bob] = [await join(url), await join(url, { user: 'bob' })]
    await Promise.all([ann.enter(), bob.enter()])
    const doc = new Y.Doc()
    const awareness = new Awareness(doc)
    awareness.setLocalState({ cursor: 1 })
    ann.send({ type: 'awareness', entries: encodeAwarenessUpdate(awareness, [doc.clientID]) })
    awareness.destroy()

    await bob.hears('awareness', ({ entries }) => Buffer.from(entries).includes('cursor'))
    ann.line.terminate()
    await bob.hears('awareness', ({ entries }) => Buffer.from(entries).includes('null'))
  })

  test('[G6] a fresh token is taken in place, one of somebody else ends the connection', async () => {
    const { url } = await services.serve()
    const ann = await join(url)
    await ann.hears('welcome')
    ann.send({ type: 'authenticate', token: await services.token({ role: 'read', ttlMs: 120_000 }) })
    assert.is((await ann.hears('access')).role, 'read')
    ann.send({ type: 'authenticate', token: await services.token({ user: 'eve' }) })
    assert.is(await ann.line.ended, 4401)
  })

  test('[W4] what cannot be read ends the connection as malformed', async () => {
    const { url } = await services.serve()
    const ann = await join(url)
    await ann.hears('welcome')
    ann.line.send(Uint8Array.of(0xff, 0xff, 0xff))
    assert.is(await ann.line.ended, 4400)
  })

  test('[O8] a server that ends says so, saves, and closes with a code that asks to come back', async () => {
    const { url, service } = await services.serve()
    const ann = await join(url)
    await ann.hears('welcome')
    ann.send({ type: 'update', update: updateOf('last') })
    await ann.hears('saved', ({ count }) => count === 1)
    const report = service.close()
    await ann.hears('notice', ({ kind: notice }) => notice === 'draining')
    assert.is(await ann.line.ended, 4503)
    assert.equal(await report, { unsavedSpaces: [], unsavedBytes: 0 })
  })
}
