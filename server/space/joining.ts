/**
 * How a connection comes into a space: whoever is welcome has it opened and gets a session there, as long as there
 * is room. Nothing of an attempt that is refused stays.
 */
import { PlenumError } from '../../shared/errors.js'
import type { SpaceName } from '../../shared/names.js'
import { PROTOCOL_VERSION, type ResumePoint } from '../../shared/protocol/index.js'
import type { SpaceLimits } from './limits.js'
import type { OpenSpaces } from './open-spaces.js'
import type { Access, Dialect, Peer } from './peer.js'
import type { Revocations } from './revocations.js'
import type { Scheduler } from './scheduler.js'
import { type Authenticate, Session } from './session.js'

export interface JoiningOptions {
  readonly spaces: OpenSpaces
  readonly revocations: Revocations
  readonly scheduler: Scheduler
  readonly randomId: () => string
  readonly limits: SpaceLimits
}

export interface JoinOptions {
  readonly dialect: Dialect
  readonly access: Access
  readonly authenticate: Authenticate
  /** From where the client wants to go on. */
  readonly after?: ResumePoint | null
  /** Whether its client takes others for gone that are not renewed; without it, yes, as stock ones do. */
  readonly needsRenewals?: boolean
}

export class Joining {
  readonly #options: JoiningOptions
  #joined = 0

  constructor(options: JoiningOptions) {
    this.#options = options
  }

  /** @throws as Registry.join */
  async join(name: SpaceName, peer: Peer, options: JoinOptions): Promise<Session> {
    const { spaces, revocations, limits, scheduler, randomId } = this.#options
    await revocations.expectWelcome(name, options.access.user)
    let space = await spaces.open(name)
    // It may have ended in the very turn in which this one waited for it.
    while (spaces.opened(name) !== space) space = await spaces.open(name)
    revocations.expectStillWelcome(name, options.access.user)
    if (spaces.isDraining) throw new PlenumError('draining')
    if (space.peerCount >= limits.maxPeersPerSpace) {
      throw new PlenumError('rate_limited', 'too many connections to this space')
    }
    const { dialect, access, after, needsRenewals = true } = options
    // Written out: an object that is spread into another has a shape of its own, and that takes room.
    const session = new Session({
      dialect,
      access,
      authenticate: options.authenticate,
      peer,
      order: ++this.#joined,
      inbox: space,
      scheduler,
      maxFrameBytes: limits.maxFrameBytes,
      resumeAfter: after?.epoch === space.epoch ? after.position : null,
      needsRenewals,
    })
    if (dialect === 'plenum') {
      session.send({
        type: 'welcome',
        version: PROTOCOL_VERSION,
        session: randomId(),
        incarnation: space.incarnation,
        epoch: space.epoch,
        user: access.user,
        role: access.role,
        serverTimeMs: scheduler.now(),
        limits,
        expiresAtMs: access.expiresAtMs ?? 0,
      })
    }
    space.join(session)
    return session
  }
}
