/**
 * When to connect, when to wait and when to stop: one owner's attempts, one after the other, as a pure state
 * machine. 44xx stops and says why, 45xx and a lost network come back with a growing, jittered wait; what the
 * server asked for is waited out, whatever the hints.
 */
import { assertNever, ERRORS, PlenumError } from '../../shared/errors.js'
import { backoffMs, type Pace } from './backoff.js'
import type { Close } from './connection-closed.js'

export interface Stop {
  readonly close: Close
  /** A new login would help; nothing else does. */
  readonly needsAuth: boolean
}

interface Tally {
  /** Attempts and connections in a row that ended before they had synced, or since. */
  readonly failures: number
  /** Expired tokens in a row, none of them followed by a welcome. */
  readonly expiries: number
}

interface Schedule {
  /** No attempt begins before this moment. */
  readonly notBeforeMs: number
  /** The server named it: no hint overrules it. */
  readonly isServerPaced: boolean
}

export type AttemptState = Tally &
  (
    | ({ readonly phase: 'idle' } & Schedule)
    /** An attempt is wanted, and waits for its time. */
    | ({ readonly phase: 'waiting' } & Schedule)
    /** The app is asked for a token. */
    | { readonly phase: 'authorizing' }
    /** The transport is under way, or open without a welcome. */
    | { readonly phase: 'dialing' }
    /** `drainDelayMs`: the server will go, and told when to come back. */
    | { readonly phase: 'open'; readonly drainDelayMs: number | null }
    /** Between two connections, of which the second will be better: its owner comes back at once. */
    | { readonly phase: 'moving' }
    | { readonly phase: 'stopped'; readonly stop: Stop }
    /** Stopped, and an owner that does not know it wants an attempt: it is kept waiting without a network. */
    | { readonly phase: 'parked'; readonly stop: Stop }
  )

export type AttemptEvent =
  /** `isDeliberate`: by somebody who knows that we stopped. */
  | { readonly type: 'wanted'; readonly isDeliberate: boolean }
  | { readonly type: 'due' }
  /** The network is back, or the user is. */
  | { readonly type: 'hint' }
  | { readonly type: 'token' }
  /** The app has none to give. */
  | { readonly type: 'no-token' }
  | { readonly type: 'token-failed' }
  | { readonly type: 'welcomed' }
  /** The connection did what it is for: a document was synced. */
  | { readonly type: 'synced' }
  | { readonly type: 'draining'; readonly delayMs: number }
  | { readonly type: 'lost'; readonly close: Close; readonly isPermanent: boolean }
  /** The transport left for a better way; nothing is wrong. */
  | { readonly type: 'moved' }
  /** The owner let go of its attempt. */
  | { readonly type: 'released' }
  | { readonly type: 'resume' }

export type Effect =
  | { readonly type: 'none' }
  | { readonly type: 'wait'; readonly delayMs: number }
  | { readonly type: 'authorize' }
  | { readonly type: 'dial' }
  | { readonly type: 'open' }
  /** The attempt is over, and its owner is told. */
  | { readonly type: 'end'; readonly close: Close }
  /** The attempt is over by its owner's wish. */
  | { readonly type: 'hang-up' }

export interface Circumstances {
  readonly nowMs: number
  /** At least 0 and below 1. */
  readonly random: number
  readonly pace: Pace
}

export interface Step {
  readonly state: AttemptState
  readonly effect: Effect
}

export const IDLE: AttemptState = Object.freeze({
  phase: 'idle',
  failures: 0,
  expiries: 0,
  notBeforeMs: 0,
  isServerPaced: false,
})

const LOST = 1006
/** RFC 6455's registry: "service restart". */
const MOVED: Close = Object.freeze({ code: 1012, reason: 'there is a better way' })
const MAX_EXPIRIES = 2
const NONE: Effect = { type: 'none' }

/** Codes with which coming back is pointless, unless an app knows better. */
export const isPermanentClose = ({ code }: Close): boolean => code >= 4400 && code < 4500

/** A message too large for the other end ends a WebSocket with 1009, and would again. */
export const reportedClose = (close: Close): Close =>
  close.code === 1009
    ? { code: ERRORS.too_large.close, reason: close.reason || ERRORS.too_large.text }
    : close

/**
 * What follows from an event, and what is to be done about it.
 * @throws internal for an event that cannot be in this state
 */
export const nextAttempt = (state: AttemptState, event: AttemptEvent, at: Circumstances): Step => {
  switch (event.type) {
    case 'wanted':
      if (state.phase === 'idle') return wanted(state, at)
      if (state.phase === 'moving') return authorize(state)
      if (state.phase !== 'stopped') return impossible(state, event)
      return event.isDeliberate ? afresh() : still({ ...state, phase: 'parked' })
    case 'due':
      return state.phase === 'waiting' ? authorize(state) : impossible(state, event)
    case 'hint':
      if (state.phase === 'waiting') return state.isServerPaced ? still(state) : authorize(state)
      if (state.phase === 'idle' && !state.isServerPaced) return still({ ...state, notBeforeMs: 0 })
      return still(state)
    case 'token':
      if (state.phase !== 'authorizing') return impossible(state, event)
      return { state: { ...tally(state), phase: 'dialing' }, effect: { type: 'dial' } }
    case 'no-token':
      if (state.phase !== 'authorizing') return impossible(state, event)
      return stopped(state, { code: ERRORS.unauthenticated.close, reason: 'the app has no token' })
    case 'token-failed':
      if (state.phase !== 'authorizing') return impossible(state, event)
      return failed(state, { code: LOST, reason: 'no token could be fetched' }, at)
    case 'welcomed':
      if (state.phase !== 'dialing') return impossible(state, event)
      return {
        state: { failures: state.failures, expiries: 0, phase: 'open', drainDelayMs: null },
        effect: { type: 'open' },
      }
    case 'synced':
      return state.phase === 'open' ? still({ ...state, failures: 0 }) : impossible(state, event)
    case 'draining':
      if (state.phase !== 'open') return impossible(state, event)
      return still({ ...state, drainDelayMs: event.delayMs })
    case 'lost':
      if (state.phase !== 'dialing' && state.phase !== 'open') return impossible(state, event)
      return event.isPermanent ? stopped(state, event.close) : failed(state, event.close, at)
    case 'moved':
      if (state.phase !== 'dialing' && state.phase !== 'open') return impossible(state, event)
      // Who was told when to come back is not early.
      if (state.phase === 'open' && state.drainDelayMs !== null) return failed(state, MOVED, at)
      return { state: { ...tally(state), phase: 'moving' }, effect: { type: 'end', close: MOVED } }
    case 'released':
      if (state.phase === 'idle' || state.phase === 'stopped') return impossible(state, event)
      return { state: idleAfter(state), effect: { type: 'hang-up' } }
    case 'resume':
      if (state.phase === 'idle') return still(IDLE)
      if (state.phase === 'stopped') return still(IDLE)
      return state.phase === 'waiting' || state.phase === 'parked' ? afresh() : still(state)
    default:
      return assertNever(event)
  }
}

const tally = ({ failures, expiries }: Tally): Tally => ({ failures, expiries })

const still = (state: AttemptState): Step => ({ state, effect: NONE })

const authorize = (state: Tally): Step => ({
  state: { ...tally(state), phase: 'authorizing' },
  effect: { type: 'authorize' },
})

/** Nothing of what went wrong before counts any more. */
const afresh = (): Step => authorize(IDLE)

const wanted = (state: AttemptState & { phase: 'idle' }, { nowMs }: Circumstances): Step => {
  const delayMs = state.notBeforeMs - nowMs
  if (delayMs <= 0) return authorize(state)
  return { state: { ...state, phase: 'waiting' }, effect: { type: 'wait', delayMs } }
}

const stopped = (state: Tally, close: Close): Step => {
  const needsAuth = close.code === ERRORS.unauthenticated.close || close.code === ERRORS.token_expired.close
  return {
    state: { ...tally(state), phase: 'stopped', stop: { close, needsAuth } },
    effect: { type: 'end', close },
  }
}

const failed = (state: AttemptState, close: Close, { nowMs, random, pace }: Circumstances): Step => {
  const failures = state.failures + 1
  const hasExpired = close.code === ERRORS.token_expired.close
  const expiries = hasExpired ? state.expiries + 1 : state.expiries
  if (expiries >= MAX_EXPIRIES) return stopped({ failures, expiries }, close)
  // A fresh token needs no patience, unless connections keep failing.
  const ownDelayMs = hasExpired && failures === 1 ? 0 : backoffMs(failures, random, pace)
  const drainDelayMs = state.phase === 'open' ? state.drainDelayMs : null
  return {
    state: {
      phase: 'idle',
      failures,
      expiries,
      notBeforeMs: nowMs + ownDelayMs + (drainDelayMs ?? 0),
      isServerPaced: drainDelayMs !== null,
    },
    effect: { type: 'end', close },
  }
}

/** Whoever let go and wants again does it on purpose: at once, and stopped no more. */
const idleAfter = (state: AttemptState): AttemptState =>
  state.phase === 'parked' ? IDLE : { ...IDLE, ...tally(state) }

const impossible = (state: AttemptState, event: AttemptEvent): never => {
  throw new PlenumError('internal', `"${event.type}" cannot be while the attempt is ${state.phase}`)
}
