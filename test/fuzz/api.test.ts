/** Whatever is posted as an edit, or asked as a question, is answered as the document of the API says. */
import * as Y from 'yjs'
import { expectDocumented } from '../support/api-document.js'
import { bytes, chance, createRng, int, pick, type Rng, seedFrom } from '../support/rng.js'
import { RunningServices } from '../support/running-service.js'
import { assert, note, suite } from '../support/suite.js'

const test = suite('fuzz: http api')
const services = new RunningServices()
test.after.each(() => services.end())

const EDITS = 300
const OCTETS = { 'Content-Type': 'application/octet-stream' }

/** A good update, with some of its bytes changed, cut or repeated. */
const spoilt = (rng: Rng, update: Uint8Array): Uint8Array<ArrayBuffer> => {
  const changed = Uint8Array.from(update)
  for (let i = int(rng, 0, 2); i > 0; i--) changed[int(rng, 0, changed.length - 1)] = int(rng, 0, 255)
  if (chance(rng, 0.1)) return changed.slice(0, int(rng, 1, changed.length))
  if (chance(rng, 0.1)) return Uint8Array.of(...changed, ...bytes(rng, 20))
  return chance(rng, 0.1) ? Uint8Array.from(bytes(rng, int(rng, 1, 60))) : changed
}

const goodUpdate = (rng: Rng): Uint8Array => {
  const doc = new Y.Doc()
  doc.getText('content').insert(0, pick(rng, ['a', 'some words', 'é'.repeat(40)]))
  doc.getMap('meta').set('n', int(rng, 0, 1000))
  if (chance(rng, 0.3)) doc.getText('content').delete(0, 1)
  return Y.encodeStateAsUpdate(doc)
}

test('[X42] any edit is answered by a code that the document names, and the space goes on', {
  timeoutMs: 60_000,
}, async () => {
  const rng = createRng(seedFrom())
  const { url } = await services.serve()
  // One who is refused too often waits; these are many.
  const headers = await Promise.all(
    Array.from({ length: 30 }, (_, i) => services.bearer({ user: `user ${i}` })),
  )
  const counts = new Map<string, number>()
  for (let i = 0; i < EDITS; i++) {
    const space = `fuzz-${i % 5}`
    const body = spoilt(rng, goodUpdate(rng))
    const init = { method: 'POST', body, headers: { ...pick(rng, headers), ...OCTETS } }
    const answer = await expectDocumented('edit', await fetch(`${url}/api/spaces/${space}/update`, init))
    const { code = 'accepted' } = answer as { code?: string }
    counts.set(code, (counts.get(code) ?? 0) + 1)
    const sv = Buffer.from(spoilt(rng, Y.encodeStateVector(goodUpdateDoc(rng)))).toString('base64url')
    const asked = await fetch(`${url}/api/spaces/${space}/update?sv=${sv}`, { headers: headers[0] as never })
    await expectDocumented('readUpdate', asked)
  }
  note([...counts].map(([code, count]) => `${code} ${count}`).join(', '))
  assert.is(counts.get('internal'), undefined)
  for (let i = 0; i < 5; i++) {
    const doc = new Y.Doc()
    doc.getText('last').insert(0, 'still here')
    const body = Y.encodeStateAsUpdate(doc) as Uint8Array<ArrayBuffer>
    const init = {
      method: 'POST',
      body,
      headers: { ...(await services.bearer({ user: 'last' })), ...OCTETS },
    }
    assert.is((await fetch(`${url}/api/spaces/fuzz-${i}/update`, init)).status, 200)
    const json = `${url}/api/spaces/fuzz-${i}/json?type=last:text`
    const { content } = (await (await fetch(json, { headers: headers[0] as never })).json()) as {
      content: unknown
    }
    assert.equal(content, { last: 'still here' })
  }
})

const goodUpdateDoc = (rng: Rng): Y.Doc => {
  const doc = new Y.Doc()
  Y.applyUpdate(doc, goodUpdate(rng))
  return doc
}
