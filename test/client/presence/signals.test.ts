/** What may be sent as a signal, and what is made of one that came. */
import { composeSignal, readSignal, type SignalOptions } from '../../../client/presence/signals.js'
import {
  decodeClientMessage,
  encodeMessage,
  MAX_SIGNAL_BYTES,
  MAX_TEXT_BYTES,
} from '../../../shared/protocol/index.js'
import { throwsCode } from '../../support/expect.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('signals')

const compose = (data: unknown, options: SignalOptions = {}, maxFrameBytes = 1_000_000) =>
  composeSignal(data, options, maxFrameBytes)

test('[P35] whatever JSON can say is sent, to everybody or to one', () => {
  assert.equal(compose({ a: [1, 'ü', null] }), { type: 'signal', to: null, json: '{"a":[1,"ü",null]}' })
  for (const data of [null, 0, '', false, []]) assert.is(compose(data).json, JSON.stringify(data))
  assert.is(compose(1, { to: 'bob' }).to, 'bob')
})

test('[P35] what is no JSON, or goes to nobody, is bad_request', () => {
  const circle: unknown[] = []
  circle.push(circle)
  for (const data of [undefined, () => {}, Symbol('a'), 1n, circle, { toJSON: () => undefined }]) {
    throwsCode('bad_request', () => compose(data))
  }
  for (const to of ['', 'x'.repeat(MAX_TEXT_BYTES + 1), 7, null, {}]) {
    throwsCode('bad_request', () => compose(1, { to: to as string }))
  }
})

test('[P35] what the server would end the connection for is too_large', () => {
  const largest = 'ü'.repeat((MAX_SIGNAL_BYTES - 2) / 2)
  const signal = compose(largest, { to: 'x'.repeat(MAX_TEXT_BYTES) })
  assert.equal(decodeClientMessage(encodeMessage(signal)), signal)
  throwsCode('too_large', () => compose(`${largest}a`))
  throwsCode('too_large', () => compose('a'.repeat(1_022), {}, 1_024))
  assert.ok(encodeMessage(compose('a'.repeat(1_000), {}, 1_024)).length <= 1_024)
})

test('[P35] one that came is its data; one that is no JSON is nothing', () => {
  const signalled = { type: 'signalled', from: 'bob', isDirect: true } as const
  assert.equal(readSignal({ ...signalled, json: '{"a":1}' }), { from: 'bob', data: { a: 1 }, isDirect: true })
  for (const json of ['', '{', 'undefined', "{'a':1}", '{"a":1}}']) {
    assert.is(readSignal({ ...signalled, json }), null, json)
  }
})
