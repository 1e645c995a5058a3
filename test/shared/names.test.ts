/** Space names: what is one, what is not, and that two spellings of one text are one space. */
import { MAX_NAME_BYTES, parseSpaceName, parseSpacePath, spacePath } from '../../shared/names.js'
import { throwsCode } from '../support/expect.js'
import { assert, suite } from '../support/suite.js'

const test = suite('names')

const good = (name: string): void => assert.is(parseSpaceName(name), name)
const bad = (name: string): void => void throwsCode('bad_name', () => parseSpaceName(name))

test('[N1] names of existing apps', () => {
  for (const name of [
    'a',
    'demo',
    'doc:42',
    'team-a/notes',
    'user@example.com',
    'v1.2.3',
    '~ana',
    '$x!&(y)+,;=z',
  ]) {
    good(name)
  }
})

test('[N1] letters and digits of any script', () => {
  for (const name of ['заметки', '会議/議事録', 'हिन्दी', 'ملاحظات', 'café', 'ไทย', '١٢٣', '𐐀𐐁', 'Ω'])
    good(name)
})

test('[N1] 8 segments, not 9', () => {
  good('a/b/c/d/e/f/g/h')
  bad('a/b/c/d/e/f/g/h/i')
})

test('[N1] 128 characters a segment, not 129, counted as characters', () => {
  good('a'.repeat(128))
  bad('a'.repeat(129))
  good('𐐀'.repeat(128))
  bad(`${'𐐀'.repeat(127)}aaa`)
})

test('[N1] 512 bytes in all, not 513', () => {
  const segments = ['a', 'b', 'c', 'd'].map(letter => letter.repeat(127))
  good(`${segments.join('/')}x`)
  assert.is(`${segments.join('/')}x`.length, MAX_NAME_BYTES)
  bad(`${segments.join('/')}xy`)
  bad('a'.repeat(10_000_000))
  good('会'.repeat(128))
  bad(`${'会'.repeat(128)}/${'会'.repeat(43)}`)
})

test('[N2] segments of dots and empty segments', () => {
  for (const name of ['', '/', 'a/', '/a', 'a//b', '.', '..', 'a/..', '../a', 'a/./b', 'a/../b']) bad(name)
  for (const name of ['...', '.a', 'a..b', '..a', '.a/b.']) good(name)
})

test('[N2] characters that are not allowed', () => {
  for (const c of [
    ' ',
    '\n',
    '\0',
    '\t',
    '\\',
    '%',
    '#',
    '?',
    '*',
    '"',
    "'",
    '<',
    '>',
    '|',
    '[',
    '{',
    '^',
    '`',
  ]) {
    bad(`a${c}b`)
    bad(c)
  }
  for (const c of [
    '\u200b',
    '\u202e',
    '\ufeff',
    '\u00a0',
    '\ud800',
    '\udfff',
    '\u2028',
    '😀',
    '\u007f',
    '\u0085',
  ]) {
    bad(`a${c}b`)
  }
})

test('[N3] two spellings of one text are one space', () => {
  assert.is(parseSpaceName('cafe\u0301'), 'caf\u00e9')
  assert.is(parseSpaceName('\u212b'), '\u00c5')
  assert.is(parseSpacePath('cafe%CC%81'), parseSpacePath('caf%C3%A9'))
})

test('[N3] the limits hold after normalising, which can lengthen a name', () => {
  // U+FB2C is 3 bytes, and 6 in NFC.
  bad('\ufb2c'.repeat(100))
  bad(`${'\ufb2c'.repeat(43)}`)
  // An equals sign with a stroke through it becomes a character that is not allowed.
  bad('a=\u0338')
})

test('[N4] escapes are decoded once', () => {
  assert.is(parseSpacePath('team-a/notes'), 'team-a/notes')
  assert.is(parseSpacePath('doc%3A42'), 'doc:42')
  assert.is(parseSpacePath('%D0%B7%D0%B0'), 'за')
  for (const path of ['%2561', '%252e%252e', 'a%2525']) throwsCode('bad_name', () => parseSpacePath(path))
})

test('[N4] escaped slashes, escaped dots and broken escapes', () => {
  const paths = [
    'a%2Fb',
    'a%2fb',
    '%2F',
    '%2e%2e',
    'a/%2E%2E/b',
    '%2e',
    '%',
    '%4',
    '%zz',
    '%C3',
    '%FF',
    '%ED%A0%80',
    '%00',
  ]
  for (const path of paths) throwsCode('bad_name', () => parseSpacePath(path))
})

test('[N4] the way back', () => {
  for (const name of ['doc:42', 'team-a/notes', '会議/議事録', '$x!&(y)+,;=z', 'a@b']) {
    assert.is(parseSpacePath(spacePath(parseSpaceName(name))), name)
    assert.is(
      new URL(spacePath(parseSpaceName(name)), 'ws://host/sync/').pathname,
      `/sync/${spacePath(parseSpaceName(name))}`,
    )
  }
})
