/**
 * The WebSocket door: `/sync/<space>`. From an upgrade request to a connection inside its space, or to a
 * refusal in the form that the client can read.
 */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import { PlenumError, toPlenumError } from '../../../shared/errors.js'
import { parseSpacePath } from '../../../shared/names.js'
import { SUBPROTOCOL_PROBE } from '../../../shared/protocol/index.js'
import type { Dialect } from '../../space/peer.js'
import { type DoorOptions, Entrance } from '../entrance.js'
import { refusalOf, type Verdict } from '../judge.js'
import { Outlet } from '../outlet.js'
import type { Place, Refusal } from '../ports.js'
import type { ReadPace } from '../read-pace.js'
import { refuseUpgrade } from '../refusal.js'
import { clientAddress, originOf, readTarget, type UpgradeTarget } from '../upgrade-request.js'
import { type Wish, wishIn } from '../wish.js'
import { BufferPool } from './buffer-pool.js'
import { Connection, type WebSocketKeeper } from './connection.js'
import { DEFLATE_TERMS, inflateInPlace } from './deflate.js'
import { MAX_PROBES, Probes } from './probe.js'
import { SharedFrames } from './shared-frames.js'
import { isProbe, type Offer, offeredValues, readOffer } from './subprotocol.js'
import { canStartLate, Handshake, startLate } from './ws-internals.js'

/** A message beyond `maxPayloadBytes`, inflated, ends its connection with 1009. */
export interface WebSocketDoorOptions extends DoorOptions {
  /** Whether permessage-deflate is agreed on where a client offers it. */
  readonly isCompressing: boolean
  /** In a process that may rest while much comes. */
  readonly readPace: ReadPace | null
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
  /** Whether the server does handshakes and no more: `ws` is given a socket when it is needed. */
  readonly #buffers = new BufferPool()
  readonly #isStartedLate: boolean
  readonly #entrance: Entrance<Connection>
  readonly #probes: Probes
  readonly #keeper: WebSocketKeeper
  #isDraining = false

  constructor(options: WebSocketDoorOptions) {
    this.#options = options
    this.#entrance = new Entrance('websocket', options)
    this.#probes = new Probes(options.elapsed)
    this.#keeper = {
      heartbeat: options.heartbeat,
      outlet: new Outlet(new SharedFrames()),
      readPace: options.readPace,
      onFault: (connection, error) => this.#entrance.tellFault(connection, error),
      onClosed: (connection, cause) => this.#entrance.closed(connection, cause),
      wireTerms: {
        maxPayloadBytes: options.maxPayloadBytes,
        buffers: this.#buffers,
        start: socket => startLate(socket, this.#server.options),
      },
    }
    this.#isStartedLate = canStartLate && !options.isCompressing
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: options.isCompressing ? DEFLATE_TERMS : false,
      maxPayload: options.maxPayloadBytes,
      handleProtocols: protocols =>
        isProbe([...protocols]) ? SUBPROTOCOL_PROBE : (readOffer([...protocols]).selected ?? false),
      ...(this.#isStartedLate ? { WebSocket: Handshake } : {}),
    })
  }

  get connections(): number {
    return this.#entrance.connections
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
    const offered = offeredValues(request.headers['sec-websocket-protocol'])
    if (isProbe(offered)) {
      this.#probe(upgrade, target)
      return
    }
    let offer: Offer
    try {
      offer = readOffer(offered)
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
    this.#isDraining = true
    this.#entrance.stopAdmitting()
  }

  /** Pings what is due, ends what is dead, and lets go of memory that is not needed. Call it once a second. */
  sweep(nowMs: number): void {
    this.#entrance.sweep(nowMs)
    this.#probes.sweep(nowMs)
    this.#buffers.sweep()
  }

  /**
   * Waits for connections to end by themselves, then ends what is left. Idempotent.
   * @param graceMs how long close frames that are under way may take
   */
  async close(graceMs: number): Promise<void> {
    this.stopAccepting()
    this.#probes.close()
    await this.#entrance.close(graceMs)
    this.#server.close()
  }

  async #decide(upgrade: Upgrade, target: UpgradeTarget, { dialect, values }: Offer): Promise<void> {
    const asked = { target, dialect, subprotocols: values }
    const verdict = await this.#entrance.judge(upgrade.request, asked)
    if (verdict.type === 'admitted') this.#accept(upgrade, wishIn(target.query, dialect), verdict)
    else this.#refuse(upgrade, dialect, verdict.refusal, verdict.cause)
  }

  #accept(upgrade: Upgrade, wish: Wish, admitted: Verdict & { readonly type: 'admitted' }): void {
    const connection = this.#open(upgrade)
    if (connection === null) admitted.place.leave()
    else this.#entrance.admit(connection, admitted, wish)
  }

  /** Needs no token and no space: a place is all that it takes. */
  #probe(upgrade: Upgrade, { spacePath }: UpgradeTarget): void {
    const place = this.#placeForProbe(upgrade, spacePath)
    if (!('leave' in place)) {
      this.#refuse(upgrade, 'stock', place)
      return
    }
    const ws = this.#upgrade(upgrade)
    if (ws === null) {
      place.leave()
      return
    }
    const { socket } = upgrade
    this.#probes.start(this.#isStartedLate ? startLate(socket, this.#server.options) : ws, socket, place)
  }

  #placeForProbe({ request, address }: Upgrade, spacePath: string): Place | Refusal {
    const { admission, elapsed, trustedProxies } = this.#options
    try {
      parseSpacePath(spacePath)
      if (this.#isDraining) throw new PlenumError('draining')
      if (this.#probes.size >= MAX_PROBES) throw new PlenumError('rate_limited', 'too many probes at once')
    } catch (error) {
      return refusalOf(toPlenumError(error))
    }
    return admission.enter(address, originOf(request, trustedProxies), elapsed())
  }

  /** Null where the request was no WebSocket handshake or its socket is gone. */
  #open(upgrade: Upgrade): Connection | null {
    const { elapsed, maxPayloadBytes } = this.#options
    const { socket } = upgrade
    const ws = this.#upgrade(upgrade)
    if (ws === null) return null
    inflateInPlace(ws, maxPayloadBytes)
    const started = this.#isStartedLate ? null : ws
    return new Connection({ socket, ws: started, nowMs: elapsed(), keeper: this.#keeper })
  }

  /** What completed the handshake, where it was one. */
  #upgrade({ request, socket, head }: Upgrade): WebSocket | null {
    let opened: WebSocket | null = null
    // Node's own, which has nothing to do on the sockets of an http server: two listeners take less than three.
    for (const listener of socket.listeners('end')) socket.off('end', listener as () => void)
    this.#server.handleUpgrade(request, socket, head, (ws: WebSocket) => {
      opened = ws
    })
    if (this.#isStartedLate && head.length > 0) socket.unshift(head)
    return opened
  }

  /**
   * Says no: by HTTP status, or, where the client speaks `plenum.v1`, by a close code after accepting, since a
   * browser shows a refused upgrade as a bare 1006.
   */
  #refuse(upgrade: Upgrade, dialect: Dialect, refusal: Refusal, cause?: unknown): void {
    this.#entrance.tellRefused('upgrade refused', refusal, upgrade.address, cause)
    if (dialect === 'stock' || this.#entrance.refusedOpen >= MAX_REFUSED_OPEN) {
      refuseUpgrade(upgrade.socket, refusal)
      return
    }
    const connection = this.#open(upgrade)
    if (connection !== null) this.#entrance.turnAway(connection, refusal)
  }
}

function destroyOnError(this: Duplex): void {
  this.destroy()
}
