/** Long work gives way: where cores are short, the threads that serve people go first. */
import { readlinkSync } from 'node:fs'
import { constants, setPriority } from 'node:os'
import { basename } from 'node:path'

/** Lowers the priority of the calling thread alone. Only Linux knows threads by number; elsewhere nothing happens. */
export const giveWay = (): void => {
  try {
    setPriority(Number(basename(readlinkSync('/proc/thread-self'))), constants.priority.PRIORITY_BELOW_NORMAL)
  } catch {
    // It is a courtesy, and the work is the same without it.
  }
}
