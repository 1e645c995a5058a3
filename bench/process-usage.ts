/** What the kernel says that a process and its children used: CPU of all threads, dead ones too, bytes, memory. Linux. */
import { readdirSync, readFileSync } from 'node:fs'

export interface Usage {
  readonly cpuSeconds: number
  /** Bytes that were caused to be written to storage. */
  readonly writtenBytes: number
  readonly rssBytes: number
}

/** What the kernel counts CPU time in, on every Linux that Node runs on. */
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
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
    writtenBytes,
    rssBytes: Number(rss) * 1024,
  }
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
