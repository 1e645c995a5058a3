/**
 * A program that watches a space over an event stream: a connection like any other, that is asked and answers by
 * itself, says nothing, and is told in events what its session is sent in frames. It is sent no stream with holes:
 * ids stand where everything before has been told.
 */
import type { ServerResponse } from 'node:http'
import { ERRORS, type ErrorCode } from '../../../shared/errors.js'
import {
  type ClientMessage,
  decodeServerMessage,
  EMPTY_UPDATE,
  encodeMessage,
  formatResumePoint,
  type LeaveReason,
  type ServerMessage,
} from '../../../shared/protocol/index.js'
import type { AttestedIntentions } from '../../space/intentions-desk.js'
import { leaveReasonOf } from '../../space/leave-reason.js'
import type { Peer } from '../../space/peer.js'
import type { SpaceSnapshot } from '../../space/space-desk.js'
import { CLOSE_TIMEOUT_MS } from '../keeper.js'
import type { Session } from '../ports.js'
import { unsentBytes } from '../unsent.js'
import { BEAT_TEXT, eventText, idText } from './event-text.js'
import { presenceNews, type Watched, type Wording } from './watched.js'

/** A session as far as a watcher looks into it. */
export interface WatchedSession extends Session {
  readonly flow: { readonly type: 'joining' | 'live' | 'behind' }
  /** Everything up to this position has been sent. */
  readonly sentPosition: number
}

export interface WatcherOptions {
  readonly response: ServerResponse
  readonly wording: Wording
  readonly wanted: ReadonlySet<Watched>
  readonly beatMs: number
  /** How long what was written may lie there without anything of it being taken. */
  readonly stuckMs: number
  /** Asks for the intentions as they are now. */
  readonly intentions: () => Promise<AttestedIntentions>
  /** The stream has ended: by us with a code, or by whoever watched. Called once. */
  readonly onEnded: (code: ErrorCode | null) => void
}

/** With more than this unsent nothing is asked for that could be told later. */
const MAX_UNSENT_BYTES = 1024 * 1024

interface Heard {
  readonly message: ServerMessage
  /** Where the log was when it was sent; null where only the end of this tick knows. */
  readonly position: number | null
}

export class Watcher implements Peer {
  readonly #options: WatcherOptions
  #session: WatchedSession | null = null
  #heard: Heard[] = []
  #heardBytes = 0
  #isTelling = false
  #epoch = ''
  #code: ErrorCode | null = null
  #reason = ''
  #hasLeft = false
  #hasEnded = false
  #wroteAtMs: number | null = null
  #takenBytes = 0
  #takenAtMs = 0
  #closedAtMs: number | null = null
  #intentions: 'told' | 'changed' | 'asked' = 'told'
  #toldIntentions = ''

  constructor(options: WatcherOptions) {
    this.#options = options
    options.response.on('drain', () => {
      if (!this.#hasLeft) this.#session?.drained()
    })
    options.response.on('close', () => this.#ended())
  }

  get isOver(): boolean {
    return this.#hasEnded || this.#code !== null
  }

  get bufferedBytes(): number {
    const { writableLength, socket } = this.#options.response
    const unsent =
      socket === null ? writableLength : writableLength - socket.writableLength + unsentBytes(socket)
    return unsent + this.#heardBytes
  }

  send(frame: Uint8Array): void {
    if (this.isOver) return
    // While it is live, what is relayed is counted before it is sent; an answer is counted after it.
    const isLive = this.#session?.flow.type === 'live'
    this.#heard.push({
      message: decodeServerMessage(frame),
      position: isLive ? this.#session!.sentPosition : null,
    })
    this.#heardBytes += frame.length
    this.#tellSoon()
  }

  close(code: ErrorCode, reason: string = ERRORS[code].text): void {
    if (this.isOver) return
    this.#tell()
    this.#code = code
    this.#reason = reason
    // Before it has begun it has no head yet: that comes first.
    if (this.#session === null) return
    this.#end()
    // The session may be the caller: let it finish before it hears that it has left.
    queueMicrotask(() => this.#leave(leaveReasonOf(code)))
  }

  /**
   * Begins to tell.
   * @param start what is told first: everything, or to who goes on from where they were, what no position tells of
   * @param stateVector of the copy that the changes are for
   */
  begin(
    session: WatchedSession,
    start: { readonly snapshot: SpaceSnapshot; readonly isResumed: boolean },
    stateVector: Uint8Array,
  ): void {
    this.#session = session
    if (this.isOver) {
      if (this.#code !== null) this.#end()
      this.#leave(this.#code === null ? 'closed' : leaveReasonOf(this.#code))
      return
    }
    this.#start(start)
    this.#say({ type: 'step1', stateVector })
    this.#tellSoon()
  }

  /** Ends the stream as it is. */
  terminate(): void {
    this.#options.response.destroy()
  }

  /** Once a second. */
  sweep(nowMs: number): void {
    const { response, beatMs, stuckMs } = this.#options
    if (this.#code !== null) {
      this.#closedAtMs ??= nowMs
      if (nowMs - this.#closedAtMs >= CLOSE_TIMEOUT_MS) response.destroy()
      return
    }
    const unsent = this.bufferedBytes
    const taken = (response.socket?.bytesWritten ?? 0) - unsent
    if (unsent === 0 || taken !== this.#takenBytes) {
      this.#takenBytes = taken
      this.#takenAtMs = nowMs
    } else if (nowMs - this.#takenAtMs >= stuckMs) {
      this.close('too_slow')
      return
    }
    this.#wroteAtMs ??= nowMs
    if (unsent === 0 && nowMs - this.#wroteAtMs >= beatMs) {
      this.#write(BEAT_TEXT)
      this.#wroteAtMs = nowMs
    }
    this.#askIntentions()
  }

  #start({ snapshot, isResumed }: { readonly snapshot: SpaceSnapshot; readonly isResumed: boolean }): void {
    const { response, wording, wanted } = this.#options
    this.#epoch = snapshot.epoch
    this.#toldIntentions = JSON.stringify(snapshot.intentions)
    response.flushHeaders()
    if (!isResumed) {
      if (wanted.has('snapshot')) this.#write(eventText('snapshot', wording.snapshot(snapshot)))
      return
    }
    const { presence, intentions } = snapshot
    const everybody = { isWhole: true, present: presence, gone: [] }
    if (wanted.has('presence')) this.#write(eventText('presence', wording.presence(everybody)))
    if (wanted.has('intentions')) this.#write(eventText('intentions', wording.intentions(intentions)))
  }

  /** At the end of this tick, when it is known how far what was sent goes. */
  #tellSoon(): void {
    if (this.#isTelling || this.#session === null) return
    this.#isTelling = true
    queueMicrotask(() => {
      this.#isTelling = false
      if (!this.isOver) this.#tell()
    })
  }

  #tell(): void {
    const session = this.#session
    if (session === null) return
    const heard = this.#heard
    this.#heard = []
    this.#heardBytes = 0
    const positionOf = ({ position }: Heard): number => position ?? session.sentPosition
    let text = ''
    for (const [i, each] of heard.entries()) {
      const position = positionOf(each)
      // Of several changes that are one step of the log, only the last is a place to go on from.
      const isMore = heard.slice(i + 1).some(later => isChange(later) && positionOf(later) === position)
      text += this.#textOf(each.message, position, isMore)
    }
    if (text !== '') this.#write(text)
  }

  #textOf(message: ServerMessage, position: number, isMore: boolean): string {
    const { wording, wanted } = this.#options
    switch (message.type) {
      case 'welcome':
        this.#epoch = message.epoch
        return ''
      case 'step1':
        // It has nothing of its own, and is told of the others once it said so.
        this.#say({ type: 'step2', update: EMPTY_UPDATE })
        return ''
      case 'step2':
      case 'update': {
        this.#intentionsChanged()
        if (!wanted.has('change')) return ''
        const id = isMore || position === 0 ? null : formatResumePoint({ epoch: this.#epoch, position })
        if (message.update.length > EMPTY_UPDATE.length) {
          return eventText('change', wording.change(message.update, position), id)
        }
        return id === null ? '' : idText(id)
      }
      case 'awareness': {
        const news = wanted.has('presence') ? presenceNews(message.entries) : null
        return news === null ? '' : eventText('presence', wording.presence(news))
      }
      case 'roster':
        return wanted.has('members') ? eventText('members', wording.members(message)) : ''
      default:
        // It edits nothing, and is told of the rest by other means.
        return ''
    }
  }

  #intentionsChanged(): void {
    if (!this.#options.wanted.has('intentions')) return
    const isFirst = this.#intentions === 'told'
    this.#intentions = 'changed'
    if (isFirst) this.#askIntentions()
  }

  /** One question at a time; what changes meanwhile is asked for by the next sweep. */
  #askIntentions(): void {
    if (this.#intentions !== 'changed' || this.bufferedBytes > MAX_UNSENT_BYTES) return
    this.#intentions = 'asked'
    this.#options.intentions().then(
      intentions => {
        if (this.#intentions === 'asked') this.#intentions = 'told'
        const json = JSON.stringify(intentions)
        if (this.isOver || json === this.#toldIntentions) return
        this.#toldIntentions = json
        this.#write(eventText('intentions', this.#options.wording.intentions(intentions)))
      },
      () => {
        // A space that is in trouble says so to its session.
        this.#intentions = 'changed'
      },
    )
  }

  #say(message: ClientMessage): void {
    const said = this.#session?.receive(encodeMessage(message))
    // A session closes whoever it cannot listen to.
    if (said !== undefined) said.catch(() => this.close('internal'))
  }

  #write(text: string): void {
    this.#options.response.write(text)
    this.#wroteAtMs = null
  }

  #end(): void {
    const { response, wording } = this.#options
    this.#write(eventText('close', wording.close(this.#code ?? 'internal', this.#reason)))
    response.end()
  }

  #leave(reason: LeaveReason): void {
    if (this.#hasLeft || this.#session === null) return
    this.#hasLeft = true
    this.#session.leave(reason)
  }

  #ended(): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#leave(this.#code === null ? 'closed' : leaveReasonOf(this.#code))
    this.#options.onEnded(this.#code)
  }
}

const isChange = ({ message }: Heard): boolean => message.type === 'update' || message.type === 'step2'
