/** What an application does with its spaces in its own process, over a whole service. */
import * as Y from 'yjs'
import { GapError } from '../../server/index.js'
import { ControlledStore } from '../support/controlled-store.js'
import { Embedding, enter, read, tokenFor, write } from '../support/embedding.js'
import { rejectsWithCode } from '../support/expect.js'
import { assert, suite } from '../support/suite.js'

const test = suite('space-calls')

const here = new Embedding()

test.after.each(() => here.close())

const AUTHOR = { user: 'robot', name: 'Robot' }

test('[Z12] an edit of the application goes the way of any client, and is on disk when it resolves', async () => {
  const store = new ControlledStore()
  const plenum = here.create({ openStore: async () => store })
  const saved: object[] = []
  plenum.on('saved', event => saved.push(event))
  const { url } = await plenum.listen()
  const client = await enter(url)
  await write(client, 'hello')
  await read(client)

  const { position } = await plenum.transact('demo', AUTHOR, doc => {
    const text = doc.getText('text')
    text.insert(text.length, ' world')
  })

  assert.is(position, 2)
  assert.is((await store.load('demo' as never)).position, 2)
  assert.equal(await plenum.json('demo', [{ name: 'text', type: 'text' }]), { text: 'hello world' })
  await client.message('update')
  assert.is(await read(await enter(url)), 'hello world')
  assert.equal(
    (await plenum.members('demo')).map(({ user }) => user),
    ['ann'],
  )
  assert.ok(saved.some(event => (event as { users: string[] }).users.includes('robot')))
})

test('[Z12] many edits at once are all there, beside those of clients', async () => {
  const plenum = here.create()
  const { url } = await plenum.listen()
  const client = await enter(url)

  const edits = Array.from({ length: 20 }, (_, at) =>
    plenum.transact('demo', AUTHOR, doc => doc.getMap('done').set(`edit ${at}`, true)),
  )
  await Promise.all([...edits, write(client, 'typed')])

  const { done, text } = (await plenum.json('demo')) as { done: object; text: string }
  assert.is(Object.keys(done).length, 20)
  assert.is(text, 'typed')
})

test('[Z12] a change that throws rejects with what it threw, sends nothing, and the next one goes on', async () => {
  const plenum = here.create()
  await plenum.start()
  const thrown = new Error('of a thought')

  const error = await plenum
    .transact('demo', AUTHOR, doc => {
      doc.getText('text').insert(0, 'half')
      throw thrown
    })
    .catch(error => error)

  assert.is(error, thrown)
  await rejectsWithCode('bad_request', plenum.transact('demo', AUTHOR, (async () => {}) as never))
  assert.equal(await plenum.transact('demo', AUTHOR, () => {}), { position: 0 })
  await plenum.transact('demo', AUTHOR, doc => doc.getText('text').insert(0, 'whole'))
  assert.equal(await plenum.json('demo', [{ name: 'text', type: 'text' }]), { text: 'whole' })
})

test('[Z12] updates made elsewhere are taken, or refused with what is missing', async () => {
  const plenum = here.create()
  await plenum.start()
  const doc = new Y.Doc()
  const updates: Uint8Array[] = []
  doc.on('update', update => updates.push(update))
  doc.getText('text').insert(0, 'a')
  doc.getText('text').insert(1, 'b')

  const gap = await rejectsWithCode('gap', plenum.edit('demo', AUTHOR, updates[1] as Uint8Array))
  await plenum.edit('demo', AUTHOR, Y.encodeStateAsUpdate(doc, (gap as GapError).stateVector))

  assert.ok(gap instanceof GapError)
  const { update } = await plenum.update('demo')
  const copy = new Y.Doc()
  Y.applyUpdate(copy, update)
  assert.is(copy.getText('text').toString(), 'ab')
  assert.equal((await plenum.update('demo', Y.encodeStateVector(doc))).update.length <= 10, true)
})

test('[Z12] an application asks and decides without a token', async () => {
  const plenum = here.create()
  const told: string[] = []
  plenum.on('space-deleted', ({ space }) => told.push(space))
  const { url } = await plenum.listen()
  const client = await enter(url, 'demo', await tokenFor('ann'))
  await write(client, 'hello')

  const { members, position } = await plenum.snapshot('demo')
  assert.equal([members.length, position], [1, 1])
  assert.equal(
    (await plenum.listSpaces()).spaces.map(({ name }) => name),
    ['demo'],
  )
  assert.is((await plenum.spaceStats('demo')).membersHere, 1)
  assert.equal((await plenum.intentions('demo')).intentions, [])

  await plenum.revoke('demo', 'ann')
  assert.is((await client.closed).code, 4403)
  assert.equal(
    (await plenum.revocations('demo')).map(({ user }) => user),
    ['ann'],
  )
  assert.is((await (await enter(url)).closed).code, 4403)
  await plenum.reinstate('demo', 'ann')
  const back = await enter(url)
  await back.message('welcome')
  assert.is(await plenum.disconnect('demo', 'ann'), 1)

  const { incarnation } = await plenum.snapshot('demo')
  await plenum.deleteSpace('demo')
  await rejectsWithCode('space_deleted', plenum.snapshot('demo'))
  assert.equal(await plenum.restoreSpace('demo'), { incarnation })
  await plenum.deleteSpace('demo')
  assert.ok((await plenum.createSpace('demo')).isNew)
  assert.equal(await plenum.json('demo'), {})
  await plenum.close()
  assert.equal(told, ['demo', 'demo'])
})

test('[Z12] what cannot be is refused with a code, and so is everything while Plenum does not run', async () => {
  const plenum = here.create()
  await rejectsWithCode('draining', plenum.snapshot('demo'))
  await plenum.start()
  const edit = (author: unknown, space: unknown = 'demo'): Promise<unknown> =>
    plenum.transact(space as string, author as typeof AUTHOR, doc => doc.getText('text').insert(0, 'a'))

  for (const author of [{}, { user: '' }, { user: 7 }, { user: 'a'.repeat(513) }, { user: 'a', name: 7 }])
    await rejectsWithCode('bad_request', edit(author))
  for (const space of ['', '..', 7, null]) await rejectsWithCode('bad_name', edit(AUTHOR, space))
  await rejectsWithCode('malformed', plenum.edit('demo', AUTHOR, Uint8Array.of(1, 2, 3)))
  await plenum.close()
  await rejectsWithCode('draining', edit(AUTHOR))
})
