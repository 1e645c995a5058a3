/**
 * Tells the living from the half-open. A connection is asked once per beat; one that gave no sign of life
 * from one beat to the next is dead, so a loss shows within two beats. Pure.
 */

/** In whole milliseconds: V8 keeps any other number in a box of its own, and there is a pulse of each connection. */
export interface Pulse {
  readonly nextBeatAtMs: number
  /** A ping is out and nothing was heard since. */
  readonly isAsked: boolean
  /** The last sign of life, ms. */
  readonly aliveAtMs: number
  readonly unsentBytes: number
  readonly takenBytes: number
}

export interface Signs {
  /** Anything came in since the last beat. */
  readonly wasHeard: boolean
  /** We did not read at some time since the last beat, so silence says nothing. */
  readonly wasPaused: boolean
  /** Bytes that the operating system has not taken yet. */
  readonly unsentBytes: number
  /** Bytes that it has taken since the connection began. */
  readonly takenBytes: number
}

export interface HeartbeatLimits {
  readonly beatMs: number
  /** How long a connection with unsent bytes may stand still: the ping waits behind them. */
  readonly stuckMs: number
}

/** The beat that keeps the promise of two beats although each waits for the next sweep. */
export const sweptBeatMs = (promisedMs: number, sweepMs: number): number => promisedMs - sweepMs / 2

export type Beat = 'early' | 'ask' | 'dead'

export const firstPulse = (nowMs: number, { beatMs }: HeartbeatLimits): Pulse => ({
  nextBeatAtMs: Math.round(nowMs + beatMs),
  isAsked: false,
  aliveAtMs: Math.round(nowMs),
  unsentBytes: 0,
  takenBytes: 0,
})

/** Before it there is nothing to look at. */
export const isBeatDue = ({ nextBeatAtMs }: Pulse, nowMs: number): boolean => nowMs >= nextBeatAtMs

export const nextPulse = (
  pulse: Pulse,
  signs: Signs,
  nowMs: number,
  limits: HeartbeatLimits,
): { readonly pulse: Pulse; readonly beat: Beat } => {
  if (!isBeatDue(pulse, nowMs)) return { pulse, beat: 'early' }
  const isMoving = pulse.unsentBytes > 0 && signs.takenBytes > pulse.takenBytes
  const isAlive = signs.wasHeard || signs.wasPaused || isMoving
  const aliveAtMs = isAlive ? Math.round(nowMs) : pulse.aliveAtMs
  const next: Pulse = {
    // A late sweep must not make the beats drift, and must not make up for missed ones.
    nextBeatAtMs: Math.round(Math.max(pulse.nextBeatAtMs + limits.beatMs, nowMs + limits.beatMs / 2)),
    isAsked: true,
    aliveAtMs,
    unsentBytes: signs.unsentBytes,
    takenBytes: signs.takenBytes,
  }
  if (isAlive || !pulse.isAsked) return { pulse: next, beat: 'ask' }
  const isStuck = signs.unsentBytes > 0
  if (isStuck && nowMs - aliveAtMs < limits.stuckMs) return { pulse: next, beat: 'early' }
  return { pulse: next, beat: 'dead' }
}
