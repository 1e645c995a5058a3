/**
 * Places where a test makes the store fail: by an error, by the death of the worker or of the whole process, or be
 * slow. Without any configured they cost one map look-up.
 */

export const FAILPOINTS = [
  'append:before-commit',
  'append:after-commit',
  'journal:before-fold',
  'members:before-save',
  'catalogue:before-commit',
  'load:before-read',
  'migration:before-commit',
  'compaction:before-part',
  'compaction:before-store',
  'compaction:after-store',
] as const
export type FailpointName = (typeof FAILPOINTS)[number]

const ACTIONS = ['throw', 'exit', 'kill', 'stall'] as const
/** A slow disk: long enough for a kill from outside to hit. */
const DEFAULT_STALL_MS = 25

export interface Failpoint {
  /** An error like that of a failed fsync; the end of the worker; SIGKILL to the process; a pause. */
  readonly action: (typeof ACTIONS)[number]
  /** How long a pause is; 25 ms by default. */
  readonly stallMs?: number
  /** How many passes go well before it acts; 0 by default. */
  readonly skip?: number
  /** How often it acts; always by default. */
  readonly times?: number
}

export type Failpoints = { readonly [Name in FailpointName]?: Failpoint }

/** Passes the named place: returns, or acts as configured. */
export type PassFailpoint = (name: FailpointName) => void

/** The counters belong to the returned function: one per worker. */
export const createFailpoints = (failpoints: Failpoints = {}): PassFailpoint => {
  const passes = new Map<FailpointName, number>()
  return name => {
    const point = failpoints[name]
    if (point === undefined) return
    const pass = passes.get(name) ?? 0
    passes.set(name, pass + 1)
    const { skip = 0, times = Number.POSITIVE_INFINITY } = point
    if (pass < skip || pass >= skip + times) return
    if (point.action === 'kill') process.kill(process.pid, 'SIGKILL')
    if (point.action === 'exit') process.exit(1)
    if (point.action === 'stall') {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, point.stallMs ?? DEFAULT_STALL_MS)
      return
    }
    throw Object.assign(new Error(`injected failure at ${name}`), { code: 'SQLITE_IOERR_FSYNC' })
  }
}

/**
 * Reads `name=action[*times][@skip]`, several separated by commas, e.g. `compaction:before-store=kill@2`. A stall may
 * say for how long: `append:before-commit=stall:5` is a disk that takes 5 ms more for each sync.
 * @throws RangeError for anything else
 */
export const parseFailpoints = (text: string): Failpoints => {
  const failpoints: { [Name in FailpointName]?: Failpoint } = {}
  for (const part of text.split(',').filter(part => part !== '')) {
    const match = /^([a-z:-]+)=([a-z]+)(?::(\d+))?(?:\*(\d+))?(?:@(\d+))?$/.exec(part)
    const name = FAILPOINTS.find(known => known === match?.[1])
    const action = ACTIONS.find(known => known === match?.[2])
    const isTimed = match?.[3] !== undefined
    if (match === null || name === undefined || action === undefined || (isTimed && action !== 'stall')) {
      throw new RangeError(`not a failpoint: ${part}`)
    }
    failpoints[name] = {
      action,
      ...(isTimed ? { stallMs: Number(match[3]) } : {}),
      ...(match[4] === undefined ? {} : { times: Number(match[4]) }),
      ...(match[5] === undefined ? {} : { skip: Number(match[5]) }),
    }
  }
  return failpoints
}
