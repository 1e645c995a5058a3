/** Merged attribution: nothing is forgotten, nothing invented, and its bytes are pinned. */
import type { Delivery } from '../../../server/space/update-store.js'
import { decodeAttribution, encodeAttribution, mergeDeliveries } from '../../../server/storage/attribution.js'
import { createRng, int, seedFrom } from '../../support/rng.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('attribution')

const range = (user: string, client: number, clock: number, length: number): Delivery => ({
  user,
  client,
  clock,
  length,
})

test('[T13] neighbouring, overlapping and contained ranges of one user and client become one', () => {
  assert.equal(
    mergeDeliveries([
      range('ada', 1, 10, 5),
      range('ada', 1, 0, 10),
      range('ada', 1, 2, 3),
      range('ada', 1, 14, 2),
      range('ada', 1, 20, 1),
      range('ada', 2, 15, 1),
      range('bob', 1, 16, 4),
      range('ada', 1, 30, 0),
    ]),
    [range('ada', 1, 0, 16), range('ada', 1, 20, 1), range('ada', 2, 15, 1), range('bob', 1, 16, 4)],
  )
})

test('[T13] merging keeps exactly the clocks that there were', () => {
  const rng = createRng(seedFrom())
  const clocks = (deliveries: readonly Delivery[]): string[] =>
    [
      ...new Set(
        deliveries.flatMap(({ user, client, clock, length }) =>
          Array.from({ length }, (_, i) => `${user} ${client} ${clock + i}`),
        ),
      ),
    ].sort()
  for (let round = 0; round < 300; round++) {
    const deliveries = Array.from({ length: int(rng, 0, 30) }, () =>
      range(`user ${int(rng, 0, 2)}`, int(rng, 1, 3), int(rng, 0, 40), int(rng, 0, 6)),
    )
    const merged = decodeAttribution(encodeAttribution(deliveries))
    assert.equal(merged, mergeDeliveries(deliveries))
    assert.equal(clocks(merged), clocks(deliveries))
  }
})

test('[T12] an attribution has exactly these bytes', () => {
  const bytes = encodeAttribution([range('bob', 300, 0, 5), range('ada', 1, 7, 1), range('ada', 1, 0, 2)])
  const golden = '01 02 03616461 01 01 02 0002 0701 03626f62 01 ac02 01 0005'.replaceAll(' ', '')
  assert.is(Buffer.from(bytes).toString('hex'), golden)
})

test('[T12] a cut or unknown attribution is refused', () => {
  const bytes = encodeAttribution([range('ada', 1, 7, 1)])
  for (let end = 0; end < bytes.length; end++) {
    assert.throws(() => decodeAttribution(bytes.slice(0, end)))
  }
  assert.throws(() => decodeAttribution(Uint8Array.of(...bytes, 0)), /trailing/)
  assert.throws(() => decodeAttribution(Uint8Array.of(9, 0)), /version 9/)
})
