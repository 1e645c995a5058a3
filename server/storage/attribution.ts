/**
 * Who delivered which clocks, merged: what stays of pruned log rows. Sorted by user, client and clock;
 * neighbouring and overlapping ranges of one user and client are one.
 *
 * version 1: version, users; a user: name, clients; a client: id, ranges; a range: clock, length. Lists and
 * texts are preceded by their length; all numbers are varUints.
 */
import * as decoding from 'lib0/decoding'
import * as encoding from 'lib0/encoding'
import type { Delivery } from '../space/update-store.js'
import { expectEnd, readList, readText } from './byte-fields.js'

const VERSION = 1

export const mergeDeliveries = (deliveries: readonly Delivery[]): Delivery[] => {
  const sorted = deliveries
    .filter(({ length }) => length > 0)
    .sort((a, b) => (a.user === b.user ? a.client - b.client || a.clock - b.clock : a.user < b.user ? -1 : 1))
  const merged: Delivery[] = []
  for (const next of sorted) {
    const last = merged.at(-1)
    const end = last === undefined ? 0 : last.clock + last.length
    if (last?.user === next.user && last.client === next.client && next.clock <= end) {
      merged[merged.length - 1] = { ...last, length: Math.max(end, next.clock + next.length) - last.clock }
    } else {
      merged.push(next)
    }
  }
  return merged
}

export const encodeAttribution = (deliveries: readonly Delivery[]): Uint8Array => {
  const users = new Map<string, Map<number, Delivery[]>>()
  for (const delivery of mergeDeliveries(deliveries)) {
    const clients = users.get(delivery.user) ?? new Map<number, Delivery[]>()
    users.set(delivery.user, clients)
    const ranges = clients.get(delivery.client)
    if (ranges === undefined) clients.set(delivery.client, [delivery])
    else ranges.push(delivery)
  }
  return encoding.encode(e => {
    encoding.writeVarUint(e, VERSION)
    encoding.writeVarUint(e, users.size)
    for (const [user, clients] of users) {
      encoding.writeVarString(e, user)
      encoding.writeVarUint(e, clients.size)
      for (const [client, ranges] of clients) {
        encoding.writeVarUint(e, client)
        encoding.writeVarUint(e, ranges.length)
        for (const { clock, length } of ranges) {
          encoding.writeVarUint(e, clock)
          encoding.writeVarUint(e, length)
        }
      }
    }
  })
}

/** @throws Error for bytes that are not an attribution of a known version */
export const decodeAttribution = (bytes: Uint8Array): Delivery[] => {
  const d = decoding.createDecoder(bytes)
  const version = decoding.readVarUint(d)
  if (version !== VERSION) throw new Error(`attribution version ${version} is not known`)
  const deliveries: Delivery[] = []
  readList(d, () => {
    const user = readText(d)
    readList(d, () => {
      const client = decoding.readVarUint(d)
      readList(d, () => {
        deliveries.push({
          user,
          client,
          clock: decoding.readVarUint(d),
          length: decoding.readVarUint(d),
        })
      })
    })
  })
  expectEnd(d)
  return deliveries
}
