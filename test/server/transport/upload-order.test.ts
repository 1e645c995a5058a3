/** The order of a session's POSTs where it is decided, moment by moment. */
import { OutOfOrder, UploadOrder } from '../../../server/transport/event-stream/upload-order.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('upload order')

test('[D19] of two that carry one number one counts, whenever the second takes the place of the first', async () => {
  // So many steps lie between the end of the first body and its handling, at most.
  for (let steps = 0; steps < 8; steps++) {
    const order = new UploadOrder()
    const handled: string[] = []
    let arrive = (_: Uint8Array): void => {}
    const first = new Promise<Uint8Array>(resolve => {
      arrive = resolve
    })
    const take = (name: string, body: Promise<Uint8Array>): Promise<string> =>
      order
        .take(1, {
          isOpen: () => true,
          read: () => body,
          handle: async () => {
            handled.push(name)
          },
        })
        .then(
          () => 'counted',
          error => (error instanceof OutOfOrder ? 'superseded' : String(error)),
        )
    const ends = [take('first', first)]
    arrive(new Uint8Array())
    for (let step = 0; step < steps; step++) await undefined
    ends.push(take('second', Promise.resolve(new Uint8Array())))
    await Promise.all(ends)
    assert.is(handled.length, 1, `after ${steps} steps`)
    assert.is(await ends[1], 'counted', `after ${steps} steps`)
  }
})
