/** The y-websocket protocol as it is, and the same with Plenum's extension messages. */
import type { Dialect } from './dialect.js'

/** Plenum's own messages; a client without the extension is never sent one. */
const FIRST_EXTENSION = 100

const common = {
  asks: true,
  greetings: () => [],
  wrap: (_space: string, message: Uint8Array) => message,
  answer: () => null,
}

/** As y-websocket 2.x and 3.x. */
export const stock: Dialect = {
  ...common,
  name: 'stock',
  protocols: [],
  echoesAwareness: true,
  needsRenewals: true,
  unwrap: frame => frame,
}

/** As `SpaceProvider`, which shows others until it is told that they left. */
export const plenumV1: Dialect = {
  ...common,
  name: 'plenum.v1',
  protocols: ['plenum.v1'],
  echoesAwareness: false,
  needsRenewals: false,
  unwrap: frame => (frame[0]! < FIRST_EXTENSION ? frame : null),
}
