/** Seeded randomness for fuzz tests: the seed is shown with the result, and PLENUM_SEED repeats it. */
import { randomInt } from 'node:crypto'
import * as prng from 'lib0/prng'
import { note } from './suite.js'

export type Rng = prng.PRNG

/** PLENUM_SEED, or a fresh one; either way it is shown under the file's result. */
export const seedFrom = (env: NodeJS.ProcessEnv = process.env): number => {
  const wanted = env.PLENUM_SEED
  const seed = wanted === undefined || wanted === '' ? randomInt(2 ** 31) : Number(wanted)
  if (!Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32) throw new Error(`not a seed: ${wanted}`)
  note(`seed: PLENUM_SEED=${seed}`)
  return seed
}

export const createRng = (seed: number): Rng => prng.create(seed)

/** An integer from `min` to `max`, both included. */
export const int = (rng: Rng, min: number, max: number): number => prng.int53(rng, min, max)

export const chance = (rng: Rng, probability: number): boolean => rng.next() < probability

export const pick = <T>(rng: Rng, from: readonly T[]): T => {
  if (from.length === 0) throw new Error('nothing to pick from')
  return from[int(rng, 0, from.length - 1)] as T
}

export const bytes = (rng: Rng, length: number): Uint8Array =>
  Uint8Array.from({ length }, () => int(rng, 0, 255))
