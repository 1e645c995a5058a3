/**
 * Takes some upgrades of an http server that others use, too. Whoever else listens for upgrades never sees those that
 * are claimed: most WebSocket libraries end the sockets of requests that are not for them.
 */
import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { PlenumError } from '../../shared/errors.js'
import { refusalOf } from './judge.js'
import { refuseUpgrade } from './refusal.js'

export interface UpgradeTaker {
  takes(request: IncomingMessage): boolean
  /** The socket is the taker's from here on. */
  take(request: IncomingMessage, socket: Duplex, head: Buffer): void
}

/** All takers of a server share one place in front of its listeners, which goes with the last of them. */
const shared = new WeakMap<Server, Claims>()

/** @returns gives the claim up. Idempotent. */
export const claimUpgrades = (server: Server, taker: UpgradeTaker): (() => void) => {
  const known = shared.get(server)
  const claims = known ?? new Claims(server)
  if (known === undefined) shared.set(server, claims)
  claims.takers.add(taker)
  return () => {
    claims.takers.delete(taker)
    if (claims.takers.size > 0 || shared.get(server) !== claims) return
    shared.delete(server)
    claims.remove()
  }
}

class Claims {
  readonly takers = new Set<UpgradeTaker>()
  readonly #server: Server
  readonly #emit: Server['emit']
  readonly #claiming: Server['emit']
  readonly #isOwn: boolean

  constructor(server: Server) {
    this.#server = server
    this.#isOwn = Object.hasOwn(server, 'emit')
    this.#emit = server.emit
    const emit = server.emit as (this: Server, event: string, ...args: unknown[]) => boolean
    const claim = (request: IncomingMessage, socket: Duplex, head: Buffer): boolean => {
      const taker = [...this.takers].find(each => each.takes(request))
      taker?.take(request, socket, head)
      return taker !== undefined
    }
    // A listener cannot keep others from an event; only whoever emits it can.
    this.#claiming = function claiming(this: Server, event: string, ...args: unknown[]): boolean {
      const [request, socket, head] = args as [IncomingMessage, Duplex, Buffer]
      return (event === 'upgrade' && claim(request, socket, head)) || emit.call(this, event, ...args)
    } as Server['emit']
    server.emit = this.#claiming
    // Without a listener Node tells nobody of upgrades.
    server.on('upgrade', this.#unclaimed)
  }

  remove(): void {
    this.#server.off('upgrade', this.#unclaimed)
    // Whoever came in front of it since still calls it: it claims nothing any more.
    if (this.#server.emit !== this.#claiming) return
    if (this.#isOwn) this.#server.emit = this.#emit
    else Reflect.deleteProperty(this.#server, 'emit')
  }

  /** Somebody else's, if there is anybody. */
  readonly #unclaimed = (_request: IncomingMessage, socket: Duplex): void => {
    if (this.#server.listenerCount('upgrade') > 1) return
    socket.on('error', () => socket.destroy())
    refuseUpgrade(socket, refusalOf(new PlenumError('not_found', 'there is no such door')))
  }
}
