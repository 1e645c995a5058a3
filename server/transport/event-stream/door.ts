/**
 * The second door, for networks that break WebSockets: `/sync/<space>` by plain requests. A GET opens a session and
 * brings its frames as events, POSTs take frames up, a DELETE leaves. Who may is judged as at the first door.
 */
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { PlenumError, toPlenumError } from '../../../shared/errors.js'
import {
  DELIVERY_PARAMETER,
  DELIVERY_POLL,
  EVENT_STREAM_TYPE,
  POLL_HEADER,
  SEQUENCE_HEADER,
  SESSION_HEADER,
  STREAM_EVENT,
  type StreamOpened,
} from '../../../shared/protocol/index.js'
import { type DoorOptions, Entrance } from '../entrance.js'
import { refusalOf, type Verdict } from '../judge.js'
import { Outlet } from '../outlet.js'
import type { Refusal } from '../ports.js'
import { refuseRequest } from '../refusal.js'
import { clientAddress, originOf, readTarget, type UpgradeTarget } from '../upgrade-request.js'
import { wishIn } from '../wish.js'
import { EventStreamConnection, type EventStreamKeeper } from './connection.js'
import { crossOriginHeaders, METHODS, PREFLIGHT_HEADERS } from './cross-origin.js'
import type { Delivery, Receiver } from './delivery.js'
import { PollDelivery } from './poll-delivery.js'
import { readBody } from './read-body.js'
import { bearerOf, checkOwner, isSameBearer, newKey, Sessions, type StreamSession } from './sessions.js'
import { namedEvent, SharedEvents } from './shared-events.js'
import { StreamDelivery } from './stream-delivery.js'
import { OutOfOrder } from './upload-order.js'

/** A request while it is answered. */
interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly target: UpgradeTarget
  /** For whatever answer it gets. */
  readonly headers: OutgoingHttpHeaders
}

/** Refused with more than a code. */
class Refused extends Error {
  readonly refusal: Refusal
  override readonly cause: unknown

  constructor(refusal: Refusal, cause: unknown) {
    super(refusal.message)
    this.refusal = refusal
    this.cause = cause
  }
}

/** A body may hold one frame of the largest size, which stands behind its length. */
const MAX_LENGTH_BYTES = 8

export class EventStreamDoor {
  readonly #options: DoorOptions
  readonly #entrance: Entrance<EventStreamConnection>
  readonly #sessions = new Sessions()
  readonly #keeper: EventStreamKeeper

  constructor(options: DoorOptions) {
    this.#options = options
    this.#entrance = new Entrance('event_stream', options)
    this.#keeper = {
      heartbeat: options.heartbeat,
      outlet: new Outlet(new SharedEvents()),
      onFault: (connection, error) => this.#entrance.tellFault(connection, error),
      onClosed: (connection, cause) => {
        this.#sessions.remove(connection)
        this.#entrance.closed(connection, cause)
      },
    }
  }

  get connections(): number {
    return this.#entrance.connections
  }

  /**
   * For an http server's `request` event, before anything that resolves `..` in the target, and for express.
   * @returns whether the request is this door's; it is answered then
   */
  handle(request: IncomingMessage & { readonly originalUrl?: string }, response: ServerResponse): boolean {
    const { basePath, trustedProxies, admission } = this.#options
    const target = readTarget(request.originalUrl ?? request.url ?? '', basePath)
    if (target === null) return false
    const isAllowed = admission.allowsOrigin(originOf(request, trustedProxies))
    const exchange = { request, response, target, headers: crossOriginHeaders(request, isAllowed) }
    this.#serve(exchange).catch(error => this.#refuse(exchange, error))
    return true
  }

  /** From now on nobody new is let in; whoever is inside is served until the end. */
  stopAccepting(): void {
    this.#entrance.stopAdmitting()
  }

  /** Pings what is due and ends what is dead. Call it once a second. */
  sweep(nowMs: number): void {
    this.#entrance.sweep(nowMs)
  }

  /**
   * Waits for sessions to end by themselves, then ends what is left. Idempotent.
   * @param graceMs how long last events that are under way may take
   */
  close(graceMs: number): Promise<void> {
    return this.#entrance.close(graceMs)
  }

  async #serve(exchange: Exchange): Promise<void> {
    const { request } = exchange
    switch (request.method) {
      case 'GET':
        wantsEvents(request)
        if (request.headers[SESSION_HEADER] === undefined) await this.#open(exchange)
        else await this.#poll(exchange)
        return
      case 'POST':
        await this.#receive(exchange)
        return
      case 'DELETE':
        await this.#leave(exchange)
        return
      case 'OPTIONS':
        this.#preflight(exchange)
        return
      default:
        exchange.response.setHeader('Allow', `${METHODS}, OPTIONS`)
        throw new PlenumError('no_method', `use ${METHODS}, or a WebSocket`)
    }
  }

  async #open({ request, response, target, headers }: Exchange): Promise<void> {
    const verdict = await this.#entrance.judge(request, { target, dialect: 'plenum', subprotocols: [] })
    if (verdict.type === 'refused') throw new Refused(verdict.refusal, verdict.cause)
    if (response.destroyed) {
      verdict.place.leave()
      return
    }
    try {
      const session = this.#start({ request, response, target, headers }, verdict)
      this.#sessions.add(session)
      this.#entrance.admit(session.connection, verdict, wishIn(target.query, 'plenum'))
    } catch (error) {
      verdict.place.leave()
      throw error
    }
  }

  #start(exchange: Exchange, { space, access }: Verdict & { readonly type: 'admitted' }): StreamSession {
    const { request, response, target, headers } = exchange
    const { elapsed, heartbeat } = this.#options
    const key = newKey()
    const made: { polls: PollDelivery | null } = { polls: null }
    const openDelivery = (receiver: Receiver): Delivery => {
      const opened: StreamOpened = { session: key, beatMs: Math.ceil(heartbeat.beatMs) }
      let delivery: Delivery
      if (target.query.get(DELIVERY_PARAMETER) === DELIVERY_POLL) {
        made.polls = new PollDelivery(receiver)
        made.polls.hold(response, headers)
        delivery = made.polls
      } else delivery = new StreamDelivery(response, ownSocket(response), headers, receiver)
      delivery.write(namedEvent(STREAM_EVENT.open, JSON.stringify(opened)))
      return delivery
    }
    const connection = new EventStreamConnection({
      key,
      owner: { space, user: access.user },
      nowMs: elapsed(),
      keeper: this.#keeper,
      openDelivery,
    })
    return {
      connection,
      polls: made.polls && { delivery: made.polls, last: 1 },
      bearer: bearerOf(request, target, access.expiresAtMs),
    }
  }

  async #poll(exchange: Exchange): Promise<void> {
    const { request, response, headers } = exchange
    const { connection, polls } = await this.#sessionOf(exchange)
    const number = readNumber(request, POLL_HEADER)
    if (polls === null) throw new PlenumError('bad_request', 'this session has a stream')
    if (number !== polls.last + 1 || polls.delivery.isBusy) {
      // What an answer brought that did not arrive cannot be brought again.
      connection.close('out_of_order', 'a poll came out of turn')
      throw new OutOfOrder(polls.last + 1)
    }
    if (response.destroyed) return
    polls.last = number
    connection.heard()
    polls.delivery.hold(response, headers)
  }

  async #receive(exchange: Exchange): Promise<void> {
    const { request, response, headers } = exchange
    const { connection, polls } = await this.#sessionOf(exchange)
    const number = readNumber(request, SEQUENCE_HEADER)
    // Whoever polls gives signs of life by polling.
    const heard = (): void => {
      if (polls === null) connection.heard()
    }
    heard()
    try {
      await connection.uploads.take(number, {
        isOpen: () => connection.isOpen,
        read: () =>
          readBody(request, {
            maxBytes: this.#options.maxPayloadBytes + MAX_LENGTH_BYTES,
            onProgress: heard,
          }),
        handle: body => connection.receive(body),
      })
    } catch (error) {
      const { code, message } = toPlenumError(error)
      if (code === 'too_large') connection.close(code, message)
      throw error
    }
    response.writeHead(204, headers).end()
  }

  async #leave(exchange: Exchange): Promise<void> {
    const { response, headers } = exchange
    try {
      const { connection } = await this.#sessionOf(exchange)
      connection.leave()
    } catch (error) {
      if (toPlenumError(error).code !== 'no_session') throw error
    }
    response.writeHead(204, headers).end()
  }

  /** @throws what a bearer is refused with; no_session, forbidden */
  async #sessionOf({ request, target }: Exchange): Promise<StreamSession> {
    const { admission, now, elapsed, trustedProxies } = this.#options
    const named = this.#sessions.named(request)
    const bearer = bearerOf(request, target, named?.bearer.expiresAtMs ?? null)
    if (named !== undefined && isSameBearer(named.bearer, bearer, now())) {
      const address = clientAddress(request, trustedProxies)
      const refusal = admission.glance(address, originOf(request, trustedProxies), elapsed())
      if (refusal !== null) throw new Refused(refusal, undefined)
      return named
    }
    const asked = { target, dialect: 'plenum', subprotocols: [] } as const
    const recognition = await this.#entrance.recognise(request, asked)
    if (recognition.type === 'refused') throw new Refused(recognition.refusal, recognition.cause)
    const { space, access } = recognition
    // It may have ended while the token was looked at.
    const session = checkOwner(this.#sessions.named(request), { space, user: access.user })
    session.bearer = { ...bearer, expiresAtMs: access.expiresAtMs }
    return session
  }

  #preflight({ request, response, headers }: Exchange): void {
    const { admission, trustedProxies } = this.#options
    if (!admission.allowsOrigin(originOf(request, trustedProxies))) throw new PlenumError('origin_denied')
    response.writeHead(204, { ...headers, ...PREFLIGHT_HEADERS, Allow: `${METHODS}, OPTIONS` }).end()
  }

  #refuse({ request, response, headers }: Exchange, error: unknown): void {
    const refused = error instanceof Refused ? error : null
    const known = toPlenumError(error)
    const refusal = refused?.refusal ?? refusalOf(known)
    const address = clientAddress(request, this.#options.trustedProxies)
    this.#entrance.tellRefused('request refused', refusal, address, refused?.cause ?? known.cause)
    if (response.headersSent || response.destroyed) {
      response.destroy()
      return
    }
    for (const [name, value] of Object.entries(headers))
      if (value !== undefined) response.setHeader(name, value)
    // Nobody wants the rest of its body.
    if (!request.complete) response.setHeader('Connection', 'close')
    refuseRequest(response, refusal, error instanceof OutOfOrder ? { expected: error.expected } : {})
  }
}

/** @throws bad_request */
const wantsEvents = ({ headers: { accept } }: IncomingMessage): void => {
  if (accept?.includes(EVENT_STREAM_TYPE) === true) return
  throw new PlenumError('bad_request', `open a WebSocket here, or accept ${EVENT_STREAM_TYPE}`)
}

/** @throws bad_request where another answer has to come first */
const ownSocket = ({ socket }: ServerResponse): NonNullable<ServerResponse['socket']> => {
  if (socket === null) throw new PlenumError('bad_request', 'a stream needs a connection of its own')
  return socket
}

/** @throws bad_request */
const readNumber = ({ headers }: IncomingMessage, name: string): number => {
  const text = headers[name]
  if (typeof text === 'string' && /^[1-9]\d{0,14}$/.test(text)) return Number(text)
  throw new PlenumError('bad_request', `the header ${name} must be a number from 1`)
}
