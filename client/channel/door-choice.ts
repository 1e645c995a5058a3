/**
 * Through which door to the server, as a pure state machine: the one that worked last, then the others; a better one
 * again once a look at it was good. A door that fails after a good look is looked at much later, so that nobody goes
 * to and fro.
 */
import { assertNever, PlenumError } from '../../shared/errors.js'
import type { Close } from './connection-closed.js'

export type Door = 'websocket' | 'event-stream' | 'event-stream-poll'

/** The best first. */
export const DOORS: readonly Door[] = Object.freeze(['websocket', 'event-stream', 'event-stream-poll'])

/** What a page knows about the way to one server; a failure of everything teaches it nothing. */
export interface DoorMemory {
  /** Through which one to try first. */
  readonly door: Door | null
  /** A look at it was good, and nobody has come through yet. */
  readonly isTrial: boolean
  /** From one look to the next. */
  readonly lookEveryMs: number
  /** Before this moment there is none, whatever the hints. */
  readonly noLookBeforeMs: number
}

export const NO_MEMORY: DoorMemory = Object.freeze({
  door: null,
  isTrial: false,
  lookEveryMs: 15_000,
  noLookBeforeMs: 0,
})

const FIRST_LOOK_MS = NO_MEMORY.lookEveryMs
const LONGEST_LOOK_MS = 600_000
/** Who was inside for so long may be looked for early again. */
const STEADY_MS = 60_000

export type Passage =
  /** `left`: which doors are still to be tried, in this order. */
  | { readonly phase: 'trying'; readonly door: Door; readonly left: readonly Door[] }
  | { readonly phase: 'inside'; readonly door: Door; readonly sinceMs: number }
  /** `next`: the doors to look at after `target`. */
  | {
      readonly phase: 'looking'
      readonly door: Door
      readonly sinceMs: number
      readonly target: Door
      readonly next: readonly Door[]
    }
  | { readonly phase: 'over' }

export type PassageEvent =
  | { readonly type: 'begin' }
  /** The door gave its first sign of life. */
  | { readonly type: 'alive' }
  /** It gave none in time. */
  | { readonly type: 'silent' }
  /** `isStalled`: something on the way holds back what the server sends. */
  | { readonly type: 'closed'; readonly close: Close; readonly isStalled: boolean }
  /** It is time for a look. */
  | { readonly type: 'due' }
  /** The network is back, or the user is. */
  | { readonly type: 'hint' }
  | { readonly type: 'looked'; readonly isGood: boolean }
  /** The owner let go. */
  | { readonly type: 'released' }

export type PassageEffect =
  | { readonly type: 'none' }
  | { readonly type: 'open'; readonly door: Door }
  /** Inside a lesser door: a look is due after so long. */
  | { readonly type: 'wait'; readonly delayMs: number }
  | { readonly type: 'look'; readonly door: Door }
  /** Out, and in again through a better door, once nothing is left to send. */
  | { readonly type: 'move' }
  | { readonly type: 'end'; readonly close: Close }

export interface Circumstances {
  readonly nowMs: number
  /** Those that may be used, the best first; at least one. */
  readonly doors: readonly Door[]
}

export interface Step {
  readonly passage: Passage
  readonly memory: DoorMemory
  readonly effect: PassageEffect
}

export const OUTSIDE: Passage = Object.freeze({ phase: 'over' })

const LOST = 1006
const NONE: PassageEffect = { type: 'none' }

/** What follows from an event. @throws internal for one that cannot be */
export const nextPassage = (
  passage: Passage,
  memory: DoorMemory,
  event: PassageEvent,
  at: Circumstances,
): Step => {
  switch (event.type) {
    case 'begin':
      if (passage.phase !== 'over') return impossible(passage, event)
      return begin(memory, at)
    case 'alive':
      return passage.phase === 'trying' ? enter(passage.door, memory, at) : impossible(passage, event)
    case 'silent':
      if (passage.phase !== 'trying') return impossible(passage, event)
      return tryNext(passage.left, memory, { code: LOST, reason: 'no answer' })
    case 'closed':
      return closed(passage, memory, event, at)
    case 'due':
      return passage.phase === 'inside' ? look(passage, memory, at) : still(passage, memory)
    case 'hint':
      return passage.phase === 'inside' ? hinted(passage, memory, at) : still(passage, memory)
    case 'looked':
      return passage.phase === 'looking' ? looked(passage, memory, event.isGood, at) : still(passage, memory)
    case 'released':
      return over(passage, memory, NONE, at)
    default:
      return assertNever(event)
  }
}

const still = (passage: Passage, memory: DoorMemory): Step => ({ passage, memory, effect: NONE })

const begin = (memory: DoorMemory, { doors }: Circumstances): Step => {
  const first = doors.find(door => door === memory.door) ?? doors[0]!
  const worse = doors.slice(doors.indexOf(first) + 1)
  const better = doors.slice(0, doors.indexOf(first))
  return open(first, [...worse, ...better], memory)
}

const open = (door: Door, left: readonly Door[], memory: DoorMemory): Step => ({
  passage: { phase: 'trying', door, left },
  memory,
  effect: { type: 'open', door },
})

const tryNext = ([door, ...left]: readonly Door[], memory: DoorMemory, close: Close): Step =>
  door === undefined ? { passage: OUTSIDE, memory, effect: { type: 'end', close } } : open(door, left, memory)

const enter = (door: Door, memory: DoorMemory, { nowMs, doors }: Circumstances): Step => {
  const isRelapse = memory.isTrial && door !== memory.door
  const noLookBeforeMs = isRelapse
    ? nowMs + LONGEST_LOOK_MS
    : Math.max(memory.noLookBeforeMs, door === doors[0] ? 0 : nowMs + FIRST_LOOK_MS)
  const lookEveryMs = isRelapse ? LONGEST_LOOK_MS : memory.lookEveryMs
  const remembered = { door, isTrial: false, lookEveryMs, noLookBeforeMs }
  return wait({ phase: 'inside', door, sinceMs: nowMs }, remembered, { nowMs, doors })
}

const wait = (
  passage: Passage & { phase: 'inside' },
  memory: DoorMemory,
  { nowMs, doors }: Circumstances,
): Step => {
  if (passage.door === doors[0]) return still(passage, memory)
  const delayMs = Math.max(memory.lookEveryMs, memory.noLookBeforeMs - nowMs)
  return { passage, memory, effect: { type: 'wait', delayMs } }
}

const closed = (
  passage: Passage,
  memory: DoorMemory,
  { close, isStalled }: PassageEvent & { type: 'closed' },
  at: Circumstances,
): Step => {
  if (passage.phase === 'over') return impossible(passage, { type: 'closed', close, isStalled })
  const end: PassageEffect = { type: 'end', close }
  if (passage.phase !== 'trying') {
    const isStream = passage.door === 'event-stream' && memory.door === passage.door
    const isHeldBack = isStalled && isStream && at.doors.includes('event-stream-poll')
    return over(passage, isHeldBack ? heldBack(memory, at) : memory, end, at)
  }
  if (isOurs(close)) return over(passage, memory, end, at)
  // Where no request comes through, none for answers that end does.
  const isStream = passage.door === 'event-stream'
  return tryNext(
    passage.left.filter(door => !(isStream && door === 'event-stream-poll')),
    memory,
    close,
  )
}

/** The stream opened and then brought nothing more. */
const heldBack = (memory: DoorMemory, { nowMs }: Circumstances): DoorMemory => ({
  ...memory,
  door: 'event-stream-poll',
  noLookBeforeMs: Math.max(memory.noLookBeforeMs, nowMs + FIRST_LOOK_MS),
})

const over = (passage: Passage, memory: DoorMemory, effect: PassageEffect, at: Circumstances): Step => {
  const isBest = passage.phase === 'inside' && passage.door === at.doors[0]
  const isSteady = isBest && at.nowMs - passage.sinceMs >= STEADY_MS
  const kept = isSteady ? { ...NO_MEMORY, door: passage.door } : memory
  return { passage: OUTSIDE, memory: kept, effect }
}

const hinted = (passage: Passage & { phase: 'inside' }, memory: DoorMemory, at: Circumstances): Step => {
  const delayMs = memory.noLookBeforeMs - at.nowMs
  return delayMs > 0 ? { passage, memory, effect: { type: 'wait', delayMs } } : look(passage, memory, at)
}

const look = (passage: Passage & { phase: 'inside' }, memory: DoorMemory, at: Circumstances): Step => {
  const better = at.doors.slice(0, at.doors.indexOf(passage.door))
  const [target, ...next] = better
  if (target === undefined) return still(passage, memory)
  // Somebody else on this page came through a better one meanwhile.
  if (better.some(door => door === memory.door)) return move(memory)
  const isEarly = at.nowMs < memory.noLookBeforeMs
  if (isEarly) return wait(passage, memory, at)
  const looking: DoorMemory = {
    ...memory,
    lookEveryMs: Math.min(LONGEST_LOOK_MS, memory.lookEveryMs * 2),
    noLookBeforeMs: at.nowMs + FIRST_LOOK_MS,
  }
  return {
    passage: { ...passage, phase: 'looking', target, next },
    memory: looking,
    effect: { type: 'look', door: target },
  }
}

const looked = (
  passage: Passage & { phase: 'looking' },
  memory: DoorMemory,
  isGood: boolean,
  at: Circumstances,
): Step => {
  if (isGood) return move({ ...memory, door: passage.target, isTrial: true })
  const [target, ...next] = passage.next
  if (target !== undefined) {
    return { passage: { ...passage, target, next }, memory, effect: { type: 'look', door: target } }
  }
  const { door, sinceMs } = passage
  return wait({ phase: 'inside', door, sinceMs }, memory, at)
}

const move = (memory: DoorMemory): Step => ({ passage: OUTSIDE, memory, effect: { type: 'move' } })

/** An answer of the server's, whatever it says, proves the door. */
const isOurs = ({ code }: Close): boolean => code >= 4400 && code < 4600

const impossible = (passage: Passage, event: PassageEvent): never => {
  throw new PlenumError('internal', `"${event.type}" cannot be while the passage is ${passage.phase}`)
}
