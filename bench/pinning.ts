/** Server and load on cores of their own, so that the one does not take the time of the other. */
import { spawnSync } from 'node:child_process'
import { cpus } from 'node:os'

export const SERVER_CORE = 0
export const LOAD_CORE = 1

/** Why nothing is pinned here; null where it is. */
export const whyNotPinned = (): string | null => {
  if (cpus().length < 2) return 'one core for all: server and clients share it'
  const probe = spawnSync('taskset', ['-c', String(LOAD_CORE), 'true'], { encoding: 'utf8' })
  return probe.status === 0 ? null : 'not pinned to cores: there is no taskset here'
}

/** The command line that runs a program on one core, or as it is where that cannot be. */
export const pinned = (core: number, command: readonly string[]): [string, ...string[]] => {
  const line = isPinned() ? ['taskset', '-c', String(core), ...command] : command
  return line as [string, ...string[]]
}

/** The command line that runs a program on every core, whatever this process is pinned to. */
export const unpinned = (command: readonly string[]): [string, ...string[]] => {
  const line = isPinned() ? ['taskset', '-c', `0-${cpus().length - 1}`, ...command] : command
  return line as [string, ...string[]]
}

let answer: boolean | null = null
const isPinned = (): boolean => {
  answer ??= whyNotPinned() === null
  return answer
}
