/** The table of roles and operations. */
import { isRole, mayDo, OPERATIONS, ROLES } from '../../shared/roles.js'
import { assert, suite } from '../support/suite.js'

const test = suite('roles')

test('[N8] role × operation', () => {
  const table = ROLES.map(role => [role, OPERATIONS.filter(operation => mayDo(role, operation))])
  assert.equal(table, [
    ['read', ['read-document', 'announce-presence', 'send-signals']],
    ['write', ['read-document', 'announce-presence', 'send-signals', 'edit-document']],
    ['admin', [...OPERATIONS]],
  ])
})

test('[N8] each role may do what the lesser one may', () => {
  for (const [lesser, greater] of [
    ['read', 'write'],
    ['write', 'admin'],
  ] as const) {
    for (const operation of OPERATIONS) assert.ok(!mayDo(lesser, operation) || mayDo(greater, operation))
  }
})

test('[N8] nothing else is a role', () => {
  for (const value of ['', 'Read', 'owner', 'toString', null, undefined, 0, {}, ['read']])
    assert.not.ok(isRole(value))
})
