/** A load that fails while many wait for it, over a whole service. */
import { ControlledStore } from '../support/controlled-store.js'
import { Embedding, enter, read, tokenFor, write } from '../support/embedding.js'
import { assert, suite } from '../support/suite.js'
import { until } from '../support/until.js'

const test = suite('failed load')

const here = new Embedding()

test.after.each(() => here.close())

const JOINERS = 10

test(`[Z11] a load that fails while ${JOINERS} wait refuses all of them, and nothing of it stays`, async () => {
  const store = new ControlledStore()
  const plenum = here.create({
    openStore: async () => store,
    config: { maxConnections: JOINERS + 2, maxPeersPerSpace: JOINERS + 1 },
  })
  const { url } = await plenum.listen()
  const elsewhere = await enter(url, 'elsewhere')
  await write(elsewhere, 'undisturbed')
  const figure = async (name: string): Promise<number> =>
    Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(await (await fetch(`${url}/metrics`)).text())?.[1])
  store.hold('load')
  store.fail('load', 1)
  const loads = store.count('load')

  const joiners = await Promise.all(
    Array.from({ length: JOINERS }, async (_, at) => enter(url, 'broken', await tokenFor(`user-${at}`))),
  )
  const asking = fetch(`${url}/api/spaces/broken/intentions`, {
    headers: { authorization: `Bearer ${await tokenFor()}` },
  })
  await until('everybody is inside', async () => (await figure('plenum_connections')) === JOINERS + 1)
  store.release('load')

  for (const joiner of joiners) {
    assert.is((await joiner.closed).code, 4500)
  }
  const answer = await asking
  assert.equal([answer.status, ((await answer.json()) as { code: string }).code], [503, 'load_failed'])
  assert.is(store.count('load'), loads + 1)
  assert.equal([await figure('plenum_spaces'), await figure('plenum_load_failures_total')], [1, 1])

  const again = await Promise.all(
    Array.from({ length: JOINERS }, async (_, at) => enter(url, 'broken', await tokenFor(`user-${at}`))),
  )
  await write(again[0] as (typeof again)[0], 'works now')
  assert.is(await read(again[1] as (typeof again)[0]), 'works now')
  assert.is(await read(elsewhere), 'undisturbed')
  assert.not.ok(elsewhere.isClosed)
})
