/**
 * How the thread that serves connections may rest, and be awake when another has something for it: whoever posts it an
 * answer rings. One bell a process, which its threads are born with.
 */
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads'

const KEY = 'plenum-bell'

const given = getEnvironmentData(KEY)
const memory =
  given instanceof SharedArrayBuffer ? given : new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)
if (memory !== given) setEnvironmentData(KEY, memory)

/** How often it was rung. */
const rings = new Int32Array(memory)
let heard = 0

/** Call it when the answer is posted. */
export const ring = (): void => {
  Atomics.add(rings, 0, 1)
  Atomics.notify(rings, 0)
}

/** Blocks the thread until it is rung or the time is over, ms; not at all where it was rung since the last rest. */
export const rest = (ms: number): void => {
  Atomics.wait(rings, 0, heard, ms)
  heard = Atomics.load(rings, 0)
}
