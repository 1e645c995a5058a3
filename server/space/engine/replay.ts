/**
 * Replaying stored updates into a verified state. A state is verified when what it encodes to was loaded
 * again and encoded to the same bytes: some updates apply without complaint and yet leave a state that nobody
 * can load.
 */
import * as Y from 'yjs'
import { isEqual } from '../byte-strings.js'
import type { DroppedInput, LoggedFlush } from '../update-store.js'

export type Replay =
  /** One update (v1) with everything in it, verified. */
  | { readonly type: 'loaded'; readonly update: Uint8Array }
  | { readonly type: 'failed'; readonly reason: string }

export type Recovery =
  | { readonly type: 'recovered'; readonly update: Uint8Array; readonly dropped: readonly DroppedInput[] }
  | { readonly type: 'failed'; readonly reason: string }

/** A log with more poison than this is left to an operator. */
const MAX_DROPPED_FLUSHES = 64

/** Applies the updates to an empty document, all in one transaction. */
export const replay = (updates: readonly Uint8Array[]): Replay => {
  const built = build(updates)
  if (built.type === 'failed') return built
  if (built.incomplete.length > 0) {
    return { type: 'failed', reason: `update ${built.incomplete[0]} builds on what is not there` }
  }
  return verify(built.update)
}

/**
 * Finds what keeps the state from loading and leaves it out: by binary search the first flush with which the
 * state does not load, in it the one input without which it does; and whatever only built on that. Where a
 * flush has no `inputs` it is one sender's and is left out whole.
 */
export const recover = (snapshot: Uint8Array | null, flushes: readonly LoggedFlush[]): Recovery => {
  let base: Replay = snapshot === null ? EMPTY : replay([snapshot])
  if (base.type === 'failed') return { type: 'failed', reason: `the snapshot does not load: ${base.reason}` }
  const dropped: DroppedInput[] = []
  let next = 0
  for (let found = 0; found <= MAX_DROPPED_FLUSHES; found++) {
    const good = longestGoodPrefix(base.update, flushes, next)
    base = { type: 'loaded', update: good.update }
    const offender = flushes[good.end]
    if (offender === undefined) return { type: 'recovered', update: base.update, dropped }
    const without = leaveOut(base.update, offender)
    base = { type: 'loaded', update: without.update }
    dropped.push(...without.dropped)
    next = good.end + 1
  }
  return { type: 'failed', reason: `more than ${MAX_DROPPED_FLUSHES} flushes do not load` }
}

const EMPTY: Replay = Object.freeze({ type: 'loaded', update: Uint8Array.of(0, 0) })

type Built =
  | {
      readonly type: 'built'
      readonly update: Uint8Array
      /** Indexes of updates of which some did not fit; that rest is left out. */
      readonly incomplete: readonly number[]
    }
  | { readonly type: 'failed'; readonly reason: string }

const build = (updates: readonly Uint8Array[]): Built => {
  const doc = new Y.Doc()
  try {
    const incomplete: number[] = []
    doc.transact(() => {
      updates.forEach((update, i) => {
        Y.applyUpdate(doc, update)
        if (dropPending(doc)) incomplete.push(i)
      })
    })
    return { type: 'built', update: Y.encodeStateAsUpdate(doc), incomplete }
  } catch (error) {
    return { type: 'failed', reason: `an update cannot be applied: ${String(error)}` }
  } finally {
    doc.destroy()
  }
}

const verify = (update: Uint8Array): Replay => {
  const again = build([update])
  if (again.type === 'failed') return { type: 'failed', reason: `the state does not load: ${again.reason}` }
  if (again.incomplete.length > 0) return { type: 'failed', reason: 'the state loads only in part' }
  if (!isEqual(update, again.update)) return { type: 'failed', reason: 'the state loads as another' }
  return { type: 'loaded', update }
}

const dropPending = (doc: Y.Doc): boolean => {
  const { store } = doc
  if (store.pendingStructs === null && store.pendingDs === null) return false
  store.pendingStructs = null
  store.pendingDs = null
  return true
}

/** `flushes[end]` is the first with which the state does not load; `update` is the state before it. */
const longestGoodPrefix = (
  base: Uint8Array,
  flushes: readonly LoggedFlush[],
  from: number,
): { readonly end: number; readonly update: Uint8Array } => {
  const replayTo = (start: Uint8Array, begin: number, end: number): Replay =>
    replay([start, ...flushes.slice(begin, end).flatMap(flush => flush.updates)])
  let good = { end: from, update: base }
  const whole = replayTo(base, from, flushes.length)
  if (whole.type === 'loaded') return { end: flushes.length, update: whole.update }
  let bad = flushes.length
  while (bad - good.end > 1) {
    const middle = (good.end + bad) >> 1
    const tried = replayTo(good.update, good.end, middle)
    if (tried.type === 'loaded') good = { end: middle, update: tried.update }
    else bad = middle
  }
  return good
}

/** The state with as much of the flush as loads; `base` does. */
const leaveOut = (
  base: Uint8Array,
  flush: LoggedFlush,
): { readonly update: Uint8Array; readonly dropped: readonly DroppedInput[] } => {
  // After something was left out, an update may have lost what it builds on without being the poison.
  const partial = build([base, ...flush.updates])
  if (partial.type === 'built' && partial.incomplete.length > 0) {
    const verified = verify(partial.update)
    if (verified.type === 'loaded') return { update: verified.update, dropped: [wholeFlush(flush)] }
  }
  const bySize = flush.inputs.map((_, i) => i).sort((a, b) => inputBytes(flush, a) - inputBytes(flush, b))
  for (const i of bySize) {
    const kept = flush.inputs.filter((_, other) => other !== i).map(({ update }) => update)
    const built = build([base, ...kept])
    const verified = built.type === 'built' ? verify(built.update) : built
    if (verified.type === 'loaded') {
      const { user, update } = flush.inputs[i]!
      return {
        update: verified.update,
        dropped: [{ position: flush.position, user, bytes: update.length }],
      }
    }
  }
  return { update: base, dropped: [wholeFlush(flush)] }
}

const inputBytes = (flush: LoggedFlush, i: number): number => flush.inputs[i]!.update.length

const wholeFlush = (flush: LoggedFlush): DroppedInput => ({
  position: flush.position,
  user: flush.deliveries[0]?.user ?? flush.inputs[0]?.user ?? '',
  bytes: flush.updates.reduce((sum, update) => sum + update.length, 0),
})
