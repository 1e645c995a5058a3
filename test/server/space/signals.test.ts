/** Signals: who hears them, who may send them, and how many. */
import type { ServerMessage } from '../../../shared/protocol/index.js'
import { type Caller, Core } from '../../support/core.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('signals')

const signal = (json: string, to: string | null = null) => ({ type: 'signal', to, json }) as const
const heard = (caller: Caller): string[] => only(caller.take(), 'signalled').map(({ json }) => json)
const only = <Type extends ServerMessage['type']>(messages: readonly ServerMessage[], type: Type) =>
  messages.filter((message): message is Extract<ServerMessage, { type: Type }> => message.type === type)
const notices = (messages: readonly ServerMessage[]) =>
  only(messages, 'notice').map(({ kind, retryAfterMs }) => [kind, retryAfterMs])

const as = (user: string) => ({ access: { user } })

test('[A17] a signal reaches every other connection once, and says whose it is', async () => {
  const core = new Core()
  const [ann, tab, bob] = [await core.live(as('ann')), await core.live(as('ann')), await core.live(as('bob'))]
  const elsewhere = await core.live({ ...as('cid'), space: 'elsewhere' as never })
  for (const caller of [ann, tab, bob, elsewhere]) caller.take()
  assert.equal(only(await ann.say(signal('{"wave":1}')), 'signalled'), [])
  const expected = [{ type: 'signalled', from: 'ann', isDirect: false, json: '{"wave":1}' }]
  assert.equal(only(tab.take(), 'signalled'), expected)
  assert.equal(only(bob.take(), 'signalled'), expected)
  assert.equal(heard(elsewhere), [])
  assert.is(core.observer.of('signals'), 1)
})

test('[A17] a signal to a member reaches all their connections, and nobody else', async () => {
  const core = new Core()
  const ann = await core.live(as('ann'))
  const bobs = [await core.live(as('bob')), await core.live(as('bob'))]
  const cid = await core.live(as('cid'))
  await ann.say(signal('"psst"', 'bob'))
  for (const bob of bobs) {
    const expected = [{ type: 'signalled', from: 'ann', isDirect: true, json: '"psst"' }]
    assert.equal(only(bob.take(), 'signalled'), expected)
  }
  assert.equal(heard(cid), [])
  await bobs[0]!.say(signal('1', 'bob'))
  assert.equal(heard(bobs[0]!), [])
  assert.equal(heard(bobs[1]!), ['1'])
  await ann.say(signal('2', 'nobody'))
  assert.is(ann.closed, null)
})

test('[A17] a signal is not stored, and whoever comes later does not hear it', async () => {
  const core = new Core()
  const ann = await core.live()
  await ann.say(signal('1'))
  const late = await core.live()
  assert.equal(heard(late), [])
  assert.is(core.store.count('append'), 0)
})

test('[A17] stock clients are sent none, and one that sends one is malformed', async () => {
  const core = new Core()
  const [ann, stock] = [await core.live(), await core.live({ dialect: 'stock' })]
  stock.takeFrames()
  await ann.say(signal('1'))
  assert.equal(stock.takeFrames(), [])
  await stock.say(signal('1'))
  assert.is(stock.closed?.code, 4400)
})

test('[A17] whoever is behind is not sent signals, neither then nor later', async () => {
  const core = new Core({ limits: { peerBudgetBytes: 2_000 } })
  const [ann, slow] = [await core.live(), await core.live()]
  const json = JSON.stringify('x'.repeat(1_500))
  for (let i = 0; i < 5; i++) {
    ann.send(signal(json))
    await core.settle()
  }
  assert.is(heard(slow).length, 2, 'what was within its budget')
  await core.advance(1000)
  assert.equal(heard(slow), [])
  await ann.say(signal('"again"'))
  assert.equal(heard(slow), ['"again"'])
})

test('[A18] what no JSON of bounded depth and plain keys is, is refused with a notice', async () => {
  const core = new Core()
  const [ann, bob] = [await core.live(), await core.live()]
  const bad = ['', '{', '{"__proto__":1}', '[{"constructor":1}]', `${'['.repeat(3_000)}${']'.repeat(3_000)}`]
  for (const json of bad) {
    assert.equal(notices(await ann.say(signal(json))), [['signals-refused', 0]], json)
  }
  assert.is(core.observer.of('signals_refused'), bad.length)
  const good = ['null', '0', '"text"', '[]', '{"a":{"b":[1]}}']
  for (const json of good) await ann.say(signal(json))
  assert.equal(heard(bob), good)
})

test('[A18] a signal above 16 KiB closes with malformed', async () => {
  const core = new Core()
  const ann = await core.live()
  await ann.say(signal(JSON.stringify('x'.repeat(16 * 1024 - 2))))
  assert.is(ann.closed, null)
  await ann.say(signal(JSON.stringify('x'.repeat(16 * 1024 - 1))))
  assert.is(ann.closed?.code, 4400)
})

test('[A18] readers may send signals where that is configured', async () => {
  for (const [readersSignal, expected] of [
    ['on', []],
    ['off', [['signals-refused', 0]]],
  ] as const) {
    const core = new Core({ limits: { readersSignal } })
    const [reader, writer] = [await core.live({ access: { role: 'read' } }), await core.live()]
    assert.equal(notices(await reader.say(signal('1'))), expected)
    assert.is(heard(writer).length, 1 - expected.length)
    await writer.say(signal('2'))
    assert.equal(heard(reader), ['2'])
  }
})

test('[A18] beyond its rate a connection is told when to try again, and others are not held up', async () => {
  const core = new Core({ limits: { signalsPerSecond: 4 } })
  const [ann, bob] = [await core.live(), await core.live()]
  for (let i = 0; i < 4; i++) await ann.say(signal(`${i}`))
  assert.equal(notices(await ann.say(signal('4'))), [['signals-limited', 250]])
  assert.equal(heard(bob), ['0', '1', '2', '3'])
  assert.is(core.observer.of('signals_limited'), 1)
  assert.equal(notices(await bob.say(signal('"mine"'))), [])
  await core.advance(250)
  assert.equal(notices(await ann.say(signal('5'))), [])
  assert.equal(heard(bob), ['5'])
})

test('[A18] all signals of a space together cost a bounded share', async () => {
  const core = new Core()
  const senders: Caller[] = []
  for (let i = 0; i < 100; i++) senders.push(await core.live(as(`u${i}`)))
  let limited = 0
  for (const sender of senders)
    for (let i = 0; i < 5; i++) limited += notices(await sender.say(signal('1'))).length
  assert.ok(limited > 300, `${limited} of 500 limited`)
  assert.ok(heard(senders[0]!).length > 50)
  await core.advance(2_000)
  assert.equal(notices(await senders[0]!.say(signal('1'))), [])
})
