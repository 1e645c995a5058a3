/** Random edits on every shared type, for fuzz tests: what they do depends on the rng and the document alone. */
import * as Y from 'yjs'
import { bytes, chance, int, pick, type Rng } from './rng.js'

/** The root types, in every replica the same. */
export const roots = (doc: Y.Doc) => ({
  text: doc.getText('text'),
  map: doc.getMap<unknown>('map'),
  array: doc.getArray<unknown>('array'),
  xml: doc.getXmlFragment('xml'),
})

type Target = Y.Text | Y.Map<unknown> | Y.Array<unknown> | Y.XmlFragment | Y.XmlElement

const MAX_TARGETS = 60
const WORDS = ['a', 'bc', 'def ', '\n', 'ä', '漢字', '😀', '👩‍👩‍👧', '\u0000', 'x'.repeat(40)]
const KEYS = ['a', 'b', 'c', 'title']
const MARKS = [{ bold: true }, { bold: null }, { color: 'red' }, { color: 'blue' }, { link: { href: '#' } }]

/** One transaction of one or a few edits. */
export const editRandomly = (rng: Rng, doc: Y.Doc): void => {
  doc.transact(() => {
    for (let left = int(rng, 1, 4); left > 0; left--) edit(rng, pick(rng, targetsOf(doc)))
  })
}

const targetsOf = (doc: Y.Doc): Target[] => {
  const { text, map, array, xml } = roots(doc)
  const found: Target[] = [text, map, array, xml]
  for (const target of found) {
    if (found.length >= MAX_TARGETS) break
    found.push(...childrenOf(target))
  }
  // The roots are worth more edits than what is nested: there most conflicts are.
  return [text, text, text, map, array, xml, ...found]
}

const childrenOf = (target: Target): Target[] => {
  if (target instanceof Y.Text) return []
  const values = target instanceof Y.Map ? [...target.values()] : target.toArray()
  return values.filter((value): value is Target => value instanceof Y.AbstractType)
}

const edit = (rng: Rng, target: Target): void => {
  if (target instanceof Y.Text) editText(rng, target)
  else if (target instanceof Y.Map) editMap(rng, target)
  else if (target instanceof Y.Array) editArray(rng, target)
  else editXml(rng, target)
}

const editText = (rng: Rng, text: Y.Text): void => {
  const [at, length] = wholeCharacters(text, span(rng, text.length))
  if (length === 0) {
    text.insert(at, pick(rng, WORDS))
    return
  }
  switch (int(rng, 0, 9)) {
    case 0:
    case 1:
      text.delete(at, length)
      return
    case 2:
    case 3:
    case 4:
      text.format(at, length, pick(rng, MARKS))
      return
    case 5:
      text.insertEmbed(at, { image: `${int(rng, 0, 9)}.png` })
      return
    case 6:
      text.insert(at, pick(rng, WORDS), pick(rng, MARKS))
      return
    default:
      text.insert(at, pick(rng, WORDS))
  }
}

const editMap = (rng: Rng, map: Y.Map<unknown>): void => {
  const key = pick(rng, KEYS)
  if (chance(rng, 0.2)) map.delete(key)
  else map.set(key, someValue(rng))
}

const editArray = (rng: Rng, array: Y.Array<unknown>): void => {
  const [at, length] = span(rng, array.length)
  if (chance(rng, 0.35)) array.delete(at, length)
  else
    array.insert(
      at,
      Array.from({ length: int(rng, 1, 3) }, () => someValue(rng)),
    )
}

const editXml = (rng: Rng, xml: Y.XmlFragment | Y.XmlElement): void => {
  const [at, length] = span(rng, xml.length)
  if (xml instanceof Y.XmlElement && chance(rng, 0.3)) {
    if (chance(rng, 0.3)) xml.removeAttribute(pick(rng, KEYS))
    else xml.setAttribute(pick(rng, KEYS), pick(rng, WORDS))
  } else if (chance(rng, 0.3)) xml.delete(at, length)
  else if (chance(rng, 0.5)) xml.insert(at, [new Y.XmlElement(pick(rng, ['p', 'div']))])
  else xml.insert(at, [new Y.XmlText(pick(rng, WORDS))])
}

/**
 * Widened to whole characters, as editors select: where half of a surrogate pair is deleted and undone, replicas
 * of Yjs differ by themselves.
 */
const wholeCharacters = (text: Y.Text, [at, length]: readonly [number, number]): [number, number] => {
  const units = text
    .toDelta()
    .map(({ insert }: { insert: unknown }) => (typeof insert === 'string' ? insert : ' '))
  const all = units.join('')
  const isInside = (index: number): boolean =>
    /[\uD800-\uDBFF]/.test(all.charAt(index - 1)) && /[\uDC00-\uDFFF]/.test(all.charAt(index))
  const start = isInside(at) ? at - 1 : at
  const end = isInside(at + length) ? at + length + 1 : at + length
  return [start, end - start]
}

/** Nothing of no length: Yjs splits a character at its place, and tells nobody. */
const span = (rng: Rng, size: number): [at: number, length: number] => {
  const at = int(rng, 0, size)
  return [at, int(rng, Math.min(1, size - at), Math.min(size - at, 8))]
}

const someValue = (rng: Rng): unknown => {
  switch (int(rng, 0, 11)) {
    case 0:
      return new Y.Text(pick(rng, WORDS))
    case 1:
      return new Y.Map([[pick(rng, KEYS), int(rng, 0, 9)]])
    case 2:
      return Y.Array.from([int(rng, 0, 9), pick(rng, WORDS)])
    case 3:
      return bytes(rng, int(rng, 0, 20))
    case 4:
      return { nested: { list: [1, pick(rng, WORDS), null], flag: chance(rng, 0.5) } }
    case 5:
      return new Y.Doc({ guid: `sub${int(rng, 0, 9)}` })
    case 6:
      return int(rng, -(2 ** 40), 2 ** 40)
    case 7:
      return rng.next()
    case 8:
      return null
    case 9:
      return [pick(rng, WORDS), chance(rng, 0.5)]
    default:
      return pick(rng, WORDS)
  }
}
