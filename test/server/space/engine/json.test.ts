/** What of a document is told as JSON, whatever its types and values. */
import * as Y from 'yjs'
import { Document } from '../../../../server/space/engine/document.js'
import type { Root, RootType } from '../../../../server/space/engine.js'
import { throwsCode } from '../../../support/expect.js'
import { assert, suite } from '../../../support/suite.js'

const test = suite('documents as JSON')

const read = (change: (doc: Y.Doc) => void, roots: readonly Root[] | null = null) => {
  const doc = new Y.Doc()
  doc.transact(() => change(doc))
  return new Document([Y.encodeStateAsUpdate(doc)]).json(roots)
}

const as = (name: string, type: RootType): readonly Root[] => [{ name, type }]

const paragraph = (...content: (Y.XmlElement | Y.XmlText)[]): Y.XmlElement => {
  const element = new Y.XmlElement('paragraph')
  element.insert(0, content)
  return element
}

test('[X1] every root is told by its evident type', () => {
  const found = read(doc => {
    doc.getText('text').insert(0, 'some text')
    doc.getText('text').format(0, 4, { bold: true })
    doc.getText('text').insertEmbed(4, { image: 1 })
    doc.getMap('map').set('a', 1)
    doc.getArray('array').push(['a', true, null, { b: [1.5] }])
    doc.getXmlFragment('xml').insert(0, [paragraph(new Y.XmlText('hello'))])
  })
  assert.equal(found, {
    text: 'some text',
    map: { a: 1 },
    array: ['a', true, null, { b: [1.5] }],
    xml: '<paragraph>hello</paragraph>',
  })
})

test('[X1] types within types are told as what they are', () => {
  const found = read(doc => {
    const map = doc.getMap('map')
    map.set('text', new Y.Text('a'))
    map.set('map', new Y.Map([['list', Y.Array.from([1, 2])]]))
    map.set('xml', paragraph())
    doc.getArray('array').push([new Y.Map([['a', new Y.Text('b')]]), new Y.XmlText('c')])
    doc.getArray('documents').push([new Y.Doc({ guid: 'other' })])
  })
  assert.equal(found, {
    map: { text: 'a', map: { list: [1, 2] }, xml: '<paragraph></paragraph>' },
    array: [{ a: 'b' }, 'c'],
    documents: [{ guid: 'other' }],
  })
})

test('[X1] what JSON has no word for has one all the same', () => {
  const values = [Uint8Array.of(255, 0), Number.NaN, Number.POSITIVE_INFINITY, [undefined, 2n ** 60n]]
  const found = read(doc => {
    doc.getArray('list').push([...values, { gone: undefined, kept: Number.NaN }])
    for (const [i, value] of [...values, undefined].entries()) doc.getMap('map').set(`${i}`, value)
  })
  const told = ['/wA=', null, null, [null, '1152921504606846976']]
  assert.equal(found, { list: [...told, { kept: null }], map: { ...told } })
  assert.equal(JSON.parse(JSON.stringify(found)), found)
})

test('[X1] keys that reach for a prototype are keys', () => {
  const found = read(doc => {
    doc.getMap('__proto__').set('__proto__', new Y.Map([['polluted', true]]))
  })
  assert.is(JSON.stringify(found), '{"__proto__":{"__proto__":{"polluted":true}}}')
  assert.is(Object.getPrototypeOf(found), Object.prototype)
})

test('[X1] what was deleted is not told, and a root that lost everything tells no type', () => {
  const lose = (doc: Y.Doc): void => {
    doc.getText('text').insert(0, 'gone')
    doc.getText('text').delete(0, 4)
    doc.getMap('map').set('gone', 1)
    doc.getMap('map').delete('gone')
    doc.getArray('some').push([1, 2, 3])
    doc.getArray('some').delete(1, 1)
  }
  assert.equal(read(lose), { text: null, map: null, some: [1, 3] })
  assert.equal(read(lose, as('text', 'text')), { text: '' })
  assert.equal(read(lose, as('text', 'map')), { text: {} })
})

test('[X1] a root that nobody wrote in is empty, and stays unknown', () => {
  const document = new Document([])
  for (const [type, empty] of [
    ['text', ''],
    ['map', {}],
    ['array', []],
    ['xml', ''],
  ] as const) {
    assert.equal(document.json(as('new', type)), { new: empty })
  }
  assert.equal(document.json(null), {})
})

test('[X1] a root that is evidently of another type is refused', () => {
  const fill: Record<RootType, (doc: Y.Doc) => unknown> = {
    text: doc => doc.getText('root').insert(0, 'a'),
    map: doc => doc.getMap('root').set('a', 1),
    array: doc => doc.getArray('root').push([1]),
    xml: doc => doc.getXmlFragment('root').insert(0, [paragraph()]),
  }
  for (const is of Object.keys(fill) as RootType[]) {
    for (const asked of Object.keys(fill) as RootType[]) {
      const isFine = is === asked || (is === 'text' && asked === 'xml')
      if (isFine) assert.ok('root' in read(fill[is], as('root', asked)))
      else throwsCode('bad_request', () => read(fill[is], as('root', asked)))
    }
  }
})

test('[X1] an editor whose root is XML text is read as XML', () => {
  const fill = (doc: Y.Doc): void => {
    const root = doc.get('root', Y.XmlText)
    root.insertEmbed(0, new Y.XmlText('first'))
    root.insertEmbed(1, new Y.XmlText('second'))
  }
  assert.equal(read(fill), { root: 'firstsecond' })
  assert.equal(read(fill, as('root', 'xml')), { root: 'firstsecond' })
})

test('[X2] what nests too deeply is too_large, in every kind of type', () => {
  const nest = (make: (inner: unknown) => unknown, levels: number): unknown => {
    let value: unknown = 1
    for (let level = 0; level < levels; level++) value = make(value)
    return value
  }
  const listed = (inner: unknown): unknown => [inner]
  const mapped = (inner: unknown): unknown => new Y.Map([['a', inner]])
  assert.ok(read(doc => doc.getArray('a').push([nest(listed, 100)])))
  assert.ok(read(doc => doc.getMap('a').set('a', nest(mapped, 100))))
  throwsCode('too_large', () => read(doc => doc.getArray('a').push([nest(listed, 500)])))
  throwsCode('too_large', () => read(doc => doc.getMap('a').set('a', nest(mapped, 500))))
  const deep = (doc: Y.Doc): void => {
    let at: Y.XmlFragment = doc.getXmlFragment('a')
    for (let level = 0; level < 20_000; level++) {
      const next = new Y.XmlElement('p')
      at.insert(0, [next])
      at = next
    }
  }
  throwsCode('too_large', () => read(deep))
})
