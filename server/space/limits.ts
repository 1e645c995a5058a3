/** Every bound of the core, with its default. Bytes and milliseconds as named. */
export interface SpaceLimits {
  /** One WebSocket frame from a client. */
  readonly maxFrameBytes: number
  /** The encoded document; a message that would grow it further is refused with too_large. */
  readonly maxDocumentBytes: number
  /** One awareness state, as JSON. */
  readonly maxAwarenessBytes: number
  /** Where the token's identity is written into awareness states, as in `user.name=name`. */
  readonly identityPaths: readonly string[]
  /** A user who comes back within this time has never left. */
  readonly memberGraceMs: number
  /** Members who left that a space remembers, and for how long. */
  readonly maxMembersLeft: number
  readonly memberRetentionMs: number
  /** Connections to one space; one more is refused with rate_limited. */
  readonly maxPeersPerSpace: number
  /** What may wait for one slow connection before it is caught up by a diff instead. */
  readonly peerBudgetBytes: number
  /** Signals that one connection may send per second, and at once after a pause. */
  readonly signalsPerSecond: number
  /** Whether connections with the role `read` may send signals. */
  readonly readersSignal: 'on' | 'off'
  /** A slow connection that took nothing for this long is closed with too_slow. */
  readonly slowPeerDeadlineMs: number
  /** Document messages of one space that wait for the engine; beyond it, reading from their senders pauses. */
  readonly maxInboxBytes: number
  /** What one space may have applied and not on disk; beyond it, nothing more is applied. */
  readonly maxUncommittedBytes: number
  /** Engine time that one connection may use at once; beyond it, it is read from as its share allows. */
  readonly engineBurstMs: number
  /** The part of a core that one connection may use for long, in percent. */
  readonly engineSharePercent: number
  /** So many calls that the engine got stuck in suspend their space. */
  readonly maxStuckCalls: number
  /** For how long, from the last of them on. */
  readonly suspensionMs: number
  /** What is stored of a space must have been read by then. */
  readonly storeTimeoutMs: number
  /** An empty space leaves memory after this long. */
  readonly evictAfterMs: number
  /** A document that nobody edited for this long stays in memory as bytes alone. */
  readonly dormantAfterMs: number
  /** The longest that a busy space collects before it flushes. */
  readonly flushWindowMaxMs: number
}

export const DEFAULT_LIMITS: SpaceLimits = Object.freeze({
  maxFrameBytes: 64 * 2 ** 20,
  maxDocumentBytes: 64 * 2 ** 20,
  maxAwarenessBytes: 64 * 2 ** 10,
  identityPaths: Object.freeze(['user.id=id', 'user.name=name']),
  memberGraceMs: 30_000,
  maxMembersLeft: 500,
  memberRetentionMs: 30 * 86_400_000,
  maxPeersPerSpace: 10_000,
  peerBudgetBytes: 2 ** 20,
  signalsPerSecond: 20,
  readersSignal: 'on',
  slowPeerDeadlineMs: 30_000,
  maxInboxBytes: 4 * 2 ** 20,
  maxUncommittedBytes: 32 * 2 ** 20,
  engineBurstMs: 2_000,
  engineSharePercent: 50,
  maxStuckCalls: 3,
  suspensionMs: 600_000,
  storeTimeoutMs: 60_000,
  evictAfterMs: 30_000,
  dormantAfterMs: 10_000,
  flushWindowMaxMs: 30,
})

/** A connection that was sent nothing for this long gets an empty frame: stock providers reconnect after 30 s. */
export const KEEPALIVE_AFTER_MS = 20_000
