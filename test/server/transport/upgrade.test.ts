/** What is read from an upgrade request before anything is decided, and how a refusal is written. */
import type { IncomingMessage } from 'node:http'
import { closeReason } from '../../../server/transport/close-reason.js'
import { refusalResponse } from '../../../server/transport/refusal.js'
import { clientAddress, clientHost, readTarget } from '../../../server/transport/upgrade-request.js'
import { offeredValues, readOffer } from '../../../server/transport/websocket/subprotocol.js'
import { throwsCode } from '../../support/expect.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('upgrade request')

const requestFrom = (remoteAddress: string, headers: Record<string, string> = {}): IncomingMessage =>
  ({ socket: { remoteAddress }, headers }) as unknown as IncomingMessage

test('[D1] the target is taken as it was sent', () => {
  const target = readTarget('/sync/a/../b%2e?token=x&y=1', '')

  assert.is(target?.spacePath, 'a/../b%2e')
  assert.is(target?.query.get('token'), 'x')
  assert.is(readTarget('/base/sync/a', '/base')?.spacePath, 'a')
  for (const other of ['/', '/sync', '/syncing/a', '/api/sync/a', 'http://host/sync/a']) {
    assert.is(readTarget(other, ''), null, other)
  }
  assert.is(readTarget('/sync/a', '/base'), null)
})

test('[D2] plenum.v1 is preferred to yjs, and nothing else is ever selected', () => {
  assert.is(readOffer(offeredValues('yjs, plenum.v1')).selected, 'plenum.v1')
  assert.is(readOffer(offeredValues('bearer.abc, yjs')).selected, 'yjs')
  assert.is(readOffer(offeredValues('bearer.abc,yjs')).dialect, 'stock')
  assert.equal(readOffer(offeredValues(undefined)), { values: [], selected: null, dialect: 'stock' })
  for (const header of ['bearer.abc', 'other', 'plenum.v2', 'bearer.a, bearer.b, yjs']) {
    const { message } = throwsCode('bad_request', () => readOffer(offeredValues(header)))
    assert.not.match(message, 'abc')
  }
})

test('[D4] Retry-After goes where coming back unchanged can help', () => {
  const refusal = (
    code: 'draining' | 'token_expired' | 'forbidden' | 'too_large',
    retryAfterMs: number | null,
  ) => refusalResponse({ code, message: 'no', retryAfterMs })

  assert.match(refusal('draining', null), /^HTTP\/1\.1 503 Service Unavailable\r\n/)
  assert.match(refusal('draining', null), '\r\nRetry-After: 5\r\n')
  assert.match(refusal('too_large', 600_000), '\r\nRetry-After: 600\r\n')
  assert.match(refusal('draining', 1), '\r\nRetry-After: 1\r\n')
  assert.not.match(refusal('forbidden', null), 'Retry-After')
  assert.not.match(refusal('token_expired', null), 'Retry-After')
  assert.match(refusal('token_expired', null), '\r\nWWW-Authenticate: Bearer\r\n')
  assert.match(refusal('forbidden', null), '\r\n\r\n{"code":"forbidden","message":"no","retryable":false}')
})

test('[D5] behind proxies of ours the address is the one that the outermost of them saw', () => {
  const forwarded = { 'x-forwarded-for': '203.0.113.9, 198.51.100.1, 10.0.0.2' }

  assert.is(clientAddress(requestFrom('10.0.0.1', forwarded), 0), '10.0.0.1')
  assert.is(clientAddress(requestFrom('10.0.0.1', forwarded), 1), '10.0.0.2')
  assert.is(clientAddress(requestFrom('10.0.0.1', forwarded), 2), '198.51.100.1')
  assert.is(clientAddress(requestFrom('10.0.0.1', forwarded), 9), '203.0.113.9')
  assert.is(clientAddress(requestFrom('10.0.0.1'), 1), '10.0.0.1')
  const hosts = { host: 'inner:1234', 'x-forwarded-host': 'app.example' }
  assert.is(clientHost(requestFrom('10.0.0.1', hosts), 0), 'inner:1234')
  assert.is(clientHost(requestFrom('10.0.0.1', hosts), 1), 'app.example')
})

test('[D11] the reason of a close fits into its frame, cut between characters', () => {
  assert.is(closeReason('short'), 'short')
  const cut = closeReason('ü'.repeat(100))
  assert.is(cut, 'ü'.repeat(61))
  assert.is(Buffer.byteLength(closeReason('😀'.repeat(40))), 120)
})
