/** Where a token is looked for, and in which order. */
import { findToken } from '../../../server/auth/token-carriers.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('token carriers')

const find = (
  subprotocols: readonly string[],
  authorization: string | undefined,
  query: string,
): string | null => findToken({ subprotocols, authorization, query: new URLSearchParams(query) })

test('[G4] the subprotocol comes before the header, and the header before the query', () => {
  assert.is(find(['yjs', 'bearer.one'], 'Bearer two', 'token=three'), 'one')
  assert.is(find(['yjs'], 'Bearer two', 'token=three'), 'two')
  assert.is(find(['yjs'], undefined, 'token=three'), 'three')
  assert.is(find(['yjs'], undefined, ''), null)
})

test('[G4] an empty carrier that is there decides too', () => {
  assert.is(find(['yjs', 'bearer.'], 'Bearer two', ''), '')
})

test('[G4] another kind of authorization is no carrier', () => {
  assert.is(find([], 'Basic YTpi', 'token=three'), 'three')
  assert.is(find([], 'bearer two', ''), 'two')
})
