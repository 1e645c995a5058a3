/** How much of the processor a thread of this process has had, as Linux tells; elsewhere nobody knows. */
import { readFileSync, readlinkSync } from 'node:fs'

/** What the kernel counts processor time in, on every Linux that Node runs on. */
const MS_PER_TICK = 10

/** The kernel's number of the calling thread; 0 where there is none. */
export const threadNumber = (): number => {
  try {
    return Number(readlinkSync('/proc/thread-self').split('/').at(-1))
  } catch {
    return 0
  }
}

/** @returns null where it is not known */
export const threadCpuMs = (thread: number): number | null => {
  if (thread === 0) return null
  try {
    const stat = readFileSync(`/proc/self/task/${thread}/stat`, 'utf8')
    // Behind "id (name) " stands the third field; user and system time are fields 14 and 15.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK
  } catch {
    return null
  }
}
