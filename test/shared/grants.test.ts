/** Grants: which role a token gives on a space. */
import { MAX_GRANTS, parseGrants, roleFor } from '../../shared/grants.js'
import { parseSpaceName } from '../../shared/names.js'
import type { Role } from '../../shared/roles.js'
import { throwsCode } from '../support/expect.js'
import { assert, suite } from '../support/suite.js'

const test = suite('grants')

const role = (claim: unknown, space: string): Role | null =>
  roleFor(parseGrants(claim), parseSpaceName(space))
const matches = (pattern: string, space: string): boolean => role({ [pattern]: 'read' }, space) === 'read'

const decides = (winner: string, loser: string, space: string): void => {
  assert.is(role({ [winner]: 'write', [loser]: 'read' }, space), 'write', `${winner} against ${loser}`)
  assert.is(
    role({ [loser]: 'read', [winner]: 'write' }, space),
    'write',
    `${winner} against ${loser}, turned`,
  )
  assert.is(role({ [winner]: 'read', [loser]: 'admin' }, space), 'read', `${winner} against ${loser}, less`)
}

test('[N5] a plain name matches itself', () => {
  assert.ok(matches('team-a/notes', 'team-a/notes'))
  assert.ok(matches('doc:42', 'doc:42'))
  for (const other of ['team-a', 'team-a/notes/x', 'team-a/note', 'Team-a/notes', 'x/team-a/notes']) {
    assert.not.ok(matches('team-a/notes', other), other)
  }
})

test('[N5] * matches exactly one segment', () => {
  assert.ok(matches('*', 'demo'))
  assert.ok(matches('team-a/*', 'team-a/notes'))
  assert.ok(matches('*/notes', 'team-a/notes'))
  assert.not.ok(matches('*', 'team-a/notes'))
  assert.not.ok(matches('team-a/*', 'team-a'))
  assert.not.ok(matches('team-a/*', 'team-a/notes/x'))
})

test('[N5] ** matches any number of segments', () => {
  for (const space of ['a', 'a/b', 'a/b/c/d/e/f/g/h']) assert.ok(matches('**', space), space)
  for (const space of ['a', 'a/b', 'a/b/c']) assert.ok(matches('a/**', space), space)
  for (const space of ['c', 'a/c', 'a/b/c']) assert.ok(matches('**/c', space), space)
  for (const space of ['a/c', 'a/b/c', 'a/b/b/c']) assert.ok(matches('a/**/c', space), space)
  for (const space of ['ab', 'b/a', 'b']) assert.not.ok(matches('a/**', space), space)
  assert.ok(matches('**/x/**', 'a/x/b'))
  assert.not.ok(matches('**/x/**', 'a/y/b'))
  assert.not.ok(matches('a/**/*', 'a'))
})

test('[N5] a star within a segment is no wildcard, and no pattern', () => {
  for (const pattern of ['a*', '*a', '***', 'team-*/x'])
    throwsCode('unauthenticated', () => parseGrants({ [pattern]: 'read' }))
})

test('[N5] patterns and names meet in NFC', () => assert.ok(matches('cafe\u0301/*', 'caf\u00e9/x')))

test('[N5] nothing matches: no role', () => {
  assert.is(role({}, 'a'), null)
  assert.is(role({ b: 'admin' }, 'a'), null)
})

test('[N5] many ** stay cheap', () => {
  const claim = Object.fromEntries(
    Array.from({ length: 200 }, (_, i) => [`**/**/**/**/**/**/**/x${i}`, 'read']),
  )
  assert.is(role(claim, 'a/a/a/a/a/a/a/a'), null)
})

test('[N6] the narrower pattern decides, in any order, for more or for less', () => {
  decides('a/b', 'a/*', 'a/b')
  decides('a/b', 'a/**', 'a/b')
  decides('a', 'a/**', 'a')
  decides('a/*', 'a/**', 'a/b')
  decides('a/*', '**', 'a/b')
  decides('*', '**', 'a')
  decides('a/b/**', 'a/**', 'a/b/c')
  decides('a/**', '*/*/*', 'a/b/c')
  decides('team-a/**', '**/a-very-long-name-of-a-space-of-theirs/**', 'team-a/x')
  decides('**', '**/**', 'a')
})

test('[N6] between equals the lesser role decides, in any order', () => {
  assert.is(role({ 'a/*': 'read', '*/b': 'admin' }, 'a/b'), 'read')
  assert.is(role({ '*/b': 'admin', 'a/*': 'read' }, 'a/b'), 'read')
  assert.is(role({ 'cafe\u0301': 'read', 'caf\u00e9': 'write' }, 'caf\u00e9'), 'read')
  assert.is(role({ 'caf\u00e9': 'write', 'cafe\u0301': 'read' }, 'caf\u00e9'), 'read')
})

test('[N7] garbage is refused as a whole', () => {
  for (const claim of [undefined, null, true, 1, '', 'a', [], ['a'], [['a', 'read']], () => {}]) {
    throwsCode('unauthenticated', () => parseGrants(claim))
  }
  for (const value of [
    null,
    undefined,
    '',
    'owner',
    'READ',
    'read ',
    1,
    true,
    ['read'],
    { role: 'read' },
    'toString',
  ]) {
    throwsCode('unauthenticated', () => parseGrants({ a: 'read', b: value }))
  }
  for (const pattern of [
    '',
    '/',
    'a//b',
    '..',
    'a/..',
    'a b',
    'a%2Fb',
    'a\0',
    'a/b/c/d/e/f/g/h/i',
    'a'.repeat(129),
  ]) {
    throwsCode('unauthenticated', () => parseGrants({ ok: 'read', [pattern]: 'read' }))
  }
})

test('[N7] names of object members are only names', () => {
  const claim = JSON.parse('{"__proto__": "write", "constructor": "read"}')
  assert.is(role(claim, '__proto__'), 'write')
  assert.is(role(claim, 'constructor'), 'read')
  assert.is(role({}, 'toString'), null)
})

test('[N7] a thousand patterns are read, one more is not', () => {
  const claim = (length: number) => Object.fromEntries(Array.from({ length }, (_, i) => [`s${i}`, 'read']))
  assert.is(parseGrants(claim(MAX_GRANTS)).size, MAX_GRANTS)
  throwsCode('unauthenticated', () => parseGrants(claim(MAX_GRANTS + 1)))
})
