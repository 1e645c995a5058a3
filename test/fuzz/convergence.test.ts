/** Replicas converge, and what was acknowledged stays, whatever happens between a server and its clients. */
import { seedFrom } from '../support/rng.js'
import { isLongRun, suite } from '../support/suite.js'
import { World } from './world.js'

const test = suite('convergence')

const STEPS = 400
const FIRST_SEED = 1
const SEEDS = isLongRun ? 2000 : 50

const runSeed = async (seed: number): Promise<void> => {
  const world = new World(seed)
  try {
    await world.run(STEPS)
  } catch (error) {
    const journal = world.journal.slice(-40).join(', ')
    throw new Error(`seed ${seed}: ${(error as Error).message}\n  the end of it: ${journal}`, {
      cause: error,
    })
  } finally {
    world.close()
  }
}

test('[M1] [M2] [S1] replicas converge and nothing acknowledged is lost', {
  timeoutMs: 1_800_000,
}, async () => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) await runSeed(seed)
})

/** Seeds that failed once. */
const REGRESSIONS: Readonly<Record<number, string>> = {
  843: 'a reader cleans up formats that nobody else does',
}

for (const [seed, what] of Object.entries(REGRESSIONS)) {
  test(`[M1] seed ${seed}: ${what}`, () => runSeed(Number(seed)))
}

test('[M1] [M2] [S1] so they do with a seed that nobody has seen', () => runSeed(seedFrom()))
