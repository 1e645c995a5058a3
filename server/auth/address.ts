/** Client addresses as limits see them: one key per client, the same for both families. */
import { isIPv6 } from 'node:net'

/**
 * An IPv4 address as it is, an IPv4 address mapped into IPv6 as IPv4, an IPv6 address by its /64: one
 * customer has at least that many.
 */
export const addressKey = (address: string): string => {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)
  if (mapped !== null) return mapped[1]!
  // Asked of an address without a colon, it would compile a large expression for the first client of a process.
  if (!address.includes(':') || !isIPv6(address)) return address
  const [head = '', tail] = address.split('%')[0]!.split('::')
  const front = head === '' ? [] : head.split(':')
  const back = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - front.length - back.length)
  const groups = [...front, ...Array<string>(zeros).fill('0'), ...back]
  return `${groups
    .slice(0, 4)
    .map(group => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`
}

/** Programs on this machine, a proxy among them: not one client, so limits per address do not apply. */
export const isLoopback = (key: string): boolean => key.startsWith('127.') || key === '0:0:0:0::/64'
