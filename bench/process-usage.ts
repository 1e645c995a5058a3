/** What the kernel says that a process and its children used: CPU of all threads, dead ones too, bytes, memory. Linux. */
import { readdirSync, readFileSync } from 'node:fs'

export interface Usage {
  readonly cpuSeconds: number
  /** Bytes that were caused to be written to storage. */
  readonly writtenBytes: number
  readonly rssBytes: number
}

/** What the kernel counts a process's CPU time in, on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100

/** The process with all that it has started. @throws where it is gone */
export const usageOf = (pid: number): Usage => {
  const usages = [pid, ...childrenOf(pid)].map(usageOfOne)
  const sum = (key: keyof Usage): number => usages.reduce((total, usage) => total + usage[key], 0)
  return { cpuSeconds: sum('cpuSeconds'), writtenBytes: sum('writtenBytes'), rssBytes: sum('rssBytes') }
}

const usageOfOne = (pid: number): Usage => {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // Behind "pid (name) " stands the third field; user and system time are fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const writtenBytes = Number(/^write_bytes: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1])
  const rss = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return {
    cpuSeconds: preciseCpuSeconds(pid) ?? (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
    writtenBytes,
    rssBytes: Number(rss) * 1024,
  }
}

/** What each thread of a process had used when it was last looked at, ns: of those that ended since, too. */
const threadTimes = new Map<number, Map<string, number>>()

/** To the nanosecond, where this kernel tells: of 40 ms, a tick of 10 would be a quarter. */
const preciseCpuSeconds = (pid: number): number | null => {
  const times = threadTimes.get(pid) ?? new Map<string, number>()
  threadTimes.set(pid, times)
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      const [ranNs] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')
      times.set(thread, Number(ranNs))
    } catch {
      // The thread has ended, or this kernel does not tell.
    }
  }
  const sumNs = [...times.values()].reduce((sum, ns) => sum + ns, 0)
  return sumNs === 0 ? null : sumNs / 1e9
}

const childrenOf = (pid: number): number[] => {
  const threads = readdirSync(`/proc/${pid}/task`)
  const children = threads.flatMap(thread => {
    try {
      return readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8')
        .split(' ')
        .filter(Boolean)
        .map(Number)
    } catch {
      return [] // the thread has ended, or this kernel lists no children
    }
  })
  return children.flatMap(child => [child, ...childrenOf(child)])
}
