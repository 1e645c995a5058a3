/** The one table of errors. */
import {
  assertNever,
  ERRORS,
  type ErrorCode,
  type ErrorFacts,
  PlenumError,
  toPlenumError,
} from '../../shared/errors.js'
import { throwsCode } from '../support/expect.js'
import { assert, suite } from '../support/suite.js'

const test = suite('errors')
const table = Object.entries(ERRORS) as [ErrorCode, ErrorFacts][]

test('[E1] every code has a status, a close code and a text', () => {
  for (const [code, facts] of table) {
    assert.match(code, /^[a-z]+(_[a-z]+)*$/)
    assert.ok(Number.isInteger(facts.http) && facts.http >= 400 && facts.http < 600, code)
    assert.ok(Number.isInteger(facts.close) && facts.close >= 4400 && facts.close < 4600, code)
    // A WebSocket close reason holds 123 bytes.
    assert.ok(facts.text.length > 0 && Buffer.byteLength(facts.text) <= 123, code)
  }
})

test('[E1] the close codes are those of the protocol', () => {
  const known = [4400, 4401, 4403, 4404, 4409, 4410, 4413, 4426, 4500, 4501, 4503, 4508, 4529]
  assert.equal([...new Set(table.map(([, { close }]) => close))].sort(), known)
})

test('[E1] the table is frozen, and an error carries its row', () => {
  assert.ok(Object.isFrozen(ERRORS) && table.every(([, facts]) => Object.isFrozen(facts)))
  const error = new PlenumError('draining')
  assert.is(error.facts, ERRORS.draining)
  assert.is(error.message, ERRORS.draining.text)
  assert.is(new PlenumError('draining', 'back at noon').message, 'back at noon')
})

test('[E2] 44xx is permanent and 45xx is retryable; gap is the one exception', () => {
  for (const [code, { close, retryable }] of table) {
    assert.is(retryable, close >= 4500 || code === 'gap', code)
  }
})

test('[E2] what a status promises about retrying agrees with the table', () => {
  for (const [code, { http, retryable }] of table) {
    if (http >= 500 || http === 429) assert.ok(retryable, code)
  }
})

test('[E3] what is not ours becomes internal, and says nothing of itself', () => {
  for (const thrown of [new Error('password=hunter2'), 'text', null, undefined, { code: 'forbidden' }]) {
    const error = toPlenumError(thrown)
    assert.is(error.code, 'internal')
    assert.is(error.message, ERRORS.internal.text)
    assert.is(error.cause, thrown)
  }
})

test('[E3] what is ours stays as it is', () => {
  const error = new PlenumError('too_large')
  assert.is(toPlenumError(error), error)
})

test('[E3] a value outside its union is our own bug', () => {
  throwsCode('internal', () => assertNever('surprise' as never))
})

test('[E4] only failures of ours are logged as errors', () => {
  for (const [code, { level, http }] of table) if (level === 'error') assert.ok(http >= 500, code)
  for (const code of ['internal', 'load_failed', 'degraded', 'quarantined'] as const) {
    assert.is(ERRORS[code].level, 'error')
  }
})
