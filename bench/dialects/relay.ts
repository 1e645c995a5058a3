/**
 * For the bare relay, which answers nothing: its clients ask nothing either and echo nothing, because each question
 * would go to every other client. It greets with a step 2 that is given to it.
 */
import { STEP_1, SYNC } from '../load/messages.js'
import type { Dialect } from './dialect.js'
import { stock } from './stock.js'

export const relay: Dialect = {
  ...stock,
  name: 'relay',
  echoesAwareness: false,
  asks: false,
  unwrap: frame => (frame[0] === SYNC && frame[1] === STEP_1 ? null : frame),
}
