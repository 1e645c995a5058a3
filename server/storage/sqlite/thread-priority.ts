/** Long work gives way: where cores are short, the threads that serve people go first. */
import { readlinkSync } from 'node:fs'
import { setPriority } from 'node:os'
import { basename } from 'node:path'

/** A third of what a thread of ours has: enough to end, whatever else there is to do. */
const NICENESS = 5

/** Lowers the priority of the calling thread alone. Only Linux knows threads by number; elsewhere nothing happens. */
export const giveWay = (): void => {
  try {
    setPriority(Number(basename(readlinkSync('/proc/thread-self'))), NICENESS)
  } catch {
    // It is a courtesy, and the work is the same without it.
  }
}
