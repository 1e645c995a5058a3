/**
 * The WebSocket door: `/sync/<space>`. From an upgrade request to a connection inside its space, or to a
 * refusal in the form that the client can read. It holds every connection that it let in, and nothing else.
 */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import { ERRORS, type ErrorCode, PlenumError, toPlenumError } from '../../../shared/errors.js'
import type { SpaceName } from '../../../shared/names.js'
import type { Access, Dialect, PeerId } from '../../space/peer.js'
import { Judge, refusalOf, type Verdict } from '../judge.js'
import type { Admission, DoorObserver, Gate, Place, Refusal, Spaces } from '../ports.js'
import { clientAddress, clientHost, readTarget, type UpgradeTarget } from '../upgrade-request.js'
import { type Wish, wishIn } from '../wish.js'
import { type CloseCause, Connection, type Keeper } from './connection.js'
import { DEFLATE_TERMS, inflateInPlace } from './deflate.js'
import type { HeartbeatLimits } from './heartbeat.js'
import { Outlet } from './outlet.js'
import { refuseUpgrade } from './refusal.js'
import { type Offer, readOffer } from './subprotocol.js'

export interface WebSocketDoorOptions {
  readonly gate: Gate
  readonly admission: Admission
  readonly spaces: Spaces
  readonly observer: DoorObserver
  /** The clock, ms since 1970. */
  readonly now: () => number
  /** The path in front of `/sync/`, without a slash at its end; often empty. */
  readonly basePath: string
  readonly trustedProxies: number
  readonly heartbeat: HeartbeatLimits
  /** The largest message that is read at all, inflated, bytes; a larger one ends the connection with 1009. */
  readonly maxPayloadBytes: number
  /** Whether permessage-deflate is agreed on where a client offers it. */
  readonly isCompressing: boolean
}

/** Connections that are only being told why they are refused, at most. */
const MAX_REFUSED_OPEN = 1_000

/** Everything known about an upgrade while it is decided. */
interface Upgrade {
  readonly request: IncomingMessage
  readonly socket: Duplex
  readonly head: Buffer
  readonly address: string
}

export class WebSocketDoor {
  readonly #options: WebSocketDoorOptions
  readonly #server: WebSocketServer
  readonly #judge: Judge
  readonly #connections = new Map<Connection, Place>()
  readonly #refused = new Set<Connection>()
  readonly #keeper: Keeper
  /** One for all: a function for each connection would stay as long as the connection does. */
  readonly #authenticate: Gate['renew']
  #opened = 0
  #onEmpty = (): void => {}

  constructor(options: WebSocketDoorOptions) {
    this.#options = options
    this.#judge = new Judge(options)
    this.#authenticate = (token, space, user) => options.gate.renew(token, space, user)
    this.#keeper = {
      heartbeat: options.heartbeat,
      outlet: new Outlet(),
      onFault: (connection, error) =>
        this.#tell(error, this.#connections.get(connection)?.seat?.space ?? null),
      onClosed: (connection, cause) => this.#onClosed(connection, cause),
    }
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: options.isCompressing ? DEFLATE_TERMS : false,
      maxPayload: options.maxPayloadBytes,
      handleProtocols: protocols => readOffer([...protocols].join(',')).selected ?? false,
    })
  }

  get connections(): number {
    return this.#connections.size
  }

  /** For an http server's `upgrade` event. Takes the socket over in any case. */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', destroyOnError)
    const { basePath, trustedProxies, observer } = this.#options
    const upgrade = { request, socket, head, address: clientAddress(request, trustedProxies) }
    const target = readTarget(request.url ?? '', basePath)
    if (target === null) {
      this.#refuse(upgrade, 'stock', refusalOf(new PlenumError('not_found', 'there is no such door')))
      return
    }
    let offer: Offer
    try {
      offer = readOffer(request.headers['sec-websocket-protocol'])
    } catch (error) {
      this.#refuse(upgrade, 'stock', refusalOf(toPlenumError(error)))
      return
    }
    this.#decide(upgrade, target, offer).catch(error => {
      observer.report('error', 'an upgrade failed', { error })
      socket.destroy()
    })
  }

  /** From now on every upgrade is refused with `draining`; connections stay. */
  stopAccepting(): void {
    this.#judge.stopAdmitting()
  }

  /** Pings what is due and ends what is dead. Call it once a second. */
  sweep(nowMs: number): void {
    for (const connection of this.#connections.keys()) connection.sweep(nowMs)
    for (const connection of this.#refused) connection.sweep(nowMs)
    this.#judge.sweep(nowMs)
  }

  /**
   * Waits for connections to end by themselves, then ends what is left. Idempotent.
   * @param graceMs how long close frames that are under way may take
   */
  async close(graceMs: number): Promise<void> {
    this.stopAccepting()
    if (this.#connections.size + this.#refused.size > 0) await this.#emptied(graceMs)
    for (const connection of [...this.#connections.keys(), ...this.#refused]) connection.terminate('draining')
    this.#server.close()
  }

  async #decide(upgrade: Upgrade, target: UpgradeTarget, offer: Offer): Promise<void> {
    const { headers } = upgrade.request
    const { dialect } = offer
    const verdict = await this.#judge.judge({
      dialect,
      spacePath: target.spacePath,
      address: upgrade.address,
      origin: headers.origin,
      host: clientHost(upgrade.request, this.#options.trustedProxies),
      credentials: {
        subprotocols: offer.values,
        authorization: headers.authorization,
        query: target.query,
        headers,
      },
    })
    if (verdict.type === 'admitted') this.#accept(upgrade, wishIn(target.query, dialect), verdict)
    else this.#refuse(upgrade, dialect, verdict.refusal, verdict.cause)
  }

  #accept(upgrade: Upgrade, wish: Wish, admitted: Verdict & { readonly type: 'admitted' }): void {
    const { observer } = this.#options
    const { dialect } = wish
    const { space, access, place } = admitted
    const connection = this.#open(upgrade)
    if (connection === null) {
      place.leave()
      return
    }
    this.#connections.set(connection, place)
    observer.opened(dialect)
    void this.#join(connection, space, access, wish)
  }

  async #join(connection: Connection, space: SpaceName, access: Access, wish: Wish): Promise<void> {
    const { dialect, after, needsRenewals } = wish
    const authenticate = this.#authenticate
    try {
      const options = { dialect, access, authenticate, after, needsRenewals }
      connection.attach(await this.#options.spaces.join(space, connection, options))
    } catch (error) {
      const refused = toPlenumError(error)
      this.#tell(refused, space)
      connection.close(refused.code, refused.message)
    }
  }

  /** Completes the handshake; null where the request was no WebSocket handshake or its socket is gone. */
  #open({ request, socket, head }: Upgrade): Connection | null {
    const { now, maxPayloadBytes } = this.#options
    const keeper = this.#keeper
    let opened: Connection | null = null
    // Node's own, which has nothing to do on the sockets of an http server: two listeners take less than three.
    for (const listener of socket.listeners('end')) socket.off('end', listener as () => void)
    this.#server.handleUpgrade(request, socket, head, (ws: WebSocket) => {
      // ws listens from here on.
      socket.off('error', destroyOnError)
      inflateInPlace(ws, maxPayloadBytes)
      const id = `w${++this.#opened}` as PeerId
      opened = new Connection({ id, ws, socket, nowMs: now(), keeper })
    })
    return opened
  }

  /**
   * Says no: by HTTP status, or, where the client speaks `plenum.v1`, by a close code after accepting, since a
   * browser shows a refused upgrade as a bare 1006.
   */
  #refuse(upgrade: Upgrade, dialect: Dialect, refusal: Refusal, cause?: unknown): void {
    const { observer } = this.#options
    const { code, message } = refusal
    observer.refused(code)
    observer.report(ERRORS[code].level, 'upgrade refused', {
      code,
      reason: message,
      address: upgrade.address,
      ...(cause === undefined ? {} : { cause }),
    })
    if (dialect === 'stock' || this.#refused.size >= MAX_REFUSED_OPEN) {
      refuseUpgrade(upgrade.socket, refusal)
      return
    }
    const connection = this.#open(upgrade)
    if (connection === null) return
    this.#refused.add(connection)
    connection.close(code, message)
  }

  #emptied(graceMs: number): Promise<void> {
    return new Promise(resolve => {
      const timer = setTimeout(resolve, graceMs)
      this.#onEmpty = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  #onClosed(connection: Connection, cause: CloseCause): void {
    const { observer, now } = this.#options
    const place = this.#connections.get(connection)
    this.#connections.delete(connection)
    this.#refused.delete(connection)
    if (this.#connections.size + this.#refused.size === 0) this.#onEmpty()
    if (place === undefined) return
    if (cause in ERRORS) place.closed(cause as ErrorCode, now())
    place.leave()
    if (place.seat !== null) observer.closed(place.seat.dialect, cause)
  }

  #tell(error: PlenumError, space: SpaceName | null): void {
    const { observer } = this.#options
    const { cause } = error
    observer.report(error.facts.level, error.message, {
      code: error.code,
      space,
      ...(cause === undefined ? {} : { cause }),
    })
  }
}

function destroyOnError(this: Duplex): void {
  this.destroy()
}
