/** Spaces that keep nothing: what a door hands them is written down, and each join ends as the test says. */
import type { Access, Dialect, Peer } from '../../server/space/peer.js'
import type { Session, Spaces } from '../../server/transport/index.js'
import type { SpaceName } from '../../shared/names.js'
import type { LeaveReason, ResumePoint } from '../../shared/protocol/index.js'

export type SpaceEvent =
  | { readonly type: 'frame'; readonly frame: Uint8Array }
  | { readonly type: 'drained' }
  | { readonly type: 'left' }

type JoinOptions = Parameters<Spaces['join']>[2]

/** One connection from the inside. */
export class FakeSession implements Session {
  readonly space: SpaceName
  readonly peer: Peer
  readonly dialect: Dialect
  readonly access: Access
  readonly authenticate: (token: string) => Promise<Access>
  readonly after: ResumePoint | null
  readonly needsRenewals: boolean
  readonly events: SpaceEvent[] = []
  /** What `receive` returns or throws, for the next frames. */
  onFrame: (frame: Uint8Array) => void | Promise<void> = () => {}
  #onEvent: (() => void)[] = []

  constructor(space: SpaceName, peer: Peer, options: JoinOptions) {
    this.space = space
    this.peer = peer
    this.dialect = options.dialect
    this.access = options.access
    this.authenticate = token => options.authenticate(token, space, options.access.user)
    this.after = options.after
    this.needsRenewals = options.needsRenewals
  }

  get frames(): Uint8Array[] {
    return this.events.flatMap(event => (event.type === 'frame' ? [event.frame] : []))
  }

  get hasLeft(): boolean {
    return this.events.some(event => event.type === 'left')
  }

  receive(frame: Uint8Array): void | Promise<void> {
    this.#tell({ type: 'frame', frame: frame.slice() })
    return this.onFrame(frame)
  }

  drained(): void {
    this.#tell({ type: 'drained' })
  }

  leave(_reason: LeaveReason, unread: readonly Uint8Array[] = []): void {
    for (const frame of unread) void this.receive(frame)
    this.#tell({ type: 'left' })
  }

  /** Resolves once the events so far satisfy the test. */
  async untilEvents(isEnough: (session: this) => boolean): Promise<void> {
    while (!isEnough(this)) await new Promise<void>(resolve => this.#onEvent.push(resolve))
  }

  #tell(event: SpaceEvent): void {
    this.events.push(event)
    for (const resolve of this.#onEvent.splice(0)) resolve()
  }
}

export class FakeRegistry implements Spaces {
  readonly sessions: FakeSession[] = []
  /** Called before a session is made; may wait or throw. */
  onJoin: (space: SpaceName, peer: Peer) => void | Promise<void> = () => {}
  #onSession: (() => void)[] = []

  async join(space: SpaceName, peer: Peer, options: JoinOptions): Promise<FakeSession> {
    await this.onJoin(space, peer)
    const session = new FakeSession(space, peer, options)
    this.sessions.push(session)
    for (const resolve of this.#onSession.splice(0)) resolve()
    return session
  }

  /** The n-th session since the beginning, from 0. */
  async session(index = 0): Promise<FakeSession> {
    while (this.sessions.length <= index) await new Promise<void>(resolve => this.#onSession.push(resolve))
    return this.sessions[index]!
  }
}
