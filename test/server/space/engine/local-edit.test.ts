/** Edits that are made on a document of their own. */
import * as Y from 'yjs'
import { type DocumentChange, editLocally } from '../../../../server/space/engine/local-edit.js'
import { throwsCode } from '../../../support/expect.js'
import { assert, suite } from '../../../support/suite.js'

const test = suite('local-edit')

const stateOf = (edit: DocumentChange): Uint8Array => {
  const doc = new Y.Doc()
  edit(doc)
  return Y.encodeStateAsUpdate(doc)
}

const STATE = stateOf(doc => doc.getText('text').insert(0, 'hello'))

test('[Z12] a change sees the present state, is one transaction, and comes out as what it brings', () => {
  let updates = 0
  const update = editLocally(STATE, doc => {
    doc.on('update', () => updates++)
    assert.is(doc.getText('text').toString(), 'hello')
    doc.getText('text').insert(5, ' world')
    doc.transact(() => doc.getMap('map').set('a', 1))
  })

  assert.is(updates, 1)
  const replica = new Y.Doc()
  Y.applyUpdate(replica, STATE)
  Y.applyUpdate(replica, update as Uint8Array)
  assert.is(replica.getText('text').toString(), 'hello world')
  assert.equal(replica.getMap('map').toJSON(), { a: 1 })
  assert.ok((update as Uint8Array).length < STATE.length + 60)
})

test('[Z12] a change that changes nothing is none, and one that throws or waits brings nothing', () => {
  assert.is(
    editLocally(STATE, doc => void doc.getText('text').toString()),
    null,
  )
  assert.throws(
    () =>
      editLocally(STATE, doc => {
        doc.getText('text').insert(0, 'half')
        throw new Error('of a thought')
      }),
    /of a thought/,
  )
  throwsCode('bad_request', () => editLocally(STATE, (async () => {}) as never))
  throwsCode('bad_request', () => editLocally(STATE, (() => Promise.reject(new Error('later'))) as never))
})

test('[Z12] what is kept of the document changes nothing afterwards', () => {
  let kept: Y.Doc | null = null
  const update = editLocally(STATE, doc => {
    kept = doc
    doc.getText('text').insert(0, 'a')
  })
  const length = update?.length

  ;(kept as Y.Doc | null)?.getText('text').insert(0, 'b')

  assert.is(update?.length, length)
  assert.ok((kept as Y.Doc | null)?.isDestroyed)
})
